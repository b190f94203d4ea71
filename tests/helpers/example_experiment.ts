import type { DataTable } from "../../lib/runs/data_table.ts";
import { experiment } from "../../lib/runs/experiment.ts";

/** Two rows and two columns of Table 2, at mini scale. */
export const cutting = experiment({
  name: "cutting",
  paper: "Section 5.3.1",
  question: "Which end of a text?",
  columns: ["IMDb", "Sogou"],
  rows: { "head-only": { text: "head" }, "tail-only": { text: "tail", epochs: 6 } },
  baseline: "head-only",
  published: {
    columns: ["IMDb", "Sogou"],
    rows: { "head-only": [5.63, 2.58], "tail-only": [5.44, 3.17] },
  },
  scales: {
    mini: {
      minutes: 1,
      settings: { epochs: 2, learningRate: 1e-4, limits: { train: 40, test: 20 } },
      columns: {
        IMDb: { settings: {} },
        Sogou: {
          settings: { data: "sogou", epochs: 5, limits: { train: 80 } },
          standIn: true,
          note: "a stand-in.",
        },
      },
    },
  },
});

/** Two data sets of Table 1, of which a set by this name stands for the second at mini scale. */
export const twoSets = (sogou: string): DataTable => ({
  name: "sets",
  paper: "Section 5.1, Table 1",
  question: "What are the data sets?",
  published: {
    IMDb: { classes: 2, averageLength: 292, maxLength: 3045, exceeding: 12.69, train: 25_000, test: 25_000 },
    Sogou: { classes: 6, averageLength: 737, maxLength: 47_988, exceeding: 46.23, train: 54_000, test: 6000 },
  },
  scales: { mini: { minutes: 1, sets: { IMDb: "imdb", Sogou: sogou } } },
});
