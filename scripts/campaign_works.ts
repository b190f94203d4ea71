/** The work of `deno task campaign`: each command on tiny texts and a tiny model, and what it leaves. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../lib/bert/checkpoint.ts";
import { startModel } from "../lib/bert/start_model.ts";
import { fold, Random } from "../lib/random.ts";

/** A command to kill. */
export interface Work {
  readonly name: string;
  readonly task: string;
  /** Its arguments; the output is OUT. */
  readonly args: readonly string[];
  /** Arguments that make an older output of another content, where it may lie in the place of the new one. */
  readonly older?: readonly string[];
  /** Added where an older output lies. */
  readonly overwrite?: string;
  /** Added to go on after a kill. */
  readonly goOn?: string;
  /** The output is read only if this file is there; "" where the output is a file itself. */
  readonly key: string;
}

/** Writes what the commands read, and returns them; `results` are the records that reports are made of. */
export async function makeWorks(
  folder: string,
): Promise<{ works: Work[]; environment: Record<string, string> }> {
  const at = (...names: string[]) => join(folder, ...names);
  await writeTexts(folder);
  const model = at("start");
  const data = at("data");
  const steps = ["--batch-size", "8", "--max-length", "16", "--checkpoint-every", "3"];
  const train = [
    "--train",
    at("train.csv"),
    "--test",
    at("test.csv"),
    "--model",
    model,
    "--output",
    "OUT",
    ...steps,
  ];
  const pretrain = [
    "--text",
    at("texts.txt"),
    "--model",
    model,
    "--output",
    "OUT",
    "--steps",
    "40",
    ...steps,
  ];
  const reproduce = [
    ...["figure3", "--scale", "imdb", "--row", "0", "--row", "50000", "--row", "500000", "--column", "IMDb"],
    ...["--data-dir", data, "--offline", "--model", model, "--results", "OUT", "--set", "maxLength=16"],
    ...["--set", "batchSize=8", "--set", "epochs=2", "--set", "preTraining.steps=30"],
    ...["--set", "preTraining.batchSize=4", "--set", "preTraining.maxLength=16", "--set", "limits.train=64"],
  ];
  const use = ["--model", at("trained"), "--input", at("test.csv"), "--output", "OUT"];
  const records = ["--scale", "imdb", "--results"];
  const seed = ["--seed", "2"];
  const replaced = { overwrite: "--overwrite" } as const;
  const resumed = { goOn: "--resume" } as const;
  const itpt = ["--recipe", "itpt-fit", "--pretrain-steps", "30", "--pretrain-batch-size", "4"]
    .concat("--pretrain-length", "16");
  const works: Work[] = [
    {
      name: "train",
      task: "train",
      args: train,
      older: [...train, ...seed],
      ...replaced,
      ...resumed,
      key: "config.json",
    },
    {
      name: "itpt-fit",
      task: "train",
      args: [...train, ...itpt],
      older: [...train, ...seed],
      ...replaced,
      ...resumed,
      key: "config.json",
    },
    {
      name: "pretrain",
      task: "pretrain",
      args: pretrain,
      older: [...pretrain, ...seed],
      ...replaced,
      ...resumed,
      key: "config.json",
    },
    { name: "reproduce", task: "reproduce", args: reproduce, key: "imdb/records.jsonl" },
    {
      name: "predict",
      task: "predict",
      args: [...use, "--format", "csv"],
      older: [...use, "--format", "csv", "--model", at("trained-2")],
      key: "",
    },
    { name: "evaluate", task: "evaluate", args: use, older: [...use, "--model", at("trained-2")], key: "" },
    {
      name: "export",
      task: "export",
      args: ["--model", at("trained"), "--output", "OUT"],
      older: ["--model", at("trained-2"), "--output", "OUT"],
      ...replaced,
      key: "config.json",
    },
    {
      name: "report",
      task: "report",
      args: [...records, at("results"), "--output", "OUT"],
      older: [...records, at("results-2"), "--output", "OUT"],
      key: "index.html",
    },
    {
      name: "publish",
      task: "publish",
      args: [...records, at("results"), "--to", "OUT"],
      older: [...records, at("results-2"), "--to", "OUT"],
      key: "index.html",
    },
  ];
  const environment = { BERTLAB_CACHE: at("cache"), BERTLAB_DATA: data, HF_HUB_OFFLINE: "1" };
  return { works, environment };
}

