/**
 * All programs of the paper's experiments at its own scale, of their largest shapes, compiled for GPUs that are not
 * there: what each takes of the memory that programs may have. What was compiled is kept in benchmarks/programs.json by
 * a hash of its text, so that a call goes on where the last one stopped.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { experiments } from "../experiments/all.ts";
import { cudaData } from "../lib/engine/xla/cuda_data.ts";
import { planFor } from "../lib/engine/xla/ahead_of_time.ts";
import { findPlugin } from "../lib/engine/xla/discovery.ts";
import { memoryFraction } from "../lib/engine/xla/memory_fraction.ts";
import { loadPlugin } from "../lib/engine/xla/plugin.ts";
import { targets } from "../lib/engine/xla/targets/hopper.ts";
import { InputError } from "../lib/errors.ts";
import { type Graph, sizeOf } from "../lib/graph/graph.ts";
import { lowerToStablehlo } from "../lib/graph/stablehlo/lower.ts";
import { markdown } from "../lib/results/markdown.ts";
import type { Configuration } from "../lib/runs/configuration.ts";
import { resolveCells } from "../lib/runs/experiment.ts";
import { largestSteps, planKey } from "../lib/runs/gpu_plan.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";

/** Numbers of a program on a card. */
interface Compiled {
  /** Bytes of the card at most, with the whole state of the training. */
  readonly bytes: number;
  readonly seconds: number;
  readonly products: number;
  readonly attentionCalls: number;
}

type Card = keyof typeof targets;

/** What was compiled, by the hash of its text and the card. */
type Kept = Record<string, Partial<Record<Card, Compiled>>>;

const [file, page] = ["programs.json", "programs.md"].map((name) => join(import.meta.dirname!, name)) as [
  string,
  string,
];
const options = { precision: "bf16", devices: 1, fusedAttention: true } as const;

/** Compiles what is not kept yet; prints and writes a table, and returns the number of programs. */
export async function benchPrograms(
  { say }: { say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const { path } = await findPlugin(undefined, "cuda");
  const { api } = loadPlugin(path);
  say(`XLA's data folder: ${cudaData(path).folder ?? "not found"}`);
  const kept: Kept = JSON.parse(await readFile(file, "utf8").catch(() => "{}"));
  const programs: { label: string; graph: Graph; hash: string; state: number }[] = [];
  for (const [label, configuration] of await configurations()) {
    for (const { graphs, parameters } of await stepsOf(configuration, say, label)) {
      const state = 16 * sizeOfAll(Object.values(parameters));
      programs.push(...graphs.map((graph) => ({ label, graph, hash: hashOf(graph), state })));
    }
  }
  for (const card of Object.keys(targets) as Card[]) {
    for (const { graph, hash, state } of programs) {
      if (kept[hash]?.[card]) continue;
      const { module, memory, seconds, products, attentionCalls } = planFor(
        api,
        targets[card],
        graph,
        options,
      );
      const held = 4 * sizeOfAll(module.inputs.filter(({ kind }) => kind === "state"));
      const bytes = memory.peak + state - held;
      kept[hash] = {
        ...kept[hash],
        [card]: { bytes, seconds: Math.round(seconds), products, attentionCalls },
      };
      await writeWhole(file, [JSON.stringify(kept, null, 2) + "\n"]);
    }
  }
  // What no experiment has any more is not kept.
  const hashes = new Set(programs.map(({ hash }) => hash));
  const used = Object.fromEntries(Object.entries(kept).filter(([hash]) => hashes.has(hash)));
  await writeWhole(file, [JSON.stringify(used, null, 2) + "\n"]);
  const rows = programs.map((
    { label, graph, hash },
  ) => [label, graph.name.split(" ")[0]!, ...cellsOf(used[hash]!)]);
  const names = Object.keys(targets).flatMap((card) => [`${card}: GB`, "of its room"]);
  const table = markdown(
    ["experiment, column, row", "program", "products", "fused calls", ...names],
    rows,
    2,
  );
  const head = "# Programs of the experiments at paper scale, bf16\n\n" +
    `Most memory of the card, with the whole state of the training, and its share of what programs may take there, ${memoryFraction()} of\nthe card's memory. \`deno task bench programs\` writes this.\n\n`;
  await writeWhole(page, [`${head}${table}\n`]);
  say(table);
  return { programs: rows.length, different: hashes.size };
}

/** Configurations whose steps differ, by the first cell that has them. */
async function configurations(): Promise<Map<string, Configuration>> {
  const found = new Map<string, [string, Configuration]>();
  for (const experiment of experiments) {
    const overrides = { precision: "bf16" } as const;
    for (
      const { column, row, configuration } of await resolveCells(experiment, { scale: "paper", overrides })
    ) {
      const key = planKey(configuration);
      if (!found.has(key)) found.set(key, [`${experiment.name}, ${column}, ${row}`, configuration]);
    }
  }
  return new Map(found.values());
}

async function stepsOf(configuration: Configuration, say: (line: string) => void, label: string) {
  try {
    return await largestSteps(configuration);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    say(`${label}: ${error.message}`);
    return [];
  }
}

/** Numbers in tensors. */
function sizeOfAll(tensors: readonly { readonly shape: readonly number[] }[]): number {
  return tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

function hashOf(graph: Graph): string {
  const { text } = lowerToStablehlo(graph, { precision: "bf16", fusedAttention: true });
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The cells of a program: numbers of its calls, then bytes and their share of the room, by card. */
function cellsOf(compiled: Partial<Record<Card, Compiled>>): string[] {
  const [first] = Object.values(compiled);
  return [
    `${first?.products ?? "–"}`,
    `${first?.attentionCalls ?? "–"}`,
    ...Object.entries(targets).flatMap(([card, { memory }]) => {
      const found = compiled[card as Card];
      if (!found) return ["–", "–"];
      const share = found.bytes / (memoryFraction() * memory);
      return [
        (found.bytes / 1e9).toFixed(1),
        `${(100 * share).toFixed(0)} %${share > 1 ? ", too much" : ""}`,
      ];
    }),
  ];
}
