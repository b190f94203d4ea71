/** The shape of the model that a configuration names, before any of its weights are there. */
import { type BertConfig, newConfig, readConfig } from "../bert/config.ts";
import { namedConfig } from "../bert/models.ts";
import type { Configuration } from "./configuration.ts";

/**
 * The model's configuration, all of its layers; a hub id's is not known before it is fetched.
 *
 * @throws InputError if it is neither a named model, nor new, nor a folder with a config.json.
 */
export async function modelShape({ model, architecture }: Configuration): Promise<BertConfig> {
  if (model !== "new") return namedConfig(model) ?? await readConfig(model);
  return newConfig({
    vocab_size: architecture.vocabulary,
    num_hidden_layers: architecture.layers,
    hidden_size: architecture.hidden,
    num_attention_heads: architecture.heads,
    intermediate_size: architecture.intermediate,
  });
}
