/**
 * The safetensors format: eight bytes with the header's length (little-endian), a JSON header with each tensor's
 * type, shape and byte span, then the tensors' bytes without gaps.
 * Source: https://github.com/huggingface/safetensors#format
 */
import { type ByteSource, readBytes, shown, withSource } from "../storage/byte_source.ts";
import { InputError } from "../errors.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { writeWhole } from "../storage/whole_file.ts";
import { areSizes, elementCount, ITEM_SIZES, readElements } from "./elements.ts";

/** A tensor's type, shape and place in a safetensors file. */
export interface TensorEntry {
  /** The format's name of the element type, such as "F32". */
  readonly dtype: string;
  /** The dimensions, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The first byte and the byte after the last, counted from the file's start. */
  readonly span: readonly [number, number];
}

/** A file's header, after checks. */
export interface SafetensorsHeader {
  /** The file's tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The free-form strings under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Most bytes of a header, by the format's own limit. */
const LONGEST_HEADER = 100_000_000;

/**
 * Reads and checks the header of a safetensors file.
 *
 * @throws InputError if the file cannot be read, is cut off, or its header does not describe its bytes.
 */
export function readSafetensorsHeader(file: string | ByteSource): Promise<SafetensorsHeader> {
  return withSource(file, readHeader);
}

/**
 * Reads tensors of a safetensors file: F64, F32, F16 and BF16 become Float32Array, I32 and I64 Int32Array.
 *
 * @param names which tensors to read; all of them by default
 * @throws InputError as {@linkcode readSafetensorsHeader}, or if a tensor is missing or of an unsupported type.
 */
export function readSafetensors(file: string | ByteSource, names?: Iterable<string>): Promise<HostTensors> {
  return withSource(file, async (source) => {
    const { tensors } = await readHeader(source);
    const found: [string, HostTensor][] = [];
    for (const name of names ?? tensors.keys()) {
      const entry = tensors.get(name);
      if (!entry) throw new InputError(`Cannot read ${source.name} as tensor "${name}" is missing`);
      const { dtype, shape, span: [position] } = entry;
      const data = await readElements(source, { name, dtype, position, count: elementCount(shape) });
      found.push([name, { shape, data }]);
    }
    return Object.fromEntries(found);
  });
}

/**
 * Writes tensors as a safetensors file, whole or not at all.
 *
 * @param metadata strings for `__metadata__`; transformers needs `{"format": "pt"}`
 */
export async function writeSafetensors(
  path: string,
  tensors: HostTensors,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeWhole(path, safetensorsOf(tensors, metadata));
}

/** Returns the parts of a safetensors file (F32 and I32, sorted by name), whose bytes are the tensors' own. */
export function safetensorsOf(
  tensors: HostTensors,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Uint8Array[] {
  const header: [string, unknown][] = [["__metadata__", metadata]];
  const names = Object.keys(tensors).sort();
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors[name]!;
    if (name === "__metadata__" || data.length !== elementCount(shape)) {
      throw new RangeError(`Cannot write tensor "${name}" of shape [${shape}] with ${data.length} values`);
    }
    const dtype = data instanceof Float32Array ? "F32" : "I32";
    header.push([name, { dtype, shape, data_offsets: [offset, offset + data.byteLength] }]);
    offset += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const start = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.set(json, 8);
  return [start, ...names.map((name) => bytesOf(tensors[name]!.data))];
}

async function readHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const { name: path, size } = source;
  const fail = (why: string) => new InputError(`Cannot read ${path} as a safetensors file: ${why}`);
  if (size < 8) throw fail(`it has ${size} bytes and must have at least 8`);
  const start = await readBytes(source, 0, 8);
  const length = Number(new DataView(start.buffer).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > size) {
    throw fail(
      `its header should have ${length} bytes and the whole file has ${size}, so it is cut off or not one`,
    );
  }
  const bytes = await readBytes(source, 8, length);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(`its header is not JSON (${shown((error as Error).message)})`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fail("its header is not a JSON object");
  }
  const entries = new Map<string, unknown>(Object.entries(json));
  const metadata = entries.get("__metadata__") ?? {};
  entries.delete("__metadata__");
  if (!isStrings(metadata)) throw fail("its __metadata__ is not an object of strings");
  const tensors = [...entries].map(([name, value]) =>
    [name, parseEntry(shown(name), value, 8 + length, fail)] as const
  )
    .sort(([, a], [, b]) => a.span[0] - b.span[0] || a.span[1] - b.span[1]);
  let end = 8 + length;
  for (const [name, { span }] of tensors) {
    const tensor = `tensor "${shown(name)}"`;
    if (span[1] > size) {
      throw fail(`${tensor} ends at byte ${span[1]} and the file at byte ${size}, so it is cut off`);
    }
    if (span[0] !== end) {
      const fault = span[0] < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw fail(`${tensor} ${fault}: it starts at byte ${span[0]} and should at byte ${end}`);
    }
    end = span[1];
  }
  if (end !== size) throw fail(`its tensors end at byte ${end} and the file at byte ${size}`);
  return { tensors: new Map(tensors), metadata };
}

function isStrings(value: unknown): value is Record<string, string> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === "string");
}

function parseEntry(name: string, value: unknown, start: number, fail: (why: string) => Error): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  if (typeof dtype !== "string" || !areSizes(shape) || !areSizes(offsets) || offsets.length !== 2) {
    throw fail(`its header does not give type, shape and two offsets of tensor "${name}"`);
  }
  const itemSize = Object.hasOwn(ITEM_SIZES, dtype) ? ITEM_SIZES[dtype]! : undefined;
  if (itemSize === undefined) throw fail(`tensor "${name}" has the unknown type "${shown(dtype)}"`);
  const [first, last] = offsets as [number, number];
  const bytes = elementCount(shape) * itemSize;
  if (last - first !== bytes) {
    throw fail(
      `tensor "${name}" of type ${dtype} and shape [${shape}] should have ${bytes} bytes: found ${
        last - first
      }`,
    );
  }
  return { dtype, shape, span: [start + first, start + last] };
}

function bytesOf(data: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
