/** A model folder's weights: one file of safetensors or PyTorch, or several with an index, as transformers writes them. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { fileName } from "../storage/file_name.ts";
import { fitting, map, object, readJson, text } from "../storage/json.ts";
import type { HostTensors } from "../tensors.ts";
import { readSafetensors, readSafetensorsHeader } from "./safetensors.ts";

/** The tensors' names and shapes, and a function that reads the data of some. */
export interface Weights {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>;
  read(names: Iterable<string>): Promise<HostTensors>;
}

/** Files of weights or indexes of them; a model uses the first of these that it has. */
export const weightFiles = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
] as const;

const shardsShape = object({
  weight_map: fitting(map(text), "file names by tensor", (files) => Object.keys(files).length > 0),
});

/**
 * Opens a folder's weights.
 *
 * @throws InputError if there are none, or a file is missing or broken.
 */
export async function openWeights(folder: string): Promise<Weights> {
  for (const name of weightFiles) {
    if (!await exists(join(folder, name))) continue;
    return await (name.endsWith(".index.json") ? openShards(folder, name) : openFile(join(folder, name)));
  }
  for (const other of ["tf_model.h5", "flax_model.msgpack"]) {
    if (!await exists(join(folder, other))) continue;
    throw new InputError(
      `Cannot read ${folder} as it has ${other} and no model.safetensors: ` +
        "save it with transformers as one safetensors file first",
    );
  }
  throw new InputError(
    `Cannot read ${folder} as a model: it has neither model.safetensors nor pytorch_model.bin`,
  );
}

/**
 * Returns the files that an index names, by tensor.
 *
 * @throws InputError if it cannot be read, or a name leads out of its folder.
 */
export async function readShards(path: string): Promise<ReadonlyMap<string, string>> {
  const { weight_map } = await readJson(path, shardsShape, "take the model's files again");
  return new Map(Object.entries(weight_map).map(([tensor, file]) => [tensor, fileName(file, path)]));
}

async function openFile(path: string): Promise<Weights> {
  if (path.endsWith(".bin")) {
    const { readTorchCheckpoint, readTorchShapes } = await import("./torch_checkpoint.ts");
    return { path, tensors: await readTorchShapes(path), read: (names) => readTorchCheckpoint(path, names) };
  }
  const { tensors } = await readSafetensorsHeader(path);
  return { path, tensors, read: (names) => readSafetensors(path, names) };
}

/** Opens the files of an index, which must hold the tensors that it says. */
async function openShards(folder: string, index: string): Promise<Weights> {
  const path = join(folder, index);
  const shards = await readShards(path);
  const opened = new Map<string, Weights>();
  for (const file of new Set(shards.values())) {
    if (!await exists(join(folder, file))) {
      throw new InputError(
        `Cannot use ${path} as ${file} is missing, which it names; fetch all of the model's files`,
      );
    }
    opened.set(file, await openFile(join(folder, file)));
  }
  const tensors = new Map([...shards].map(([name, file]) => {
    const tensor = opened.get(file)!.tensors.get(name);
    if (tensor) return [name, tensor];
    throw new InputError(
      `Cannot use ${path} as it says that ${name} is in ${file}, which lacks it; take the model's files again`,
    );
  }));
  const read = async (names: Iterable<string>) => {
    const wanted = [...names];
    const parts: HostTensors[] = [];
    for (const [file, weights] of opened) {
      parts.push(await weights.read(wanted.filter((name) => shards.get(name) === file)));
    }
    return Object.assign({}, ...parts) as HostTensors;
  };
  return { path, tensors, read };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
