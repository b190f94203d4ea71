/**
 * `deno task train` as a whole command (start-up, reading, wordpieces, training, evaluation, writing) against PyTorch
 * with transformers on the same files and weights: long documents in five classes, MiniLM's 6 layers, 512 wordpieces.
 */
import { stringify } from "csv-stringify/sync";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveModel } from "../lib/bert/models.ts";
import { dataset } from "../lib/data/dataset.ts";
import { type Example, wholeText } from "../lib/data/examples.ts";
import { InputError } from "../lib/errors.ts";

/** Least characters of a document. */
const characters = 1700;

const sizes = { train: 180, dev: 30, test: 90 };
const classes = 5;
const epochs = 2;
const learningRate = 2e-4;

/** The part of a long text that is kept, and the layer-wise decay. */
const variants = [["head+tail", .95], ["head+tail", 1], ["head", .95], ["tail", .95]] as const;

/** Runs the benchmark; returns its numbers for the history. */
export async function benchTrain(
  { engine, python, say }: { engine: string; python?: string; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  const folder = await mkdtemp(join(tmpdir(), "bertlab-train-"));
  try {
    const files = await writeDocuments(folder);
    say(`${sizes.train} training, ${sizes.dev} dev and ${sizes.test} test documents, ${epochs} epochs`);
    const model = await resolveModel("minilm");
    for (const [truncation, decay] of variants) {
      const output = join(folder, `${truncation}-${decay}`);
      const given = {
        ...files,
        truncation,
        "layer-decay": decay,
        epochs,
        "learning-rate": learningRate,
        engine,
        output,
      };
      const options = Object.entries(given).flatMap(([name, value]) => [`--${name}`, `${value}`]);
      const ours = await timed(Deno.execPath(), ["task", "--quiet", "train", ...options]);
      const { test } = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
      const sides: Record<string, Side> = { [engine]: { seconds: ours.seconds, error: test.error_rate } };
      if (python !== undefined) {
        const script = join(import.meta.dirname!, "train.py");
        const settings = [truncation, decay, epochs, learningRate].map(String);
        const peer = [script, files.train, files.dev, files.test, model, ...settings];
        const { seconds, out } = await timed(python, peer);
        sides["PyTorch"] = { seconds, ...JSON.parse(out) };
      }
      const label = `${truncation}, decay ${decay}`;
      say(`${label}: ${Object.entries(sides).map(told).join("; ")}`);
      results[label] = sides;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

interface Side {
  readonly seconds: number;
  /** Share of the test documents that are classified wrong. */
  readonly error: number;
}

const told = ([side, { seconds, error }]: [string, Side]) =>
  `${side} ${seconds.toFixed(0)} s, test error ${(100 * error).toFixed(1)} %`;

async function timed(command: string, args: readonly string[]): Promise<{ seconds: number; out: string }> {
  const start = performance.now();
  const run = await new Deno.Command(command, {
    args: [...args],
    cwd: join(import.meta.dirname!, ".."),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array<ArrayBuffer>) => new TextDecoder().decode(bytes).trim();
  if (run.success) return { seconds: (performance.now() - start) / 1000, out: text(run.stdout) };
  throw new InputError(`Cannot run ${command}: ${text(run.stderr).split("\n").at(-1)}`);
}

/** Writes CSV files of the splits: mails of the five lists with most mail, joined into long documents. */
async function writeDocuments(folder: string): Promise<Record<keyof typeof sizes, string>> {
  const { labels, train, dev, test } = await dataset("mailing-lists");
  const of = (label: number, mails: readonly Example[]) =>
    documentsOf(mails.filter((mail) => mail.label === label).map(wholeText));
  const all = [...train, ...dev, ...test];
  const lists = labels.map((name, label) => ({ name, documents: of(label, all) }))
    .sort((a, b) => b.documents.length - a.documents.length).slice(0, classes);
  const needed = Object.values(sizes).reduce((sum, size) => sum + size) / classes;
  if (lists.some(({ documents }) => documents.length < needed)) {
    throw new InputError(`Cannot make ${needed} documents of each of ${classes} lists`);
  }
  const rows = Array.from(
    { length: needed },
    (_, place) => lists.map(({ name, documents }) => ({ text: documents[place]!, label: name })),
  ).flat();
  const write = async (split: keyof typeof sizes, start: number) => {
    const file = join(folder, `${split}.csv`);
    await writeFile(file, stringify(rows.slice(start, start + sizes[split]), { header: true }));
    return file;
  };
  return {
    train: await write("train", 0),
    dev: await write("dev", sizes.train),
    test: await write("test", sizes.train + sizes.dev),
  };
}

function documentsOf(mails: readonly string[]): string[] {
  const documents: string[] = [];
  let document = "";
  for (const mail of mails) {
    document += document === "" ? mail : `\n\n${mail}`;
    if (document.length < characters) continue;
    documents.push(document);
    document = "";
  }
  return documents;
}
