/**
 * Table 7 (section 5.5): does fine-tuning on several tasks at once help each of them?
 *
 * The paper: IMDb, Yelp P., AG's News and DBPedia share one model except for their classifiers (MFiT), then each is
 * fine-tuned further with a lower rate. IMDb 5.40 without, 5.36 with; from the cross-domain pre-trained model 5.18
 * without, 4.96 with. Yelp P. 2.28, 2.19, 1.97, 2.06; AG 5.25, 5.20, 5.08, 5.13; DBPedia .71, .68, .67, .67.
 *
 * What to expect: differences of at most .22 points from single runs. The paper does not say how much lower the second
 * rate is; here it is half.
 *
 * Minutes: about 21 at mini scale on 2 CPU cores (one seed), with the models that it pre-trains; 10 where
 * those are at hand.
 *
 *     deno task reproduce table7
 */
import type { Settings } from "../lib/runs/configuration.ts";
import { experiment } from "../lib/runs/experiment.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniColumns, miniPreTraining, miniSets } from "./minilm_scale.ts";
import { layerDecay, only, paperColumns, paperSets } from "./scales.ts";

const columns = ["IMDb", "Yelp P.", "AG's News", "DBPedia"] as const;
const multiTask = { tasks: columns };

/** The mini scale's fine-tuning on one task, after three passes over all tasks. */
const secondHalf: Settings = { epochs: 3, learningRate: 1e-4 };

/** Table 7: multi-task fine-tuning. */
export default experiment({
  name: "table7",
  paper: "Section 5.5, Table 7",
  question: "Does fine-tuning on several tasks at once help each of them?",
  columns,
  rows: {
    "BERT-FiT": {},
    "BERT-MFiT-FiT": { multiTask, learningRate: 1e-5 },
    "BERT-CDPT-FiT": { preTraining: { corpus: "cross-domain" } },
    "BERT-CDPT-MFiT-FiT": { preTraining: { corpus: "cross-domain" }, multiTask, learningRate: 1e-5 },
  },
  baseline: "BERT-FiT",
  published: paper.table7,
  scales: {
    mini: {
      minutes: 21,
      modelMinutes: 3,
      settings: {
        ...mini,
        layerDecay,
        preTraining: miniPreTraining,
        multiTask: { epochs: 3, learningRate: 2e-4 },
      },
      sets: miniSets,
      columns: only(miniColumns, columns),
      rows: {
        "BERT-FiT": {},
        "BERT-MFiT-FiT": secondHalf,
        "BERT-CDPT-FiT": {},
        "BERT-CDPT-MFiT-FiT": secondHalf,
      },
      notes: [
        "AG's News and DBPedia: every row makes six passes over the task's labels, those of multi-task fine-tuning " +
        "three together and three alone. IMDb and Yelp P.: three passes without multi-task fine-tuning, six with it " +
        "(three and three).",
      ],
    },
    paper: { minutes: 9000, settings: { layerDecay }, sets: paperSets, columns: only(paperColumns, columns) },
  },
});
