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
