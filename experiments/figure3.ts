/**
 * Figure 3: how long does further pre-training on the task's own texts pay? (Section 5.4.1)
 *
 * The paper: BERT-base is pre-trained on IMDb's texts for up to 500,000 steps and fine-tuned (head-only, one run for
 * each point): error 5.63 without, 4.37 after 100,000 steps, 4.53 to 4.68 after more.
 *
 * What to expect: one run of further pre-training serves all points, as checkpoints of the paper's code would: 10,000
 * steps of warm-up, then a rate that falls to 0 at the 500,000th. So at a point in the middle the rate has not decayed,
 * unlike at the 100,000 steps of Table 6. At mini scale the run is a thousandth as long and starts from MiniLM. MiniLM
 * has no head for masked words, so a new one is trained first, with the body at rest. The row of 1,000 steps would be a
 * single update, of rate 0, and is not run. Texts are read head+tail. A test set of 500 reviews has a standard error of
 * about 2 points, so only the curve as a whole tells anything: use several seeds.
 *
 * Minutes: about 21 at mini scale on 2 CPU cores (one seed), with the models that it pre-trains.
 *
 *     deno task reproduce figure3 --seeds 3
 */
import type { Settings } from "../lib/runs/configuration.ts";
import { experiment } from "../lib/runs/experiment.ts";
import { errorCurves } from "../lib/runs/experiment_figures.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniImdb, miniPreTraining, miniSets } from "./minilm_scale.ts";
import { imdbColumns, imdbSets, paperSets, testTextsRead } from "./scales.ts";

const longest = 500_000;
const warmupProportion = 10_000 / longest;
const published = {
  columns: ["IMDb"],
  rows: Object.fromEntries(Object.entries(paper.figure3.rows).map(([steps, error]) => [steps, [error]])),
};
const points = Object.keys(published.rows).map(Number).filter((steps) => steps > 0).map((steps) =>
  steps / longest
);

/** Returns the settings of a row: the model of the one run after so many of the paper's steps. */
const after = (steps: number): Settings => ({
  preTraining: { corpus: "within-task", point: steps / longest },
});

const rows = {
  "0": {},
  "1000": after(1000),
  "2000": after(2000),
  "5000": after(5000),
  "10000": after(10_000),
  "20000": after(20_000),
  "50000": after(50_000),
  "100000": after(100_000),
  "200000": after(200_000),
  "300000": after(300_000),
  "400000": after(400_000),
  "500000": after(500_000),
};
const { "1000": _, ...miniRows } = rows;

const oneRun =
  "All points are of one run: the rate warms up over the first 10,000 steps and falls until the 500,000th, so that at " +
  "100,000 it has not decayed, unlike that of Table 6.";

/** Figure 3: error against steps of within-task further pre-training. */
export default experiment({
  name: "figure3",
  paper: "Section 5.4.1, Figure 3",
  question: "How long does further pre-training on the task's own texts pay?",
  columns: ["IMDb"],
  rows,
  baseline: "0",
  published,
  figure: errorCurves({
    points: "row",
    title: "Figure 3: further pre-training on the task's texts",
    x: "steps of further pre-training",
    logarithmic: true,
    published,
    publishedX: Number,
    ours: ({ preTraining }) => preTraining ? preTraining.point * preTraining.steps : 0,
  }),
  scales: {
    mini: {
      minutes: 21,
      modelMinutes: 10,
      settings: {
        ...mini,
        preTraining: { ...miniPreTraining, steps: longest / 1000, points, warmupProportion },
      },
      sets: miniSets,
      columns: { IMDb: { ...miniImdb, note: `${miniImdb.note} A row's steps are divided by 1,000.` } },
      rows: miniRows,
      notes: [
        oneRun,
        "1,000 steps would be a single update, of rate 0: that row is not run.",
        "The paper's curve is head-only; at this scale texts are read head+tail.",
      ],
    },
    imdb: {
      minutes: 6000,
      settings: { text: "head", preTraining: { steps: longest, points, warmupProportion } },
      notes: [oneRun, testTextsRead],
      sets: imdbSets,
      columns: imdbColumns,
    },
    paper: {
      minutes: 6000,
      settings: { text: "head", preTraining: { steps: longest, points, warmupProportion } },
      notes: [oneRun, testTextsRead],
      sets: paperSets,
      columns: imdbColumns,
    },
  },
});
