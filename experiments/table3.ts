/**
 * Table 3 (section 5.3.2): which layers' features classify best?
 *
 * The paper, test error in percent on IMDb: layer 0 11.07, layer 5 6.83, layer 11 5.42: the higher the layer the better.
 * The last four layers together 5.42 to 5.44, the first four 8.69 to 9.09, all twelve 5.44. Layers above the highest that is
 * used are neither computed nor trained.
 *
 * What to expect: the gain from the lowest layers to the highest is real; 5.42 against 5.44 is inside the noise of
 * single runs. At mini scale MiniLM has six layers, so its top one is layer 5 and "all" are six; the paper's number
 * beside a layer is that of the same layer of twelve.
 *
 * Minutes: about 10 at mini scale on 2 CPU cores (one seed).
 *
 *     deno task reproduce table3 --seeds 3
 */
import { type Experiment, experiment } from "../lib/runs/experiment.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { mini, miniImdb } from "./minilm_scale.ts";
import { imdbColumns } from "./scales.ts";

const combinations = {
  "first 4 concat": { features: "first 4 concat" },
  "first 4 mean": { features: "first 4 mean" },
  "first 4 max": { features: "first 4 max" },
  "last 4 concat": { features: "last 4 concat" },
  "last 4 mean": { features: "last 4 mean" },
  "last 4 max": { features: "last 4 max" },
  "all 12 concat": { features: "all concat" },
} as const;

const poolers =
  "The state of a single layer goes through BERT's pooler, as that of the last layer does; those that are combined do not. " +
  "(In the authors' code those of single layers do not either.)";

const table3 = experiment({
  name: "table3",
  paper: "Section 5.3.2, Table 3",
  question: "Which layers' features classify best?",
  columns: ["IMDb"],
  rows: {
    "layer 0": { features: "layer 0" },
    "layer 1": { features: "layer 1" },
    "layer 2": { features: "layer 2" },
    "layer 3": { features: "layer 3" },
    "layer 4": { features: "layer 4" },
    "layer 5": { features: "layer 5" },
    "layer 6": { features: "layer 6" },
    "layer 7": { features: "layer 7" },
    "layer 8": { features: "layer 8" },
    "layer 9": { features: "layer 9" },
    "layer 10": { features: "layer 10" },
    "layer 11": { features: "layer 11" },
    ...combinations,
  },
  baseline: "layer 11",
  published: paper.table3,
  forLayers,
  scales: {
    mini: {
      minutes: 10,
      settings: { ...mini, layers: 6 },
      columns: { IMDb: miniImdb },
      rows: {
        "layer 0": {},
        "layer 1": {},
        "layer 2": {},
        "layer 3": {},
        "layer 4": {},
        "layer 5": {},
        ...combinations,
      },
      baseline: "layer 5",
      notes: ['All 6 layers of MiniLM: layer 5 is its top one, and "all 12" are its 6.', poolers],
    },
    imdb: { minutes: 420, settings: {}, columns: imdbColumns, notes: [poolers] },
    paper: { minutes: 420, settings: {}, columns: imdbColumns, notes: [poolers] },
  },
});

/** The table of another model: a row for each of its layers. The paper has no numbers for those above its twelve. */
function forLayers(layers: number): Experiment {
  const names = Array.from({ length: layers }, (_, layer) => `layer ${layer}`);
  const rows = {
    ...Object.fromEntries(names.map((name) => [name, { features: name }])),
    ...layers >= 4 ? combinations : { "all 12 concat": combinations["all 12 concat"] },
  };
  const top = layers - 1;
  const notes = [
    `All ${layers} layers of the model: layer ${top} is its top one, and "all 12" are its ${layers}. The paper's number ` +
    "beside a layer is that of the same layer of twelve.",
    poolers,
  ];
  const { published: { columns, rows: printed }, scales, ...rest }: Experiment = table3;
  const ofModel = Object.entries(scales).map(([name, scale]) =>
    [name, { ...scale, rows: undefined, baseline: undefined, notes }] as const
  );
  return experiment<string, string>({
    ...rest,
    rows,
    baseline: `layer ${top}`,
    published: { columns, rows: { ...Object.fromEntries(names.map((name) => [name, [null]])), ...printed } },
    scales: Object.fromEntries(ofModel),
  });
}

/** Table 3: the layers that are classified. */
export default table3;
