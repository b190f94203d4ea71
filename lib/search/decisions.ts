/** The decisions of a search: which choices a rung trains, by the time that is left and by what came of the rung below. */
import type { Choice } from "./choices.ts";
import { affordableCount } from "./rungs.ts";
import { ranked, type SearchState } from "./state.ts";

/** What a decision depends on. */
export interface Decision {
  readonly order: readonly Choice[];
  readonly state: SearchState;
  /** Seconds that are left. */
  readonly left: number;
  /** Expected seconds of a choice with so many updates. */
  readonly cost: (choice: number, steps: number) => number;
}

/**
 * Returns the choices of a rung, by their places in the order. The default is trained whole, whatever the lower rungs say,
 * so the time for that is put aside first. Each rung begins with the default, where that is among its choices. A lower
 * rung that cannot compare anything is left out.
 */
export function decide(rung: number, { order, state, left, cost }: Decision): number[] {
  const { ladder, trials } = state;
  const last = ladder.length - 1;
  const below = state.rungs.findLastIndex(({ choices }) => choices.length > 0);
  const isFirst = below < 0;
  const better = isFirst ? [...order.keys()] : ranked(trials, below).map(({ choice }) => choice);
  const most = isFirst ? order.length : Math.max(1, Math.ceil(better.length / 2));
  const candidates = rung === last ? better.filter((choice) => choice !== 0) : better;
  const count = affordableCount({
    costs: candidates.map((choice) => cost(choice, ladder[rung]!)),
    seconds: left - cost(0, ladder[last]!),
    rungs: last - rung + 1,
    most,
  });
  const taken = candidates.slice(0, count);
  if (rung !== last && taken.length < 2) return [];
  return rung === last || taken.includes(0) ? [0, ...taken.filter((choice) => choice !== 0)] : taken;
}
