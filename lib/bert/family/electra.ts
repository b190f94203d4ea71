/**
 * ELECTRA (Clark et al. 2020): BERT with narrow embeddings, which a projection widens, and without a pooler. Further
 * pre-training is its generator's, masked words: the head that finds replaced words is left out.
 */
import type { Family } from "./family.ts";

/** ELECTRA. */
export const electra: Family = {
  title: "ELECTRA",
  className: "Electra",
  base: "electra",
  names: [
    ["bert.embeddings.project", "electra.embeddings_project"],
    ["bert.pooler.dense", "classifier.dense"],
    ["classifier", "classifier.out_proj"],
    ["cls.predictions.transform.dense", "generator_predictions.dense"],
    ["cls.predictions.transform.LayerNorm", "generator_predictions.LayerNorm"],
    ["cls.predictions.decoder.weight", "generator_lm_head.weight"],
    ["cls.predictions.bias", "generator_lm_head.bias"],
    ["cls.discriminator", "discriminator_predictions"],
    ["bert", "electra"],
  ],
  defaults: { embedding_size: 128 },
  segments: "read",
  head: { of: "classifier", activation: "gelu", dropout: true },
  wordsActivation: "gelu",
};
