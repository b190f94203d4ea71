/** Timing of several sides that take turns. */
import { join } from "node:path";
import { InputError } from "../lib/errors.ts";
import { median } from "../lib/results/statistics.ts";

/** A side's times in milliseconds. */
export interface Timing {
  /** The shortest time. */
  readonly best: number;
  /** The middle time. */
  readonly median: number;
}

/** What a benchmark of an engine is run with. */
export interface BenchmarkOptions {
  readonly engine: string;
  /** A Python with PyTorch and transformers; without it there is no comparison with them. */
  readonly python?: string;
  readonly repeats: number;
  /** The shapes that are timed, by their labels' beginnings, in a benchmark that has several; all if not given. */
  readonly only?: readonly string[];
  readonly say: (line: string) => void;
}

/** Environment variables of other processes, so that they report to nobody and look for no updates. */
export const silence = {
  DENO_NO_UPDATE_CHECK: "1",
  ORT_DISABLE_TELEMETRY: "1",
  HF_HUB_DISABLE_TELEMETRY: "1",
} as const;

/** Lets each side make one step in turn, `repeats` times. */
export async function interleave(
  sides: Readonly<Record<string, () => Promise<number>>>,
  repeats: number,
): Promise<Record<string, Timing>> {
  const times = Object.fromEntries(Object.keys(sides).map((name) => [name, [] as number[]]));
  for (let i = 0; i < repeats; i++) {
    for (const [name, step] of Object.entries(sides)) times[name]!.push(await step());
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, list]) => {
      return [name, { best: Math.min(...list), median: median(list) }];
    }),
  );
}

/**
 * Runs a command in the project's folder to its end; returns its seconds and what it printed.
 *
 * @throws InputError if it fails.
 */
export async function timed(
  command: string,
  args: readonly string[],
): Promise<{ seconds: number; out: string }> {
  const start = performance.now();
  const run = await new Deno.Command(command, {
    args: [...args],
    cwd: join(import.meta.dirname!, ".."),
    env: { NO_COLOR: "1", ...silence },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array<ArrayBuffer>) => new TextDecoder().decode(bytes).trim();
  if (run.success) return { seconds: (performance.now() - start) / 1000, out: text(run.stdout) };
  throw new InputError(`Cannot run ${command}: ${text(run.stderr).split("\n").at(-1)}`);
}
