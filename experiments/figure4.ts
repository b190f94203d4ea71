/**
 * Figure 4 (section 5.6): how few labelled texts does further pre-training need?
 *
 * The paper, test error in percent on IMDb with .4, 1, 2, 4, 10, 20 and 100 % of the training texts: BERT-FiT 17.26,
 * 11.50, 10.91, 9.96, 8.51, 7.59, 5.42; BERT-ITPT-FiT, pre-trained on all training texts without their labels, 9.23, 8.69,
 * 8.21, 7.04, 5.88, 5.58, 4.37.
 *
 * What to expect: the paper draws one sample a point. Here every seed draws its own, stratified by class and nested: a
 * larger sample holds the smaller ones. At mini scale the pre-training is five hundred times shorter than the paper's.
 * The smaller samples are passed through more often, as the 21 steps of three passes teach nothing.
 *
 * Minutes: about 15 at mini scale on 2 CPU cores (one seed), with the models that it pre-trains; 10 where
 * those are at hand.
 *
 *     deno task reproduce figure4 --seeds 5
 */
import { experiment, type ScaleColumn } from "../lib/runs/experiment.ts";
import { errorCurves } from "../lib/runs/experiment_figures.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniImdb, miniPreTraining, miniSets } from "./minilm_scale.ts";
import { imdbSets, paperSets, testTextsRead } from "./scales.ts";

const columns = ["100", "250", "500", "1000", "2500", "5000", "25000"] as const;
const published = { columns, rows: paper.figure4.rows };
const note = `IMDb: ${miniImdb.note}`;

/** The note that labelled texts also choose the best epoch. */
const chosenBy = (texts: string) =>
  `The best epoch of each run is chosen by ${texts} labelled development texts. They are not counted among the few ` +
  "training texts. (With `--protocol paper` the test texts choose.)";

/** Returns the column of a part of IMDb's training texts at mini scale. */
const part = (train: number, epochs: number): ScaleColumn => ({
  settings: { ...miniImdb.settings, limits: { ...miniImdb.settings.limits, train }, epochs },
});

/** A column of so many of IMDb's training texts; "25000" are all but the tenth that is held out to choose the epoch. */
const share = (train: number | null): ScaleColumn => ({ settings: { limits: { train } } });

const wholeColumns = {
  "100": share(100),
  "250": share(250),
  "500": share(500),
  "1000": share(1000),
  "2500": share(2500),
  "5000": share(5000),
  "25000": share(null),
} as const;

const whole = {
  minutes: 800,
  settings: { resample: true },
  columns: wholeColumns,
  notes: [
    chosenBy("2,500"),
    "Four passes over 100, 250, 500 and 1,000 texts are 20, 44, 84 and 168 updates.",
    testTextsRead,
  ],
} as const;

/** Figure 4: few-shot learning. */
export default experiment({
  name: "figure4",
  paper: "Section 5.6, Figure 4",
  question: "How few labelled texts does further pre-training need?",
  columns,
  rows: {
    "BERT-FiT": {},
    "BERT-ITPT-FiT": { preTraining: { corpus: "within-task" } },
  },
  baseline: "BERT-FiT",
  published,
  figure: errorCurves({
    points: "column",
    title: "Figure 4: few labelled texts",
    x: "training texts",
    logarithmic: true,
    published,
    publishedX: Number,
    ours: ({ limits: { train }, protocol }) => train ?? (protocol === "paper" ? 25_000 : 22_500),
  }),
  scales: {
    mini: {
      minutes: 15,
      modelMinutes: 4.4,
      settings: { ...mini, resample: true, preTraining: miniPreTraining },
      sets: miniSets,
      columns: { "100": part(100, 12), "250": part(250, 8), "500": part(500, 4), "1000": part(1000, 3) },
      notes: [note, chosenBy("100"), "Passes over 100, 250, 500 and 1,000 texts: 12, 8, 4 and 3."],
    },
    imdb: { ...whole, sets: imdbSets },
    paper: { ...whole, sets: paperSets },
  },
});
