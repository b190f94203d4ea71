/**
 * `deno task predict` as a whole command: rows a second on 20,000 short texts and 2,000 long ones, with MiniLM's 6
 * layers, against Python (tokenizers and ONNX Runtime on the exported model, sorted by length) and transformers.js's
 * pipeline. The sides take turns.
 */
import { stringify } from "csv-stringify/sync";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dataset } from "../lib/data/dataset.ts";
import { type Dataset, wholeText } from "../lib/data/examples.ts";
import { median } from "../lib/results/statistics.ts";
import { type BenchmarkOptions, timed } from "./timing.ts";

const cases = {
  "short texts": { data: "wordnet-types", rows: 20_000, maxLength: 128, trained: 48, least: 1.5 },
  "long texts": { data: "imdb", rows: 2000, maxLength: 512, trained: 8, least: 1 },
} as const;

/** Runs the benchmark; returns its numbers for the history. */
export async function benchPredict(
  { engine, python, repeats, say }: BenchmarkOptions,
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  const folder = await mkdtemp(join(tmpdir(), "bertlab-predict-"));
  const deno = (...args: string[]) => timed(Deno.execPath(), args);
  try {
    for (const [name, { data, rows, maxLength, trained, least }] of Object.entries(cases)) {
      const { train, input } = await writeTexts(folder, await dataset(data), { rows, trained });
      const [model, exported, output] = ["model", "exported", "labels.csv"].map((part) =>
        join(folder, `${name} ${part}`)
      ) as [string, string, string];
      const settings = ["--epochs", "1", "--max-length", `${maxLength}`, "--truncation", "head"];
      await deno(
        "task",
        "--quiet",
        "train",
        "--train",
        train,
        "--dev",
        train,
        "--output",
        model,
        ...settings,
      );
      await deno("task", "--quiet", "export", "--model", model, "--output", exported);
      const files = ["--input", input, "--output", output];
      const sides: Record<string, () => Promise<{ seconds: number }>> = {
        [engine]: () => deno("task", "--quiet", "predict", "--model", model, ...files, "--engine", engine),
        ...python === undefined ? {} : {
          "Python": () =>
            timed(python, [
              join(import.meta.dirname!, "predict.py"),
              exported,
              input,
              output,
              `${maxLength}`,
            ]),
        },
        "transformers.js": () =>
          deno(
            "run",
            "--quiet",
            "-A",
            join(import.meta.dirname!, "predict_pipeline.ts"),
            exported,
            input,
            output,
          ),
      };
      const speeds: Record<string, number[]> = Object.fromEntries(
        Object.keys(sides).map((side) => [side, []]),
      );
      for (let i = 0; i < repeats; i++) {
        for (const [side, run] of Object.entries(sides)) speeds[side]!.push(rows / (await run()).seconds);
      }
      const middle = Object.fromEntries(Object.entries(speeds).map(([side, all]) => [side, median(all)]));
      const peers = Object.entries(middle).filter(([side]) => side !== engine).map(([, speed]) => speed);
      const ratio = middle[engine]! / Math.max(...peers);
      const each = Object.entries(middle).map(([side, speed]) => `${side} ${speed.toFixed(0)} rows a second`);
      say(
        `${name}: ${each.join("; ")}; ${
          ratio.toFixed(2)
        } times the better peer (at least ${least} is asked for)`,
      );
      results[name] = speeds;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

async function writeTexts(
  folder: string,
  { labels, train, test }: Dataset,
  { rows, trained }: { rows: number; trained: number },
): Promise<{ train: string; input: string }> {
  const labelled = labels.flatMap((label, place) =>
    train.filter((example) => example.label === place).slice(0, Math.ceil(trained / labels.length))
      .map((example) => ({ text: wholeText(example), label }))
  );
  const texts = [...train, ...test].map(wholeText);
  const write = async (name: string, records: readonly object[]) => {
    const file = join(folder, name);
    await writeFile(file, stringify([...records], { header: true }));
    return file;
  };
  return {
    train: await write("train.csv", labelled),
    input: await write(
      "input.csv",
      Array.from({ length: rows }, (_, row) => ({ text: texts[row % texts.length]! })),
    ),
  };
}
