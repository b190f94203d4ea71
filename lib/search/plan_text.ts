/** A search before it is made, in sentences: what is tried, and what it costs. */
import { duration } from "../results/progress.ts";
import { counted } from "../wording.ts";
import { choiceNames, rateText, type Space } from "./choices.ts";
import type { SearchState } from "./state.ts";

/**
 * Returns the sentences on a search.
 *
 * @param total updates of a whole training
 * @param cost expected seconds of the default's
 */
export function planText({ space, state, total, budget, cost }: {
  readonly space: Space;
  readonly state: SearchState;
  readonly total: number;
  readonly budget: number;
  readonly cost: number;
}): string[] {
  const { recipe, learningRate, layerDecay, truncation } = space;
  const { ladder, preTraining } = state;
  const sizes = choiceNames.map((name) => space[name].length);
  const top = ladder.at(-1)!;
  const lower = ladder.slice(0, -1);
  return [
    `Search within ${duration(budget)}: ${sizes.join(" × ")} = ${
      sizes.reduce((product, size) => product * size, 1)
    } ` +
    `choices of recipe (${recipe.join(", ")}), rate (${
      learningRate.map(rateText).join(", ")
    }), layer decay ` +
    `(${layerDecay.join(", ")}) and truncation (${truncation.join(", ")})`,
    `A whole training of the default, ${counted(total, "step")}, takes about ${duration(cost)}` +
    (top < total ? `: too long, so ${counted(top, "step")} are the most` : "") +
    (lower.length > 0
      ? `; many choices get ${lower[0]} steps, the better half twice as many, and so on up to ${top}`
      : ""),
    ...preTraining
      ? [
        `Choices with itpt-fit start from one model that is pre-trained for ${
          counted(preTraining.steps, "step")
        }, ` +
        `${preTraining.passes} passes over the texts`,
      ]
      : [],
  ];
}

/** Returns the sentence on a rung that was decided. @param left seconds that are left before it */
export function rungText(rung: number, { ladder, rungs }: SearchState, left: number): string {
  const { steps, choices } = rungs[rung]!;
  const which = rung === ladder.length - 1
    ? "the last, with the default among them"
    : "the better half goes on";
  return `${counted(choices.length, "choice")} of ${counted(steps, "step")} (${which}); ${
    duration(Math.max(0, left))
  } left`;
}
