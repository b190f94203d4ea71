/**
 * Table 4 (section 5.3.4): do lower learning rates for lower layers help?
 *
 * The paper, test error in percent on IMDb: base rate 2.5e-5 with xi 1.00, .95, .90, .85: 5.52, 5.46, 5.44, 5.58; base
 * rate 2.0e-5: 5.42, 5.40, 5.52, 5.65.
 *
 * What to expect: differences of .02 to .2 points from single runs, where three seeds of BERT-base on IMDb have a
 * standard deviation of .04 to .12 points: hardly distinguishable. At mini scale the rates are ten times the paper's, and
 * with four layers .85 leaves the embeddings about half of the top layer's rate, not a seventh as with twelve.
 *
 * Minutes: about 6 at mini scale on 2 CPU cores (one seed).
 *
 *     deno task reproduce table4 --seeds 5
 */
import { experiment } from "../lib/runs/experiment.ts";
import { layerRateCurves } from "../lib/runs/experiment_figures.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniImdb } from "./minilm_scale.ts";
import { imdbColumns } from "./scales.ts";

const rows = {
  "2.5e-5 xi 1.00": { learningRate: 2.5e-5, layerDecay: 1 },
  "2.5e-5 xi 0.95": { learningRate: 2.5e-5, layerDecay: 0.95 },
  "2.5e-5 xi 0.90": { learningRate: 2.5e-5, layerDecay: 0.9 },
  "2.5e-5 xi 0.85": { learningRate: 2.5e-5, layerDecay: 0.85 },
  "2.0e-5 xi 1.00": { learningRate: 2e-5, layerDecay: 1 },
  "2.0e-5 xi 0.95": { learningRate: 2e-5, layerDecay: 0.95 },
  "2.0e-5 xi 0.90": { learningRate: 2e-5, layerDecay: 0.9 },
  "2.0e-5 xi 0.85": { learningRate: 2e-5, layerDecay: 0.85 },
} as const;
const [higher, lower] = [{ learningRate: 2.5e-4 }, { learningRate: 2e-4 }];

/** Table 4: base rate and decay from layer to layer. */
export default experiment({
  name: "table4",
  paper: "Section 5.3.4, Table 4",
  question: "Do lower learning rates for lower layers help?",
  columns: ["IMDb"],
  rows,
  baseline: "2.0e-5 xi 1.00",
  published: paper.table4,
  figure: layerRateCurves("Table 4: learning rate of each layer"),
  figureOfSettings: true,
  scales: {
    mini: {
      minutes: 6,
      settings: mini,
      columns: { IMDb: miniImdb },
      rows: {
        "2.5e-5 xi 1.00": higher,
        "2.5e-5 xi 0.95": higher,
        "2.5e-5 xi 0.90": higher,
        "2.5e-5 xi 0.85": higher,
        "2.0e-5 xi 1.00": lower,
        "2.0e-5 xi 0.95": lower,
        "2.0e-5 xi 0.90": lower,
        "2.0e-5 xi 0.85": lower,
      },
      notes: ["The rates are ten times those of the rows: 2.5e-4 and 2e-4."],
    },
    imdb: { minutes: 300, settings: {}, columns: imdbColumns },
    paper: { minutes: 300, settings: {}, columns: imdbColumns },
  },
});
