/** DistilBERT (Sanh et al. 2019): BERT without segment types and pooler, and with one dropout less in a layer. */
import type { Family } from "./family.ts";

const [ours, theirs] = ["bert.encoder.layer.*", "distilbert.transformer.layer.*"];

/** DistilBERT. */
export const distilbert: Family = {
  title: "DistilBERT",
  className: "DistilBert",
  base: "distilbert",
  names: [
    [`${ours}.attention.self.query`, `${theirs}.attention.q_lin`],
    [`${ours}.attention.self.key`, `${theirs}.attention.k_lin`],
    [`${ours}.attention.self.value`, `${theirs}.attention.v_lin`],
    [`${ours}.attention.output.dense`, `${theirs}.attention.out_lin`],
    [`${ours}.attention.output.LayerNorm`, `${theirs}.sa_layer_norm`],
    [`${ours}.intermediate.dense`, `${theirs}.ffn.lin1`],
    [`${ours}.output.dense`, `${theirs}.ffn.lin2`],
    [`${ours}.output.LayerNorm`, `${theirs}.output_layer_norm`],
    ["bert.embeddings", "distilbert.embeddings"],
    ["bert.pooler.dense", "pre_classifier"],
    ["cls.predictions.transform.dense", "vocab_transform"],
    ["cls.predictions.transform.LayerNorm", "vocab_layer_norm"],
    ["cls.predictions.decoder.weight", "vocab_projector.weight"],
    ["cls.predictions.bias", "vocab_projector.bias"],
  ],
  configKeys: {
    hidden_size: "dim",
    num_hidden_layers: "n_layers",
    num_attention_heads: "n_heads",
    intermediate_size: "hidden_dim",
    hidden_act: "activation",
    hidden_dropout_prob: "dropout",
    attention_probs_dropout_prob: "attention_dropout",
    classifier_dropout: "seq_classif_dropout",
    type_vocab_size: null,
    layer_norm_eps: null,
  },
  defaults: { classifier_dropout: .2, type_vocab_size: 1 },
  segments: "none",
  head: { of: "classifier", activation: "relu" },
  keepsAttention: true,
};
