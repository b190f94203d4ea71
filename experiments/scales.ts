/** What the experiments share at each scale. */
import type { ScaleColumn, Settings } from "../lib/experiment.ts";
import type { NewModel } from "../lib/start_model.ts";

/** A small BERT from nothing: for Chinese, and where no checkpoint can be had. */
const smallArchitecture: NewModel = {
  tokens: "characters",
  vocabulary: 4000,
  layers: 2,
  hidden: 128,
  heads: 2,
  intermediate: 512,
};

/** Mini scale: MiniLM's lowest 3 layers, short texts and few examples; a run takes half a minute on 2 CPU cores. */
export const mini: Settings = {
  model: "minilm",
  layers: 3,
  architecture: smallArchitecture,
  maxLength: 128,
  maxFractions: 4,
  epochs: 3,
  batchSize: 16,
  learningRate: 1e-4,
};

/** IMDb at mini scale. */
export const miniImdb: ScaleColumn = {
  settings: { data: "imdb", limits: { train: 400, dev: 100, test: 500 } },
  note:
    "the paper's data set, a class-stratified part of it; 128 wordpieces instead of 512, and MiniLM's lowest 3 " +
    "layers instead of BERT-base.",
};

/** The stand-in for Sogou News at mini scale: long Chinese texts, and a model that learns from nothing. */
export const miniSogou: ScaleColumn = {
  settings: {
    data: "chinese-poets",
    limits: { train: 600, dev: 100, test: 300 },
    model: "new",
    layers: null,
    epochs: 5,
    learningRate: 5e-4,
  },
  note:
    "a stand-in for Sogou News, which was not published: documents of ten poets of the Song dynasty, so the task " +
    "is authorship instead of topic; a small model from nothing over characters instead of BERT-base Chinese.",
};

/** Sogou News at paper scale. */
export const paperSogou: ScaleColumn = { settings: { data: "sogou", model: "bert-base-chinese" } };
