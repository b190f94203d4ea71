/** The page of one training: its data, its course, and the classifier's mistakes. */
import type { ExplainedMistake } from "../classifier/explained_mistakes.ts";
import type { Explanation } from "../classifier/occlusion.ts";
import type { RecipeRun } from "../classifier/recipe.ts";
import type { Evaluation } from "../results/evaluation.ts";
import { type Figure, figureSvg } from "../results/figures.ts";
import { surveyLines } from "../classifier/survey.ts";
import { numbersBelow } from "./chart.ts";
import { type Fragment, html, Markup } from "./html.ts";
import { folded, grid, list, shell } from "./page.ts";
import styles from "./report.css" with { type: "text" };
import { percent } from "../wording.ts";

/** The contents of a training's page. */
export interface TrainingReport {
  /** Name of the data set. */
  readonly name: string;
  /** Origin of the texts. */
  readonly source: string;
  /** The training. */
  readonly run: RecipeRun;
  /** The evaluations by split; the last one is shown in full. */
  readonly evaluations: readonly {
    /** "development" or "test". */
    readonly split: string;
    readonly evaluation: Evaluation;
    /** Expected calibration error at the run's temperature. */
    readonly calibrated: number;
  }[];
  /** Mistakes of the last split, with the words that decided. */
  readonly errors?: readonly ExplainedMistake[];
  /** Settings and circumstances by name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Sentences for the reader. */
  readonly notes: readonly string[];
  /** A part of its own after the results: of a search, or of a cross-validation. */
  readonly part?: Fragment;
}

/** Most classes of a whole confusion matrix, and most classes that other tables show. */
const matrixClasses = 20;
const tableClasses = 200;

/** Writes the page as an HTML document that needs nothing from elsewhere. */
export async function trainingPage(
  { name, source, run, evaluations, errors = [], settings, notes, part }: TrainingReport,
): Promise<string> {
  const { survey, tuned } = run;
  const { split, evaluation } = evaluations.at(-1)!;
  const head = html`<style>
${new Markup(styles)}
.chart svg { max-width: 100%; height: auto; }
</style>`;
  return shell(
    `${name}: ${headline(evaluation)}`,
    head,
    html`<main>
<h1>${name}: ${headline(evaluation)} on the ${split} texts</h1>
<p class="soft">${source}; ${tuned.model.description}</p>
${tuned.thresholds ? labelResults(evaluations) : results(evaluations, run)}
${part}${await curves(run)}
<h2>What was seen</h2>
${list(surveyLines(survey, tuned.settings))}
${
      grid({
        caption: `Texts by label${first(survey.labels)}`,
        head: ["label", "training", "development", "test"],
        rows: survey.labels.slice(0, tableClasses)
          .map(({ label, train, dev, test }) => [label, train, dev, test]),
      })
    }
<h2>Each label</h2>
${
      grid({
        caption: `Of the ${split} texts${first(evaluation.classes)}`,
        head: ["label", "precision", "recall", "F1", "texts", ...tuned.thresholds ? ["threshold"] : []],
        rows: evaluation.classes.slice(0, tableClasses).map((
          { label, precision, recall, f1, count, threshold },
        ) => [
          label,
          ...[precision, recall, f1].map((share) => share.toFixed(4)),
          count,
          ...threshold === undefined ? [] : [threshold.toFixed(4)],
        ]),
      })
    }
${!tuned.thresholds && confusion(evaluation)}
${
      grid({
        caption: "The mistakes with the highest probabilities",
        head: ["text", "label", "predicted", "probability"],
        texts: 3,
        rows: evaluation.surest_mistakes.map(({ text, label, predicted, probability }) => [
          text,
          label,
          predicted,
          percent(probability, 2),
        ]),
      })
    }
${errors.length > 0 && errorsWorthReading(errors)}
${notes.length > 0 && html`<h2>Notes</h2>\n${list(notes)}`}
${
      folded(
        "Settings",
        grid({
          caption: "How it was trained",
          head: ["setting", "value"],
          texts: 2,
          rows: Object.entries(settings).filter(([, value]) => value !== undefined)
            .map(([name, value]) => [name, `${value}`]),
        }),
      )
    }</main>`,
  );
}

/** Returns the measure that stands first, in words. */
function headline({ error_rate, micro_f1 }: Evaluation): string {
  return micro_f1 === undefined ? `${percent(error_rate, 2)} error` : `micro F1 ${micro_f1.toFixed(4)}`;
}

function results(
  evaluations: TrainingReport["evaluations"],
  { temperature, calibrationNote }: TrainingReport["run"],
): Fragment {
  return html`${
    grid({
      caption: "Results",
      head: [
        "split",
        "texts",
        "error",
        "macro F1, all labels",
        "macro F1, labels of the split",
        "loss",
        "calibration error",
        "after scaling",
      ],
      rows: evaluations.map(({ split, evaluation: of, calibrated }) => [
        split,
        of.examples,
        percent(of.error_rate, 2),
        of.macro_f1.toFixed(4),
        `${of.macro_f1_present.toFixed(4)} (${of.classes_present})`,
        of.loss.toFixed(4),
        of.ece.toFixed(4),
        calibrated.toFixed(4),
      ]),
    })
  }<p>Calibration is the expected error of the confidence, in 15 bins. ${
    temperature === 1 && calibrationNote
      ? calibrationNote
      : `Predictions divide the logits by a temperature of ${
        temperature.toFixed(3)
      }, which was chosen on the ${evaluations[0]!.split} texts (Guo et al. 2017). ${calibrationNote}`
  }</p>`;
}

