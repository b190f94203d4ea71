/**
 * The six learning-rate schedules of the summary's last part: which one should fine-tuning follow?
 *
 * The paper's summary shows their curves and no numbers. Here each is drawn, and a model is trained with each, everything
 * else the same. Linear with warm-up is the paper's own (the slanted triangle of section 5.2).
 *
 * What to expect: with transformers' defaults four of the six differ. Hard restarts have one cycle, so their row repeats
 * the cosine's runs. Polynomial decay has power 1, so it is linear but for its end at 1e-7. At so few steps what matters
 * is how high the rate stays.
 *
 * Minutes: about 8 at mini scale on 2 CPU cores (one seed).
 *
 *     deno task reproduce schedules --seeds 3
 */
import { experiment } from "../lib/runs/experiment.ts";
import { scheduleCurves } from "../lib/runs/experiment_figures.ts";
import { mini, miniColumns, miniSets } from "./minilm_scale.ts";
import { imdbColumns, only, paperColumns, paperSets } from "./scales.ts";

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
  "With transformers' defaults four of the six schedules differ. Hard restarts have one cycle, so their row repeats the " +
  "cosine's runs. Polynomial decay has power 1, so it is linear but for its end at 1e-7.";

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
