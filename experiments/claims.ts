/** The paper's claims, each as a comparison of rows of its tables. */
import { type ScaleName, scaleRows } from "../lib/runs/experiment.ts";
import type { Claim } from "../lib/results/claims.ts";
import { type PrintedRun, resolutionOf } from "../lib/results/resolution.ts";
import { experiments } from "./all.ts";
import paper from "./paper_tables.json" with { type: "json" };

/** A claim before what the paper's numbers say is computed: `printed` returns its error of a cell in percent. */
interface Stated extends Omit<Claim, "paper" | "resolution" | "over"> {
  readonly printed: (row: string, column: string) => number;
  /** The rows at mini scale, if they differ from the paper's. */
  readonly mini?: Pick<Claim, "better" | "than">;
}

/** A table of paper_tables.json. */
interface Printed {
  readonly columns: readonly string[];
  readonly rows: Readonly<Record<string, readonly (number | null)[]>>;
}

/** Returns the function that finds the error of a cell of a table. */
const of = ({ columns, rows }: Printed) => (row: string, column: string) =>
  rows[row]![columns.indexOf(column)]!;

const allSets = ["IMDb", "Yelp P.", "Yelp F.", "TREC", "Yahoo! Answers", "AG's News", "DBPedia", "Sogou"];

/** Figure 4's columns: the numbers of training examples. */
const shares = paper.figure4.examples.map(String);

const stated: readonly Stated[] = [
  {
    name: "head+tail beats head-only",
    section: "5.3.1, Table 2",
    sentence: "Of a long text, its first 128 and last 382 wordpieces serve better than its first 510.",
    experiment: "table2",
    better: "head+tail",
    than: ["head-only"],
    columns: ["IMDb", "Sogou"],
    printed: of(paper.table2),
  },
  {
    name: "head+tail beats tail-only",
    section: "5.3.1, Table 2",
    sentence: "Of a long text, its first 128 and last 382 wordpieces serve better than its last 510.",
    experiment: "table2",
    better: "head+tail",
    than: ["tail-only"],
    columns: ["IMDb", "Sogou"],
    printed: of(paper.table2),
  },
  {
    name: "head+tail beats the hierarchical methods",
    section: "5.3.1, Table 2",
    sentence:
      "Cutting a long text to head and tail serves better than reading it in fractions, on average over the " +
      "three ways of pooling them.",
    experiment: "table2",
    better: "head+tail",
    than: ["hierarchical mean", "hierarchical max", "hierarchical self-attention"],
    columns: ["IMDb", "Sogou"],
    printed: of(paper.table2),
  },
  {
    name: "the last layer beats the one below",
    section: "5.3.2, Table 3",
    sentence: "The last layer's feature is the best of all layers', even of the one below it.",
    experiment: "table3",
    better: "layer 11",
    than: ["layer 10"],
    mini: { better: "layer 5", than: ["layer 4"] },
    columns: ["IMDb"],
    printed: of(paper.table3),
  },
  {
    name: "the last layer beats the first",
    section: "5.3.2, Table 3",
    sentence: "The last layer's feature is better than the first layer's.",
    experiment: "table3",
    better: "layer 11",
    than: ["layer 0"],
    mini: { better: "layer 5", than: ["layer 0"] },
    columns: ["IMDb"],
    printed: of(paper.table3),
  },
  {
    name: "a rate of 4e-4 fails",
    section: "5.3.3, Figure 2",
    sentence:
      "With a learning rate of 4e-4 instead of 2e-5 training does not converge: its error stays that of guessing.",
    experiment: "figure2",
    better: "2e-5",
    than: ["4e-4"],
    columns: ["IMDb"],
    noBetterThanChance: true,
    printed: (row) => of(paper.figure2)(`${row} dev`, "4160-5000"),
  },
  {
    name: "lower layers learn slower, at 2.0e-5",
    section: "5.3.4, Table 4",
    sentence:
      "From a rate of 2.0e-5 at the top, rates that fall by .95 from layer to layer are better than one for all.",
    experiment: "table4",
    better: "2.0e-5 xi 0.95",
    than: ["2.0e-5 xi 1.00"],
    columns: ["IMDb"],
    printed: of(paper.table4),
  },
  {
    name: "lower layers learn slower, at 2.5e-5",
    section: "5.3.4, Table 4",
    sentence:
      "From a rate of 2.5e-5 at the top, rates that fall by .95 from layer to layer are better than one for all.",
    experiment: "table4",
    better: "2.5e-5 xi 0.95",
    than: ["2.5e-5 xi 1.00"],
    columns: ["IMDb"],
    printed: of(paper.table4),
  },
  {
    name: "pre-training on IMDb's texts helps",
    section: "5.4.1, Figure 3",
    sentence: "100,000 steps of further pre-training on the task's own texts lower the error on IMDb.",
    experiment: "figure3",
    better: "100000",
    than: ["0"],
    columns: ["IMDb"],
    printed: (row) => (paper.figure3.rows as Record<string, number>)[row]!,
  },
  {
    name: "pre-training on the task's texts helps",
    section: "5.4.3, Table 6",
    sentence: "Further pre-training on the task's own texts lowers the error, on average over all data sets.",
    experiment: "table6",
    better: "BERT-ITPT-FiT",
    than: ["BERT-FiT"],
    columns: allSets,
    printed: of(paper.table6),
  },
  {
    name: "in-domain beats within-task",
    section: "5.4.2 and 5.4.3, Tables 5 and 6",
    sentence:
      "Further pre-training on texts of the whole domain is better than on the task's own, on average over the " +
      "seven data sets that share a domain.",
    experiment: "table6",
    better: "BERT-IDPT-FiT",
    than: ["BERT-ITPT-FiT"],
    columns: allSets.filter((name) => name !== "Sogou"),
    printed: of(paper.table6),
  },
  {
    name: "multi-task helps",
    section: "5.5, Table 7",
    sentence: "Fine-tuning on four tasks at once before fine-tuning on one lowers its error.",
    experiment: "table7",
    better: "BERT-MFiT-FiT",
    than: ["BERT-FiT"],
    columns: paper.table7.columns,
    printed: of(paper.table7),
  },
  {
    name: "pre-training helps most with few examples",
    section: "5.6, Figure 4",
    sentence:
      "Pre-training on the task's own texts lowers the error more with the fewest training examples than with " +
      "the most.",
    experiment: "figure4",
    better: "BERT-ITPT-FiT",
    than: ["BERT-FiT"],
    columns: shares,
    interaction: true,
    printed: of({ columns: shares, rows: paper.figure4.rows }),
  },
  {
    name: "pre-training helps BERT-large too",
    section: "5.7, Table 8",
    sentence: "Further pre-training on the task's own texts lowers the error of the larger model as well.",
    experiment: "table8",
    better: "BERT-large + ITPT",
    than: ["BERT-large"],
    columns: paper.table8.columns,
    printed: of(paper.table8),
  },
];

