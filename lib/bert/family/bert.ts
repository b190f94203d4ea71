/** BERT (Devlin et al. 2019), by whose names all families are known here. */
import type { Family } from "./family.ts";

/** BERT. */
export const bert: Family = {
  title: "BERT",
  className: "Bert",
  base: "bert",
  names: ["bert.embeddings", "bert.encoder", "bert.pooler"].map((module) => [module, module] as const),
  segments: "read",
  head: { of: "encoder", activation: "tanh" },
  nextSentences: true,
};
