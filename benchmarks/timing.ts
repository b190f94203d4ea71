/** Timing of several sides that take turns. */

/** A side's times in milliseconds. */
export interface Timing {
  /** The shortest time. */
  readonly best: number;
  /** The middle time. */
  readonly median: number;
}

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
      const sorted = list.toSorted((a, b) => a - b);
      return [name, { best: sorted[0]!, median: sorted[sorted.length >> 1]! }];
    }),
  );
}
