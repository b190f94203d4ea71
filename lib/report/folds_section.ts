/** The part of a training's page that tells of the cross-validation before it. */
import type { CrossValidation } from "../classifier/folds.ts";
import { foldsFigure, foldsSentence } from "../classifier/folds_text.ts";
import { figureSvg } from "../results/figures.ts";
import { duration } from "../results/progress.ts";
import { percent } from "../wording.ts";
import { numbersBelow } from "./chart.ts";
import { type Fragment, html, Markup } from "./html.ts";
import { grid } from "./page.ts";

/** Writes the measures of each fold, their means, and a curve of each. */
export async function foldsSection(found: CrossValidation): Promise<Fragment> {
  const figure = foldsFigure(found.folds);
  return html`<h2>Cross-validation</h2>
<p>${
    foldsSentence(found)
  }. Each fold was tested by a classifier that has not seen it and whose epoch was chosen by other
texts; the classifier of this page was trained on all rows.${
    found.microF1 && " Its thresholds were chosen by the predictions of all folds."
  }</p>
${
    grid({
      caption: "Folds",
      head: [
        ...["fold", "texts"],
        ...found.microF1 ? ["micro F1", "texts not wholly right"] : ["error"],
        ...["macro F1", "loss", "best epoch", "time"],
      ],
      rows: found.folds.map(({ metrics, bestEpoch, seconds }, n) => [
        n + 1,
        metrics.examples,
        ...metrics.multiLabel ? [metrics.multiLabel.microF1.toFixed(4)] : [],
        percent(metrics.errorRate, 2),
        metrics.macroF1.toFixed(4),
        metrics.loss.toFixed(4),
        Number(bestEpoch.toFixed(2)),
        duration(seconds),
      ]),
    })
  }<figure class="chart" role="img" aria-label="${figure.title}">${new Markup(
    await figureSvg(figure),
  )}</figure>\n${numbersBelow(figure)}`;
}
