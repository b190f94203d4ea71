/** Splits of grouped examples: no group is in two splits. */
import { fold } from "../../random.ts";
import type { Example } from "../examples.ts";

/** An example and the number of its group. */
export interface GroupedExample extends Example {
  /** Examples with the same number stay together. */
  readonly group: number;
}

/**
 * Splits whole groups. Test, then dev, take groups in an order drawn from the seed and the groups' numbers, as long as
 * no class gets more than its share; train is the rest. Sets with the same groups and seed mostly hold out the same.
 *
 * @throws RangeError when the groups are too large to fill dev and test.
 */
export function groupedSplit<Grouped extends GroupedExample>(
  examples: readonly Grouped[],
  sizes: { readonly dev: number; readonly test: number },
  seed: number,
): { train: Grouped[]; dev: Grouped[]; test: Grouped[] } {
  const groups = new Map<number, Grouped[]>();
  for (const example of examples) groups.set(example.group, [...groups.get(example.group) ?? [], example]);
  const order = [...groups.keys()]
    .map((group) => ({ group, key: fold(seed, group) }))
    .sort((a, b) => a.key - b.key || a.group - b.group);
  const split = new Map<number, "dev" | "test">();
  for (const name of ["test", "dev"] as const) {
    const room = shares(examples, sizes[name]);
    for (const { group } of order) {
      if (split.has(group)) continue;
      const wanted = new Map<number, number>();
      for (const { label } of groups.get(group)!) wanted.set(label, (wanted.get(label) ?? 0) + 1);
      if ([...wanted].some(([label, count]) => count > room.get(label)!)) continue;
      for (const [label, count] of wanted) room.set(label, room.get(label)! - count);
      split.set(group, name);
    }
    const missing = [...room.values()].reduce((a, b) => a + b, 0);
    if (missing > 0) {
      throw new RangeError(
        `Expected groups small enough to fill ${
          sizes[name]
        } ${name} examples, found none for ${missing} of them`,
      );
    }
  }
  const part = (name?: "dev" | "test") => examples.filter(({ group }) => split.get(group) === name);
  return { train: part(), dev: part("dev"), test: part("test") };
}

/** Returns each class's share of `size`, rounded so that the sum is exact (largest remainders). */
function shares(examples: readonly Example[], size: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { label } of examples) counts.set(label, (counts.get(label) ?? 0) + 1);
  const exact = [...counts].map(([label, count]) => ({ label, share: size * count / examples.length }));
  let left = size - exact.reduce((sum, { share }) => sum + Math.floor(share), 0);
  return new Map(
    exact
      .sort((a, b) => b.share % 1 - a.share % 1 || a.label - b.label)
      .map(({ label, share }) => [label, Math.floor(share) + (left-- > 0 ? 1 : 0)]),
  );
}
