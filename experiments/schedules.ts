/**
 * The six learning-rate schedules of the summary's last part: which one should fine-tuning follow?
 *
 * The paper's summary shows their curves and no numbers. Here each is drawn and used for training, everything else
 * being the same; linear with warm-up is the paper's own (the slanted triangle of section 5.2).
 *
 * What to expect: only four schedules differ. With transformers' defaults hard restarts make one descent, so that this
 * row repeats the cosine's runs, and polynomial decay has power 1, so that it is linear except for its end at 1e-7.
 * With so few steps it matters most how high the rate stays.
 *
 * Minutes: about 8 at mini scale on 2 CPU cores (one seed).
 *
 *     deno task reproduce schedules --seeds 3
 */
import { experiment } from "../lib/runs/experiment.ts";
import { scheduleCurves } from "../lib/runs/experiment_figures.ts";
import { imdbColumns, mini, miniColumns, miniSets, only, paperColumns, paperSets } from "./scales.ts";

const columns = ["IMDb", "TREC"] as const;
const rows = {
  "constant": { schedule: "constant" },
  "constant with warm-up": { schedule: "constant-with-warmup" },
  "cosine with warm-up": { schedule: "cosine" },
  "cosine with hard restarts": { schedule: "cosine-with-restarts" },
  "linear with warm-up": { schedule: "linear" },
  "polynomial decay with warm-up": { schedule: "polynomial" },
} as const;

const alike =
  "With transformers' defaults hard restarts make one descent, so that this row repeats the cosine's runs, and polynomial " +
  "decay has power 1, so that it is linear but for its end at 1e-7: four schedules differ.";

/** The study of schedules. */
export default experiment({
  name: "schedules",
  paper: "Summary, learning-rate schedules",
  question: "Which schedule should the learning rate follow?",
  columns,
  rows,
  baseline: "linear with warm-up",
  published: {
    columns,
    rows: Object.fromEntries(Object.keys(rows).map((row) => [row, columns.map(() => null)])),
  },
  figure: scheduleCurves("The schedules: learning rate over the steps"),
  figureOfSettings: true,
  scales: {
    mini: { minutes: 8, settings: mini, sets: miniSets, columns: only(miniColumns, columns), notes: [alike] },
    imdb: { minutes: 200, settings: {}, columns: imdbColumns, notes: [alike] },
    paper: {
      minutes: 220,
      settings: {},
      sets: paperSets,
      columns: only(paperColumns, columns),
      notes: [alike],
    },
  },
});
