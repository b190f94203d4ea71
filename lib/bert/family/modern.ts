/** What ModernBERT's encoder depends on, in config.json and out of it, and the names of its parameters. */
import {
  fitting,
  flag,
  list,
  nullish,
  numberThat,
  object,
  oneOf,
  type Shape,
  whole,
} from "../../storage/json.ts";
import type { Family } from "./family.ts";
import type { BertConfig, ModernConfig } from "./model_config.ts";

/** Entries of config.json that no other family has. */
interface ModernFile {
  readonly local_attention?: number | null;
  readonly global_attn_every_n_layers?: number | null;
  readonly layer_types?: ModernConfig["layer_types"] | null;
  readonly global_rope_theta?: number | null;
  readonly local_rope_theta?: number | null;
  readonly rope_parameters?: Readonly<Record<string, Rope | null>> | null;
  readonly embedding_dropout?: number | null;
  readonly classifier_pooling?: ModernConfig["classifier_pooling"] | null;
}

interface Rope {
  readonly rope_type?: "default" | null;
  readonly rope_theta?: number | null;
}

const theta = numberThat("a number above 0", (value) => value > 0);
const rate = numberThat("a number from 0 to below 1", (value) => value >= 0 && value < 1);
const rope: Shape<Rope> = object<Rope>({
  rope_type: nullish(oneOf(["default"])),
  rope_theta: nullish(theta),
});
const no = nullish(fitting(flag, "false, as only models without these biases are read", (value) => !value));

const shape = object({
  local_attention: nullish(whole(2)),
  global_attn_every_n_layers: nullish(whole(1)),
  layer_types: nullish(list(oneOf(["full_attention", "sliding_attention"] as const))),
  global_rope_theta: nullish(theta),
  local_rope_theta: nullish(theta),
  rope_parameters: nullish(
    object({ full_attention: nullish(rope), sliding_attention: nullish(rope) }),
  ),
  embedding_dropout: nullish(rate),
  classifier_activation: nullish(oneOf(["gelu"])),
  classifier_pooling: nullish(oneOf(["cls", "mean"] as const)),
  ...{ norm_bias: no, attention_bias: no, mlp_bias: no, classifier_bias: no },
  decoder_bias: nullish(fitting(flag, "true", (value) => value)),
}) as unknown as Shape<ModernFile>;

/** ModernBERT's part of the description. */
export const modern: NonNullable<Family["modern"]> = {
  shape,
  read: (json, layers) => {
    const { rope_parameters: ropes, global_attn_every_n_layers: every } = json as ModernFile;
    const { local_attention, global_rope_theta, local_rope_theta, layer_types } = json as ModernFile;
    const { embedding_dropout, classifier_pooling } = json as ModernFile;
    return {
      local_attention: local_attention ?? 128,
      layer_types: layer_types ?? Array.from(
        { length: layers },
        (_, layer) => layer % (every ?? 3) === 0 ? "full_attention" : "sliding_attention",
      ),
      rope_theta: {
        global: ropes?.full_attention?.rope_theta ?? global_rope_theta ?? 160_000,
        local: ropes?.sliding_attention?.rope_theta ?? local_rope_theta ?? 10_000,
      },
      embedding_dropout: embedding_dropout ?? 0,
      classifier_pooling: classifier_pooling ?? "cls",
    };
  },
  write: ({ num_hidden_layers: layers, modern }) => {
    const { rope_theta: { global, local }, layer_types, ...rest } = modern!;
    const rope = (theta: number) => ({ rope_type: "default", rope_theta: theta });
    return {
      ...rest,
      layer_types: layer_types.slice(0, layers),
      rope_parameters: { full_attention: rope(global), sliding_attention: rope(local) },
    };
  },
  shapes: encoderShapes,
};

/** Names and shapes of the encoder's parameters and the head's. */
function encoderShapes(config: BertConfig): [string, number[]][] {
  const { hidden_size: hidden, intermediate_size: inner, num_hidden_layers: layers } = config;
  const layer = (number: number): [string, number[]][] => {
    const name = `bert.encoder.layer.${number}`;
    const norm: [string, number[]] = [`${name}.attention.LayerNorm.weight`, [hidden]];
    return [
      ...number === 0 ? [] : [norm],
      [`${name}.attention.self.qkv.weight`, [3 * hidden, hidden]],
      [`${name}.attention.output.dense.weight`, [hidden, hidden]],
      [`${name}.intermediate.LayerNorm.weight`, [hidden]],
      [`${name}.intermediate.dense.weight`, [2 * inner, hidden]],
      [`${name}.output.dense.weight`, [hidden, inner]],
    ];
  };
  return [
    ["bert.embeddings.word_embeddings.weight", [config.vocab_size, hidden]],
    ["bert.embeddings.LayerNorm.weight", [hidden]],
    ...Array.from({ length: layers }, (_, number) => layer(number)).flat(),
    ["bert.final.LayerNorm.weight", [hidden]],
    ["bert.pooler.dense.weight", [hidden, hidden]],
    ["bert.pooler.LayerNorm.weight", [hidden]],
  ];
}
