/** A model's configuration, under BERT's keys. */

/** Names of the feed-forward layers' activations; "gelu" is the erf form. */
export const HIDDEN_ACTS = ["gelu", "gelu_new", "relu"] as const;

/** A name from {@linkcode HIDDEN_ACTS}. */
export type HiddenAct = (typeof HIDDEN_ACTS)[number];

/** The keys of Hugging Face's BertConfig that the encoder and the classifier depend on, under the same names. */
export interface BertConfig {
  /** The family, by Hugging Face's name (families.ts); BERT if absent. */
  readonly model_type?: string;
  /** V, the number of wordpieces. */
  readonly vocab_size: number;
  /** H, the width of the hidden states. */
  readonly hidden_size: number;
  /** E, the width of the embeddings; `hidden_size` if absent. */
  readonly embedding_size?: number;
  /** L, the number of encoder layers. */
  readonly num_hidden_layers: number;
  /** N, the number of attention heads; divides `hidden_size`. */
  readonly num_attention_heads: number;
  /** The inner width of the feed-forward layers. */
  readonly intermediate_size: number;
  /** The feed-forward layers' activation. */
  readonly hidden_act: HiddenAct;
  /** Dropout rate after the embeddings and after each sublayer. */
  readonly hidden_dropout_prob: number;
  /** Dropout rate of the attention's probabilities. */
  readonly attention_probs_dropout_prob: number;
  /** Dropout rate before the classifier; `hidden_dropout_prob` if absent. */
  readonly classifier_dropout?: number;
  /** Rows of the table of positions: the longest sequence, [CLS] and [SEP] included, and rows that are never read. */
  readonly max_position_embeddings: number;
  /** The number of segment types. */
  readonly type_vocab_size: number;
  /** Standard deviation of new weights. */
  readonly initializer_range: number;
  /** The number that LayerNorm adds to the variance. */
  readonly layer_norm_eps: number;
  /** The id of [PAD]. */
  readonly pad_token_id: number;
  /** Label names by class index, as decimal strings. */
  readonly id2label?: Readonly<Record<string, string>>;
  /** The inverse of `id2label`. */
  readonly label2id?: Readonly<Record<string, number>>;
  /** What ModernBERT's encoder depends on besides; no other family has it. */
  readonly modern?: ModernConfig;
}

/** What ModernBERT's encoder (modern_encoder.ts) depends on besides. */
export interface ModernConfig {
  /** Tokens that a token sees in a local layer, half of them on each side. */
  readonly local_attention: number;
  /** The kinds of the layers, at least L of them. */
  readonly layer_types: readonly ("full_attention" | "sliding_attention")[];
  /** Base of the positions' angles in global and in local layers. */
  readonly rope_theta: { readonly global: number; readonly local: number };
  /** Dropout rate after the embeddings. */
  readonly embedding_dropout: number;
  /** State that a text is classified by: that of [CLS], or the mean of all its tokens'. */
  readonly classifier_pooling: "cls" | "mean";
}
