/** README's sentence on speed, from the benchmarks' history. */
import { median } from "../lib/results/statistics.ts";
import { InputError } from "../lib/errors.ts";

/** A line of the history that `deno task bench train` has appended. */
interface Timed {
  readonly benchmark: string;
  readonly date: string;
  readonly machine: { readonly cpu: string; readonly cores: number };
  /** By case and library the runs. */
  readonly results: Readonly<
    Record<string, Readonly<Record<string, readonly { readonly seconds: number }[]>>>
  >;
}

/**
 * Returns a sentence on the time of whole commands beside PyTorch's, by the newest line of the history that has both.
 *
 * @param history lines of JSON
 * @throws InputError if there is none.
 */
export function speedSentence(history: string): string {
  const lines = history.trim().split("\n").map((line): Timed => JSON.parse(line));
  const newest = lines.findLast(({ benchmark, results }) =>
    benchmark === "train" && Object.values(results).every(({ PyTorch }) => PyTorch)
  );
  if (!newest) {
    throw new InputError(
      "Cannot tell the speed as the history has no line of it: run `deno task bench train --python PYTHON`",
    );
  }
  const { results, machine: { cpu, cores }, date } = newest;
  const ratios = Object.entries(results).map(([name, { PyTorch, ...ours }]) => {
    const seconds = (runs: readonly { readonly seconds: number }[]) =>
      median(runs.map(({ seconds }) => seconds));
    return `${(seconds(Object.values(ours)[0]!) / seconds(PyTorch!)).toFixed(2)} (${name})`;
  });
  const runs = Math.min(...Object.values(results).flatMap(Object.values).map(({ length }) => length));
  return `\`task train\` takes ${new Intl.ListFormat("en-GB").format(ratios)} of the time of PyTorch with ` +
    `transformers' Trainer, whole commands on ${cores} cores of ${cpu.replaceAll("(R)", "")} ` +
    `(\`task bench train\`, ${runs === 1 ? "one run each" : `medians of ${runs} runs`}, ${
      date.slice(0, 10)
    }).`;
}