/** Returns the results for texts that may have several labels. */
function labelResults(evaluations: TrainingReport["evaluations"]): Fragment {
  return html`${
    grid({
      caption: "Results",
      head: ["split", "texts", "micro F1", "macro F1", "wrong answers", "texts not wholly right", "loss"],
      rows: evaluations.map(({ split, evaluation: of }) => [
        split,
        of.examples,
        (of.micro_f1 ?? 0).toFixed(4),
        of.macro_f1.toFixed(4),
        percent(of.hamming_loss ?? 0, 2),
        percent(of.error_rate, 2),
        of.loss.toFixed(4),
      ]),
    })
  }<p>A text may have several labels: it gets those whose probability reaches their threshold, which was chosen on the
${evaluations[0]!.split} texts. Micro F1 is that of all answers, one for each label and text.</p>`;
}

/** Most characters of a text that is shown with its marks. */
const longestText = 2000;

/** Writes texts that the model takes for another label, with the words that the wrong label rests on. */
function errorsWorthReading(errors: readonly ExplainedMistake[]): Fragment {
  return html`<h2>Errors worth reading</h2>
<p>The surest mistakes, with what decided them: each word (of a long text each sentence, or some words) was left out in
turn. <mark class="for strong">Orange with a solid line</mark> speaks for the predicted label,
<mark class="against strong">blue with a dashed line</mark> against it; the stronger the color, the more the probability
changed. That is what the model's answer changes with, not why a person would say so: of two words that say the same,
each alone can seem to be worth nothing.</p>
${
    errors.map(({ label, example, explanation }, n) =>
      html`<h3><bdi>${explanation.label}</bdi> (${
        percent(explanation.probability)
      }) in place of <bdi>${label}</bdi></h3>
${box(`Text of mistake ${n + 1}`, marked(example.text, "text", explanation))}
${
        example.pair !== undefined &&
        html`${box(`Second text of mistake ${n + 1}`, marked(example.pair, "pair", explanation))}\n`
      }`
    )
  }`;
}

/** Puts a text into a box that the keyboard can scroll; its name is read out. */
const box = (name: string, text: readonly Fragment[]): Fragment =>
  html`<p class="whole" dir="auto" tabindex="0" role="region" aria-label="${name}">${text}</p>`;

/** Writes a text with its marks. */
function marked(text: string, of: "text" | "pair", { parts }: Explanation): Fragment[] {
  const largest = parts.reduce((most, { change }) => Math.max(most, Math.abs(change)), .01);
  const found: Fragment[] = [];
  let end = 0;
  for (const part of parts) {
    if (part.of !== of || part.end > longestText) continue;
    found.push(text.slice(end, part.start));
    end = part.end;
    const strength = Math.abs(part.change) / largest;
    const words = text.slice(part.start, end);
    found.push(
      strength < .05
        ? words
        : html`<mark class="${part.change > 0 ? "for" : "against"}" style="--strength: ${
          Math.round(45 * strength)
        }%">${words}</mark>`,
    );
  }
  return [...found, text.slice(end, Math.max(end, longestText)), text.length > longestText && "…"];
}

const first = (labels: readonly unknown[]) =>
  labels.length > tableClasses ? `, the first ${tableClasses} of ${labels.length} labels` : "";

function confusion({ classes, confusion, confused }: Evaluation): Fragment {
  if (classes.length <= matrixClasses) {
    return grid({
      caption: "True labels in rows, predicted labels in columns",
      head: ["", ...classes.map(({ label }) => label)],
      rows: classes.map(({ label }, row) => [label, ...confusion[row]!]),
    });
  }
  return grid({
    caption: "What is most often taken for what",
    head: ["label", "taken for", "texts"],
    texts: 2,
    rows: confused.slice(0, matrixClasses).map(({ label, predicted, count }) => [label, predicted, count]),
  });
}

/** Draws losses and errors by epoch, and the loss of pre-training by step. */
async function curves({ tuned, preTraining }: RecipeRun): Promise<Fragment> {
  const point = (x: number, value: number | undefined) => ({ x, values: value === undefined ? [] : [value] });
  const { epochs } = tuned;
  const measured = epochs.some(({ dev }) => dev);
  const figures: Figure[] = [];
  if (preTraining) {
    const { evaluations } = preTraining;
    figures.push({
      title: "Pre-training",
      x: "steps",
      y: "loss",
      panels: [{
        title: "Masked words of the development texts",
        curves: [{ name: "loss", points: evaluations.map(({ step, mlmLoss }) => point(step, mlmLoss)) }],
      }],
    });
  }
  if (epochs.length > 1) {
    figures.push({
      title: "Fine-tuning",
      x: "epochs",
      y: "",
      panels: [
        {
          title: "Loss",
          curves: [
            { name: "training", points: epochs.map(({ epoch, trainLoss }) => point(epoch, trainLoss)) },
            ...measured
              ? [{ name: "development", points: epochs.map(({ epoch, dev }) => point(epoch, dev?.loss)) }]
              : [],
          ],
        },
        ...measured
          ? [{
            title: tuned.thresholds ? "Micro F1, %" : "Error, %",
            curves: [{
              name: "development",
              points: epochs.map(({ epoch, dev }) =>
                point(epoch, dev && 100 * (dev.multiLabel?.microF1 ?? dev.errorRate))
              ),
            }],
          }]
          : [],
      ],
    });
  }
  const drawn: Fragment[] = [];
  for (const figure of figures) {
    drawn.push(
      html`<figure class="chart" role="img" aria-label="${figure.title}">${new Markup(
        await figureSvg(figure),
      )}</figure>\n${numbersBelow(figure)}`,
    );
  }
  return drawn;
}
