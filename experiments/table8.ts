/**
 * Table 8 (section 5.7): does further pre-training help a larger model too?
 *
 * The paper, BERT-base and BERT-large with and without within-task further pre-training: IMDb 5.40, 4.37, 4.86, 4.21;
 * Yelp P. 2.28, 1.92, 2.04, 1.81; Yelp F. 30.06, 29.42, 29.25, 28.62; AG 5.25, 4.80, 4.86, 4.66; DBPedia .71, .68, .62,
 * .61.
 *
 * What to expect: at mini scale MiniLM's lowest 4 layers stand for BERT-base and all 6 for BERT-large. (Its lowest 3 do
 * not train reliably: LOG.md.) The rows of BERT-base are runs of Table 6.
 *
 * Minutes: about 58 at mini scale on 2 CPU cores (one seed), with the models that it pre-trains; 30 where
 * those are at hand.
 *
 *     deno task reproduce table8
 */
import { experiment } from "../lib/runs/experiment.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniColumns, miniPreTraining, miniSets } from "./minilm_scale.ts";
import { imdbColumns, imdbSets, layerDecay, only, paperColumns, paperSets, testTextsRead } from "./scales.ts";

const columns = ["IMDb", "Yelp P.", "Yelp F.", "AG's News", "DBPedia"] as const;
const large = { model: "bert-large-uncased", preTraining: { batchSize: 24, steps: 120_000 } } as const;

const ratesOfLarge =
  "Of BERT-large the paper gives the batches and steps of pre-training alone: its rates, warm-up and decay by layers are " +
  "those of BERT-base.";

/** Table 8: two sizes of the model. */
export default experiment({
  name: "table8",
  paper: "Section 5.7, Table 8",
  question: "Does further pre-training help a larger model too?",
  columns,
  printed: ["ULMFiT"],
  rows: {
    "BERT-base": {},
    "BERT-base + ITPT": { preTraining: { corpus: "within-task" } },
    "BERT-large": large,
    "BERT-large + ITPT": { ...large, preTraining: { ...large.preTraining, corpus: "within-task" } },
  },
  baseline: "BERT-base",
  published: paper.table8,
  scales: {
    mini: {
      minutes: 58,
      modelMinutes: 3.8,
      settings: { ...mini, layerDecay },
      sets: miniSets,
      columns: only(miniColumns, columns),
      rows: {
        "BERT-base": {},
        "BERT-base + ITPT": { preTraining: miniPreTraining },
        "BERT-large": { model: "minilm", layers: 6 },
        "BERT-large + ITPT": {
          model: "minilm",
          layers: 6,
          preTraining: { batchSize: 32, ...miniPreTraining },
        },
      },
      notes: ["MiniLM's lowest 4 layers stand for BERT-base, all its 6 layers for BERT-large."],
    },
    imdb: {
      minutes: 3000,
      settings: { layerDecay },
      sets: imdbSets,
      columns: imdbColumns,
      notes: [ratesOfLarge, testTextsRead],
    },
    paper: {
      minutes: 40_000,
      settings: { layerDecay },
      sets: paperSets,
      columns: only(paperColumns, columns),
      notes: [ratesOfLarge, testTextsRead],
    },
  },
});