/** The number of test examples of the paper's data sets, by its names of columns. */
const testExamples: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(paper.table1.rows).map((
    [set, row],
  ) => [set === "Sogou News" ? "Sogou" : set, Number(row[6])]),
);

/**
 * Returns the paper's runs of a claim, with their weights in its difference: the error of `better` minus the mean error
 * of `than`, averaged over the columns. Columns that are no data sets (steps, sizes of the sample) are tested on IMDb.
 */
function printedRuns({ better, than, columns, interaction, printed }: Stated): PrintedRun[] {
  const weighted = interaction
    ? [{ column: columns[0]!, weight: 1 }, { column: columns.at(-1)!, weight: -1 }]
    : columns.map((column) => ({ column, weight: 1 / columns.length }));
  return weighted.flatMap(({ column, weight }) => {
    const testSet = column in testExamples ? column : "IMDb";
    const run = (row: string, weight: number): PrintedRun => ({
      testSet,
      examples: testExamples[testSet]!,
      error: printed(row, column) / 100,
      weight,
    });
    return [run(better, weight), ...than.map((row) => run(row, -weight / than.length))];
  });
}

/** Returns the paper's claims, in its order, with the rows and columns of a scale; claims that it does not run are left out. */
export function claimsAt(scale: ScaleName): Claim[] {
  return stated.flatMap(({ printed, mini, ...claim }) => {
    const experiment = experiments.find(({ name }) => name === claim.experiment)!;
    const found = experiment.scales[scale];
    if (!found) return [];
    const here = { ...claim, ...scale === "mini" ? mini : {} };
    const columns = claim.columns.filter((column) => {
      const rows = found.columns[column]?.rows ?? scaleRows(experiment, found);
      return found.columns[column] && [here.better, ...here.than].every((row) => rows.includes(row));
    });
    if (columns.length === 0) return [];
    const over = (columns: readonly string[]) => {
      const runs = printedRuns({ ...claim, columns, printed });
      const difference = 100 * runs.reduce((sum, { error, weight }) => sum + weight * error, 0);
      return { paper: difference, resolution: resolutionOf(runs) };
    };
    return [{ ...here, columns, ...over(columns), over }];
  });
}
