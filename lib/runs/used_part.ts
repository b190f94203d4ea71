/** Examples of a data set that a run uses: all that its protocol trains on, as far as its limits go. */
import type { Configuration } from "./configuration.ts";
import { type Dataset, limit } from "../data/dataset.ts";
import { fingerprintOf } from "../data/examples.ts";

/**
 * The part of a data set that a configuration uses. Under "paper" the development texts are training texts, as in the
 * authors' code, which holds none out.
 */
export function usedPart(
  whole: Dataset,
  { protocol, limits: { train, dev, test }, resample, seed }: Pick<
    Configuration,
    "protocol" | "limits" | "resample" | "seed"
  >,
): Dataset {
  const all = protocol === "paper" ? withoutDev(whole) : whole;
  const held = limit(all, { dev: dev ?? undefined, test: test ?? undefined });
  return train === null ? held : limit(held, { train }, resample ? seed : 0);
}

function withoutDev(whole: Dataset): Dataset {
  const { labels, dev, test, note } = whole;
  if (dev.length === 0) return whole;
  const splits = { train: [...whole.train, ...dev], dev: [], test };
  const joined = `its ${dev.length} development texts are training texts; ${note}`;
  return { ...whole, ...splits, fingerprint: fingerprintOf(labels, splits), note: joined };
}
