/** What the experiments share at each scale. */
import type { ScaleColumn, Settings } from "../lib/experiment.ts";
import type { NewModel } from "../lib/start_model.ts";

/** A small BERT from nothing: for Chinese, and where no checkpoint can be had. */
const smallArchitecture: NewModel = {
  tokens: "characters",
  vocabulary: 4000,
  layers: 1,
  hidden: 64,
  heads: 1,
  intermediate: 256,
  initializerRange: 0.05,
};

/**
 * Mini scale: MiniLM's lowest 4 layers, short texts and few examples; a run takes about half a minute on 2 CPU cores.
 * Four layers and not three: up to the third, MiniLM's [CLS] hardly depends on the text (LOG.md), so that training
 * stands still for a while that differs from seed to seed.
 */
export const mini: Settings = {
  model: "minilm",
  layers: 4,
  architecture: smallArchitecture,
  maxLength: 64,
  maxFractions: 2,
  epochs: 3,
  batchSize: 16,
  learningRate: 2e-4,
};

/** IMDb at mini scale. */
export const miniImdb: ScaleColumn = {
  settings: { data: "imdb", limits: { train: 400, dev: 100, test: 500 } },
  note:
    "the paper's data set, a class-stratified part of it; 64 wordpieces instead of 512, at most 2 fractions, and " +
    "MiniLM's lowest 4 layers instead of BERT-base.",
};

/** The stand-in for Sogou News at mini scale: long Chinese texts, and a model that learns from nothing. */
export const miniSogou: ScaleColumn = {
  settings: {
    data: "chinese-poets",
    limits: { train: 800, dev: 100, test: 300 },
    model: "new",
    layers: null,
    maxLength: 128,
    epochs: 4,
    learningRate: 1e-3,
  },
  standIn: true,
  note:
    "a stand-in for Sogou News, which was not published: documents of ten poets of the Song dynasty, so the task " +
    "is authorship instead of topic (chance is 90 %); a very small model from nothing over characters instead of " +
    "BERT-base Chinese.",
};

/** Sogou News at paper scale. */
export const paperSogou: ScaleColumn = { settings: { data: "sogou", model: "bert-base-chinese" } };
