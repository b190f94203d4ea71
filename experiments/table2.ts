/**
 * Table 2 (section 5.3.1): what is best done with texts longer than BERT's 512 tokens?
 *
 * The paper, test error in percent on IMDb and Sogou: head-only 5.63 and 2.58, tail-only 5.44 and 3.17, head+tail 5.42
 * and 2.43, hierarchical mean 5.89 and 2.83, max 5.71 and 2.47, self-attention 5.49 and 2.65. So head+tail is best on
 * both, and no hierarchical method beats it.
 *
 * What to expect: the paper gives one number for each cell. Three seeds of BERT-base on IMDb have a standard deviation
 * of .04 to .08 points, so head-only differs from the rest by more than chance, tail-only from head+tail does not. At
 * mini scale a text is cut to 64 wordpieces, so that much more is lost, and the ways differ by more; 1,000 test texts have
 * a standard error of about 1 point, so one seed still orders like rows by chance.
 *
 * Minutes: about 15 at mini scale on 2 CPU cores (one seed, downloads included).
 *
 *     deno task reproduce table2 --seeds 3
 */
import { paperSettings } from "../lib/runs/configuration.ts";
import { experiment } from "../lib/runs/experiment.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { imdbColumns, mini, miniImdb, miniSets, miniSogou, only, paperColumns, paperSets } from "./scales.ts";

const columns = ["IMDb", "Sogou"] as const;

const cap = `The hierarchical methods read at most ${paperSettings.maxFractions} fractions of a text.`;

/** Table 2: the treatment of long texts. */
export default experiment({
  name: "table2",
  paper: "Section 5.3.1, Table 2",
  question: "What is best done with texts that are longer than BERT's input?",
  columns,
  rows: {
    "head-only": { text: "head" },
    "tail-only": { text: "tail" },
    "head+tail": { text: "head+tail" },
    "hierarchical mean": { text: "hierarchical-mean" },
    "hierarchical max": { text: "hierarchical-max" },
    "hierarchical self-attention": { text: "hierarchical-attention" },
  },
  baseline: "head-only",
  published: paper.table2,
  scales: {
    mini: {
      minutes: 15,
      settings: mini,
      sets: miniSets,
      columns: { IMDb: miniImdb, Sogou: miniSogou },
    },
    imdb: { minutes: 180, settings: { microBatchSize: 12 }, columns: imdbColumns, notes: [cap] },
    // Two passes for each step: 24 texts of 8 fractions at once take more than 80 GB (deno task bench gpu).
    paper: {
      minutes: 600,
      settings: { microBatchSize: 12 },
      sets: paperSets,
      columns: only(paperColumns, columns),
      notes: [cap],
    },
  },
});