/** Runs that others need: trained models, and records of two seeds. */
export const preparations: readonly {
  readonly work: string;
  readonly output: string;
  readonly more: string[];
}[] = [
  { work: "train", output: "trained", more: [] },
  { work: "train", output: "trained-2", more: ["--seed", "2"] },
  { work: "reproduce", output: "results", more: [] },
  { work: "reproduce", output: "results-2", more: ["--set", "epochs=1"] },
];

async function writeTexts(folder: string): Promise<void> {
  const text = (seed: number, label: number) => {
    const random = new Random(fold(7, seed));
    const word = () => "bdgkmnpt"[random.below(8)]! + (random.uniform() < .3 ? "ou"[label]! : "e");
    return Array.from({ length: 6 }, word).join(" ");
  };
  const table = (count: number, first: number) =>
    ["text,label", ...Array.from({ length: count }, (_, n) => `${text(first + n, n % 2)},${"ou"[n % 2]}`)]
      .join("\n") + "\n";
  await writeFile(join(folder, "train.csv"), table(96, 0));
  await writeFile(join(folder, "test.csv"), table(24, 1000));
  const documents = Array.from(
    { length: 40 },
    (_, n) => `${text(2000 + n, n % 2)}. ${text(3000 + n, n % 2)}.`,
  );
  await writeFile(join(folder, "texts.txt"), documents.join("\n\n"));
  for (const [split, count] of [["train", 40], ["test", 10]] as const) {
    for (const [label, name] of ["neg", "pos"].entries()) {
      const place = join(folder, "data", "aclImdb", split, name);
      await mkdir(place, { recursive: true });
      for (let n = 0; n < count; n++) {
        const first = (split === "train" ? 4000 : 5000) + 100 * label;
        await writeFile(
          join(place, `${n}_${label ? 9 : 2}.txt`),
          `${text(first + n, label)}. ${text(first + n + 50, label)}.`,
        );
      }
    }
  }
  const model = await startModel("new", {
    seed: 1,
    texts: documents,
    architecture: {
      ...{ tokens: "characters", vocabulary: 40, layers: 1, hidden: 16, heads: 2, intermediate: 32 },
      initializerRange: .2,
    },
  });
  await saveCheckpoint(join(folder, "start"), { ...model, tokenizerFiles: model.tokenizer.files });
}

/** The files of an output by their paths, without what differs from run to run: times and the memory that was used. */
export async function contentsOf(output: string): Promise<Map<string, string>> {
  const entries = await readdir(output, { recursive: true, withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) {
    const content = await readFile(output).catch(() => undefined);
    return new Map(content === undefined ? [] : [["", timeless("", content)]]);
  }
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) =>
    join(parentPath, name)
  ).sort();
  const contents = files.map(async (path) =>
    [path.slice(output.length + 1), timeless(path, await readFile(path))] as const
  );
  return new Map(await Promise.all(contents));
}

const times =
  /"[^"]*(seconds|Seconds|_per_second|_per_step|made|start|peakMemoryBytes|commit)":\s*("[^"]*"|[\d.e+-]+|null)/g;

function timeless(path: string, content: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(content);
  if (/\.(safetensors|onnx)$/.test(path)) return text;
  const plain = text.replaceAll(times, "").replaceAll(/\d+ (s|min|h)( \d+ (s|min))?\b|\d\d:\d\d/g, "");
  // The order of records is that in which they were made.
  return path.endsWith(".jsonl") ? plain.split("\n").sort().join("\n") : plain;
}
