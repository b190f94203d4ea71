/** A cross-validation as a sentence and as a figure. */
import type { Figure } from "../results/figures.ts";
import { percent } from "../wording.ts";
import type { CrossValidation, Spread } from "./folds.ts";
import type { RunOutcome } from "./run_outcome.ts";

/** Writes the means over the folds with their spread. */
export function foldsSentence(
  { folds, errorRate, microF1, macroF1, loss }: Pick<
    CrossValidation,
    "folds" | "errorRate" | "microF1" | "macroF1" | "loss"
  >,
): string {
  const plain = ({ mean, sd }: Spread) => `${mean.toFixed(4)} ± ${sd.toFixed(4)}`;
  const error = `${percent(errorRate.mean, 2)} ± ${percent(errorRate.sd, 2)}`;
  const others = `macro F1 ${plain(macroF1)}, loss ${plain(loss)}`;
  const measures = microF1
    ? `micro F1 ${plain(microF1)}, ${others}, ${error} of the texts not wholly right`
    : `error ${error}, ${others}`;
  return `${folds.length} folds: ${measures}`;
}

/** Returns a curve of each fold: its training loss, and the error or micro F1 on the texts that chose its epoch. */
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
      panel(
        folds[0]?.metrics.multiLabel ? "development micro F1, %" : "development error, %",
        ({ dev }) => dev ? [100 * (dev.multiLabel?.microF1 ?? dev.errorRate)] : [],
      ),
    ],
  };
}
