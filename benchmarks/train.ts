/**
 * `deno task train` as a whole command (start-up, reading, wordpieces, training, evaluation, writing) against PyTorch
 * with transformers' Trainer on the same files and weights, MiniLM's 6 layers: short sentences, long texts cut to 128
 * wordpieces, reviews of up to 512, and reviews in fractions. The sides take turns.
 */
import { stringify } from "csv-stringify/sync";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveModel } from "../lib/bert/models.ts";
import { dataset } from "../lib/data/dataset.ts";
import { type Dataset, stratifiedOrder, wholeText } from "../lib/data/examples.ts";
import { median } from "../lib/results/statistics.ts";
import { type BenchmarkOptions, timed } from "./timing.ts";

/** A task, and the most of PyTorch's time that ours may take. */
interface Case {
  readonly data: string;
  /** Least characters of a text. */
  readonly characters: number;
  readonly sizes: Readonly<Record<"train" | "dev" | "test", number>>;
  readonly truncation: string;
  readonly maxLength: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly limit: number;
}

const cases: Readonly<Record<string, Case>> = {
  "short sentences": {
    ...{ data: "wordnet-types", characters: 0, sizes: { train: 1000, dev: 100, test: 300 }, epochs: 2 },
    ...{ truncation: "head+tail", maxLength: 128, learningRate: 2e-4, limit: .5 },
  },
  "cut to 128": {
    ...{ data: "imdb", characters: 900, sizes: { train: 240, dev: 48, test: 144 }, epochs: 2 },
    ...{ truncation: "head+tail", maxLength: 128, learningRate: 1e-4, limit: .9 },
  },
  "IMDb at 512": {
    ...{ data: "imdb", characters: 0, sizes: { train: 120, dev: 24, test: 72 }, epochs: 2 },
    ...{ truncation: "head+tail", maxLength: 512, learningRate: 1e-4, limit: .5 },
  },
  "hierarchical": {
    ...{ data: "imdb", characters: 0, sizes: { train: 120, dev: 24, test: 72 }, epochs: 2 },
    ...{ truncation: "hierarchical-mean", maxLength: 128, learningRate: 1e-4, limit: .6 },
  },
};

/** Runs the benchmark; returns its numbers for the history. */
export async function benchTrain(
  { engine, python, repeats, say }: BenchmarkOptions,
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  const folder = await mkdtemp(join(tmpdir(), "bertlab-train-"));
  const model = await resolveModel("minilm");
  try {
    for (const [name, each] of Object.entries(cases)) {
      const files = await writeTexts(folder, each);
      const sides: Record<string, Run[]> = { [engine]: [], ...python === undefined ? {} : { PyTorch: [] } };
      for (let seed = 1; seed <= repeats; seed++) {
        sides[engine]!.push(
          await ours(files, each, { engine, seed, output: join(folder, `${name} ${seed}`) }),
        );
        if (python !== undefined) sides.PyTorch!.push(await theirs(files, each, { python, model, seed }));
      }
      const seconds = (side: string) => median(sides[side]!.map(({ seconds }) => seconds));
      const told = Object.entries(sides).map(([side, runs]) => {
        const errors = runs.map(({ error }) => `${(100 * error).toFixed(1)} %`).join(", ");
        return `${side} ${seconds(side).toFixed(1)} s, test errors ${errors}`;
      });
      const ratio = python === undefined
        ? ""
        : `; ratio ${(seconds(engine) / seconds("PyTorch")).toFixed(3)} (at most ${each.limit} is asked for)`;
      say(`${name}: ${told.join("; ")}${ratio}`);
      results[name] = sides;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return results;
}

type Files = Readonly<Record<"train" | "dev" | "test", string>>;

interface Run {
  readonly seconds: number;
  /** Share of the test texts that are classified wrong. */
  readonly error: number;
}

async function ours(
  files: Files,
  { truncation, maxLength, epochs, learningRate }: Case,
  { engine, seed, output }: { engine: string; seed: number; output: string },
): Promise<Run> {
  const options = Object.entries({
    ...files,
    ...{ truncation, epochs, engine, seed, output },
    "max-length": maxLength,
    "learning-rate": learningRate,
  }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const { seconds } = await timed(Deno.execPath(), ["task", "--quiet", "train", ...options]);
  const { test } = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
  return { seconds, error: test.error_rate };
}

async function theirs(
  files: Files,
  { truncation, maxLength, epochs, learningRate }: Case,
  { python, model, seed }: { python: string; model: string; seed: number },
): Promise<Run> {
  const settings = [truncation, maxLength, epochs, learningRate, seed].map(String);
  const script = join(import.meta.dirname!, "train.py");
  const { seconds, out } = await timed(python, [
    script,
    files.train,
    files.dev,
    files.test,
    model,
    ...settings,
  ]);
  return { seconds, error: JSON.parse(out.split("\n").at(-1)!).error };
}

/** Writes CSV files of the splits, each with its classes in their shares. */
async function writeTexts(folder: string, { data, characters, sizes }: Case): Promise<Files> {
  const whole = await dataset(data);
  const write = async (split: keyof typeof sizes) => {
    const long = whole[split].filter((example) => wholeText(example).length >= characters);
    const chosen = stratifiedOrder(long, 0).slice(0, sizes[split]).map((place) => long[place]!);
    const file = join(folder, `${split}.csv`);
    await writeFile(file, stringify(chosen.map((example) => rowOf(whole, example)), { header: true }));
    return file;
  };
  return { train: await write("train"), dev: await write("dev"), test: await write("test") };
}

function rowOf({ labels }: Dataset, example: Dataset["train"][number]) {
  return { text: wholeText(example), label: labels[example.label]! };
}
