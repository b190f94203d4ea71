/**
 * RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020): BERT without next sentences and segment types; a text's
 * first position is the one after that of padding.
 */
import type { Family } from "./family.ts";

/** RoBERTa. */
export const roberta: Family = {
  title: "RoBERTa",
  className: "Roberta",
  base: "roberta",
  names: [
    ["bert.pooler.dense", "classifier.dense"],
    ["classifier", "classifier.out_proj"],
    ["cls.predictions.transform.dense", "lm_head.dense"],
    ["cls.predictions.transform.LayerNorm", "lm_head.layer_norm"],
    ["cls.predictions.decoder", "lm_head.decoder"],
    ["cls.predictions.bias", "lm_head.bias"],
    ["cls.pooler", "roberta.pooler"], // which no class for classifying or masked words has
    ["bert", "roberta"],
  ],
  defaults: { pad_token_id: 1 },
  firstPosition: ({ pad_token_id: pad }) => pad + 1,
  segments: "first",
  head: { of: "classifier", activation: "tanh", dropout: true },
  wordsActivation: "gelu",
};

/** XLM-R, RoBERTa of a hundred languages. */
export const xlmRoberta: Family = { ...roberta, title: "XLM-R", className: "XLMRoberta" };
