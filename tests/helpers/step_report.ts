import type { StepReport } from "../../lib/training/loop.ts";

/** The report of the only step of a run. */
export const stepReport: StepReport = {
  ...{ step: 1, steps: 1, epoch: 1, loss: 1, gradientNorm: 1, highestRate: 1, lowestRate: 1 },
  ...{ examples: 1, tokens: 1, seconds: .5 },
};
