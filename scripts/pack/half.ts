/** A model's folder with weights of 16 bits, half the size: each number is the nearest one that F16 has. */
import { cp, stat } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { InputError } from "../../lib/errors.ts";
import { writeWhole } from "../../lib/storage/whole_file.ts";
import type { HostTensors } from "../../lib/tensors.ts";

/** The largest number that F16 has. */
const largest = 65_504;

/**
 * Copies a model's folder, or changes it where it is; the weights become F16.
 *
 * @throws InputError if it has no model.safetensors, or a weight that F16 cannot hold.
 */
export async function copyHalf(from: string, to: string): Promise<void> {
  const weights = await requireSafetensors(from, "write as F16 the weights");
  const filter = (path: string) => !/\.(safetensors|bin)$/.test(path);
  if (from !== to) await cp(from, to, { recursive: true, dereference: true, filter });
  await writeWhole(join(to, "model.safetensors"), halfSafetensors(await readSafetensors(weights), weights));
}

/** Returns the path of a model's weights. @throws InputError if they are no safetensors file. */
export async function requireSafetensors(folder: string, doing: string): Promise<string> {
  const weights = join(folder, "model.safetensors");
  if (await stat(weights).catch(() => undefined)) return weights;
  throw new InputError(`Cannot ${doing} of ${folder}: it has no model.safetensors`);
}

/** Returns the parts of a safetensors file whose numbers are F16. */
export function halfSafetensors(tensors: HostTensors, name: string): Uint8Array[] {
  const halves = Object.entries(tensors).sort(([a], [b]) => a < b ? -1 : 1).map(
    ([tensor, { shape, data }]) => {
      if (data.some((value) => Math.abs(value) > largest)) {
        throw new InputError(`Cannot write ${name} as F16: "${tensor}" has numbers beyond ${largest}`);
      }
      return { tensor, shape, bytes: new Uint8Array(Float16Array.from(data).buffer) };
    },
  );
  let offset = 0;
  const entries = halves.map(({ tensor, shape, bytes }) => {
    const data_offsets = [offset, offset += bytes.length];
    return [tensor, { dtype: "F16", shape, data_offsets }] as const;
  });
  const header = { __metadata__: { format: "pt" }, ...Object.fromEntries(entries) };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return [length, json, ...halves.map(({ bytes }) => bytes)];
}
