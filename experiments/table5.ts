/**
 * Table 5: which texts should a model be pre-trained on further: the task's, its domain's, or others? (Section 5.4.2)
 *
 * The paper: BERT-base is pre-trained for 100,000 steps on each data set, on those of each domain and on all, then
 * fine-tuned on each data set. Texts of its own domain help (IMDb 5.40 without, 4.37 with IMDb, 4.88 with all
 * sentiment), others do not (IMDb 5.85 with all topic).
 *
 * What to expect: the paper's differences outside IMDb are .03 to 1.0 points, in both directions and from single runs;
 * most are inside the noise. At mini scale six of the seven data sets are stand-ins of the same domains, pre-training
 * takes a few hundred steps, and test sets of 300 to 500 examples have standard errors of about 2 points.
 *
 * Minutes: about 120 at mini scale on 2 CPU cores (one seed), with the models that it pre-trains.
 *
 *     deno task reproduce table5
 */
import type { Settings } from "../lib/runs/configuration.ts";
import { domains } from "../lib/paper/corpora.ts";
import { experiment } from "../lib/runs/experiment.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniColumns, miniPreTraining, miniSets } from "./minilm_scale.ts";
import { imdbColumns, imdbSets, layerDecay, only, paperColumns, paperSets, testTextsRead } from "./scales.ts";

const on = (...corpus: readonly string[]): Settings => ({ preTraining: { corpus } });

const columns = ["IMDb", "Yelp P.", "Yelp F.", "TREC", "Yahoo! Answers", "AG's News", "DBPedia"] as const;

/** Table 5: corpus of further pre-training by data set. */
export default experiment({
  name: "table5",
  paper: "Section 5.4.2, Table 5",
  question: "Which texts should a model be pre-trained on further?",
  columns,
  rows: {
    "IMDb": on("IMDb"),
    "Yelp P.": on("Yelp P."),
    "Yelp F.": on("Yelp F."),
    "all sentiment": on(...domains.sentiment),
    "TREC": on("TREC"),
    "Yahoo! Answers": on("Yahoo! Answers"),
    "all question": on(...domains.question),
    "AG's News": on("AG's News"),
    "DBPedia": on("DBPedia"),
    "all topic": on(...domains.topic),
    "all": { preTraining: { corpus: "cross-domain" } },
    "without pre-training": {},
  },
  baseline: "without pre-training",
  published: paper.table5,
  scales: {
    mini: {
      minutes: 120,
      modelMinutes: 3.7,
      settings: { ...mini, layerDecay, preTraining: miniPreTraining },
      sets: miniSets,
      columns: only(miniColumns, columns),
    },
    imdb: {
      minutes: 700,
      settings: { layerDecay },
      sets: imdbSets,
      columns: imdbColumns,
      rows: { "IMDb": {}, "without pre-training": {} },
      notes: [testTextsRead],
    },
    paper: {
      minutes: 20_000,
      settings: { layerDecay },
      sets: paperSets,
      columns: only(paperColumns, columns),
      notes: [testTextsRead],
    },
  },
});
