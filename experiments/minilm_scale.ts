/**
 * The mini scale of the experiments whose records were made with MiniLM; those in scales.ts have bge-small-en. An experiment
 * changes its import once all its records are made anew, and then this file goes.
 */
import type { NewModel } from "../lib/bert/start_model.ts";
import type { ScaleColumn } from "../lib/runs/experiment.ts";
import type { Settings } from "../lib/runs/configuration.ts";
import { miniSets as currentSets } from "./scales.ts";

/** A small BERT that starts from nothing: for Chinese, and where there is no checkpoint. */
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
 * Mini scale: the lowest 4 layers of MiniLM (`sentence-transformers/all-MiniLM-L6-v2`), short texts and few examples. A
 * run takes about half a minute on 2 CPU cores. Three layers are too few: up to the third, MiniLM's [CLS] hardly depends
 * on the text (LOG.md), and training stands still for a time that differs from seed to seed.
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

/** The data sets that stand for the paper's at mini scale, by its names. */
export const miniSets = { ...currentSets, "Sogou": "chinese-poets" } as const;

/** IMDb at mini scale. */
export const miniImdb: ScaleColumn = {
  settings: { data: miniSets.IMDb, limits: { train: 400, dev: 100, test: 500 } },
  note:
    "a part of the paper's data set, with each class in its share; the model is MiniLM, which was trained further to " +
    "embed sentences, instead of BERT-base.",
};

/** Further pre-training at mini scale, before the fine-tuning of {@link mini}. */
export const miniPreTraining: Settings["preTraining"] = {
  steps: 200,
  headSteps: 100,
  maxLength: 64,
  learningRate: 3e-4,
};

const limits = { train: 400, dev: 100, test: 500 };

/** Settings of data sets with many classes, for which three passes over 400 texts are too few (LOG.md). */
const manyClasses = { limits, epochs: 6 };

/** The stand-in for Yelp Polarity at mini scale. */
const miniYelpP: ScaleColumn = {
  settings: { data: miniSets["Yelp P."], limits },
  standIn: true,
  note: "a stand-in for Yelp Polarity: single sentences of restaurant reviews; 300 test sentences.",
};

/** The stand-in for Yelp Full at mini scale. */
const miniYelpF: ScaleColumn = {
  settings: { data: miniSets["Yelp F."], limits },
  standIn: true,
  note:
    "a stand-in for Yelp Full: single sentences of product reviews, two classes instead of five; 300 test sentences.",
};

/** The stand-in for TREC at mini scale. */
const miniTrec: ScaleColumn = {
  settings: { data: miniSets.TREC, ...manyClasses },
  standIn: true,
  note: "a stand-in for TREC: definitions instead of questions; the class is one of six kinds of things.",
};

/** The stand-in for Yahoo! Answers at mini scale. */
const miniYahoo: ScaleColumn = {
  settings: { data: miniSets["Yahoo! Answers"], ...manyClasses },
  standIn: true,
  note: "a stand-in for Yahoo! Answers: questions and answers of eight mailing lists; the class is the list.",
};

/** The stand-in for AG's News at mini scale. */
const miniAgNews: ScaleColumn = {
  settings: { data: miniSets["AG's News"], ...manyClasses },
  standIn: true,
  note: "a stand-in for AG's News: passages of the CIA World Factbook; the class is one of eight sections.",
};

/** The stand-in for DBPedia at mini scale. */
const miniDbpedia: ScaleColumn = {
  settings: { data: miniSets.DBPedia, ...manyClasses },
  standIn: true,
  note:
    "a stand-in for DBPedia: names with their definitions in WordNet; the class is one of fourteen kinds of things.",
};

/** The stand-in for Sogou News at mini scale: long Chinese texts, and a new model. */
export const miniSogou: ScaleColumn = {
  settings: {
    data: miniSets.Sogou,
    limits: { train: 800, dev: 100, test: 300 },
    model: "new",
    layers: null,
    maxLength: 128,
    epochs: 4,
    learningRate: 1e-3,
  },
  standIn: true,
  note:
    "a stand-in for Sogou News, which is on no hub: documents of ten poets of the Song dynasty, so the task " +
    "is authorship instead of topic (chance is 90 %); a very small model from nothing over characters instead of " +
    "BERT-base Chinese.",
};

/** The columns of the mini scale, by the paper's names. */
export const miniColumns = {
  "IMDb": miniImdb,
  "Yelp P.": miniYelpP,
  "Yelp F.": miniYelpF,
  "TREC": miniTrec,
  "Yahoo! Answers": miniYahoo,
  "AG's News": miniAgNews,
  "DBPedia": miniDbpedia,
  "Sogou": miniSogou,
} as const satisfies Record<string, ScaleColumn>;
