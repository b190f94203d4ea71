/**
 * ModernBERT (Warner et al. 2024), whose encoder is another (modern_encoder.ts). It has neither segment types nor a table
 * of positions, and one head before the words as before the classes.
 */
import type { Family } from "./family.ts";
import { modern } from "./modern.ts";

const [ours, theirs] = ["bert.encoder.layer.*", "model.layers.*"];

/** ModernBERT. */
export const modernbert: Family = {
  title: "ModernBERT",
  className: "ModernBert",
  base: "model",
  names: [
    [`${ours}.attention.LayerNorm`, `${theirs}.attn_norm`],
    [`${ours}.attention.self.qkv`, `${theirs}.attn.Wqkv`],
    [`${ours}.attention.output.dense`, `${theirs}.attn.Wo`],
    [`${ours}.intermediate.LayerNorm`, `${theirs}.mlp_norm`],
    [`${ours}.intermediate.dense`, `${theirs}.mlp.Wi`],
    [`${ours}.output.dense`, `${theirs}.mlp.Wo`],
    ["bert.embeddings.word_embeddings", "model.embeddings.tok_embeddings"],
    ["bert.embeddings.LayerNorm", "model.embeddings.norm"],
    ["bert.final.LayerNorm", "model.final_norm"],
    ["bert.pooler.dense", "head.dense"],
    ["bert.pooler.LayerNorm", "head.norm"],
    ["cls.predictions.bias", "decoder.bias"],
    ["cls.predictions.decoder.weight", "decoder.weight"],
  ],
  configKeys: {
    hidden_act: "hidden_activation",
    hidden_dropout_prob: "mlp_dropout",
    attention_probs_dropout_prob: "attention_dropout",
    layer_norm_eps: "norm_eps",
    type_vocab_size: null,
    modern: null,
  },
  defaults: {
    ...{ hidden_dropout_prob: 0, attention_probs_dropout_prob: 0, classifier_dropout: 0 },
    ...{ layer_norm_eps: 1e-5, pad_token_id: 50_283, type_vocab_size: 1 },
  },
  segments: "none",
  head: { of: "encoder", activation: "gelu", norm: true },
  modern,
};
