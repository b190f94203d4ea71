/** A cross-validation as a sentence and as a figure. */
import type { Figure } from "../results/figures.ts";
import { percent } from "../wording.ts";
import type { CrossValidation } from "./folds.ts";
import type { RunOutcome } from "./run_outcome.ts";

/** Writes the means over the folds with their spread. */
export function foldsSentence({ folds, errorRate, macroF1, loss }: CrossValidation): string {
  return `${folds.length} folds: error ${percent(errorRate.mean, 2)} ± ${
    percent(errorRate.sd, 2)
  }, macro F1 ` +
    `${macroF1.mean.toFixed(4)} ± ${macroF1.sd.toFixed(4)}, loss ${loss.mean.toFixed(4)} ± ${
      loss.sd.toFixed(4)
    }`;
}

/** Returns a curve of each fold: its training loss, and the error on the texts that chose its epoch. */
export function foldsFigure(folds: readonly RunOutcome[]): Figure {
  const panel = (title: string, value: (epoch: RunOutcome["epochs"][number]) => number[]) => ({
    title,
    curves: folds.map(({ epochs }, n) => ({
      name: `fold ${n + 1}`,
      points: epochs.map((epoch) => ({ x: epoch.epoch, values: value(epoch) })),
    })),
  });
  return {
    title: `The ${folds.length} folds`,
    x: "epochs",
    y: "",
    panels: [
      panel("training loss", ({ trainLoss }) => [trainLoss]),
      panel("development error, %", ({ dev }) => dev ? [100 * dev.errorRate] : []),
    ],
  };
}
