/**
 * The safetensors format: eight bytes with the header's length (little-endian), a JSON header with each tensor's
 * type, shape and byte span, then the tensors' bytes without gaps.
 * Source: https://github.com/huggingface/safetensors#format
 */
import { type FileHandle, open } from "node:fs/promises";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { writeWhole } from "../whole_file.ts";

/** Where and what a tensor in a safetensors file is. */
export interface TensorEntry {
  /** The format's name of the element type, such as "F32". */
  readonly dtype: string;
  /** The dimensions, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The first byte and the byte after the last, counted from the file's start. */
  readonly span: readonly [number, number];
}

/** A checked header: what the file holds, without its data. */
export interface SafetensorsHeader {
  /** The file's tensors by name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** The free-form strings under `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The size in bytes of each element type of the format. */
const ITEM_SIZES: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

/** The format's own limit of the header's length. */
const LONGEST_HEADER = 100_000_000;

/** Elements converted or written at once, so that no tensor stands in memory twice. */
const CHUNK = 1 << 20;

/**
 * Reads and checks the header of a safetensors file.
 *
 * @throws InputError if the file cannot be read, is cut off, or its header does not describe its bytes.
 */
export function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, (file) => readHeader(file, path));
}

/**
 * Reads tensors of a safetensors file: F32, F16 and BF16 become Float32Array, I32 and I64 Int32Array.
 *
 * @param names which tensors to read; all of them by default
 * @throws InputError as {@linkcode readSafetensorsHeader}, or if a tensor is missing or of another type.
 */
export function readSafetensors(path: string, names?: Iterable<string>): Promise<HostTensors> {
  return withFile(path, async (file) => {
    const { tensors } = await readHeader(file, path);
    const found: [string, HostTensor][] = [];
    for (const name of names ?? tensors.keys()) {
      const entry = tensors.get(name);
      if (!entry) throw new InputError(`Cannot read ${path} as tensor "${name}" is missing`);
      found.push([name, await readTensor(file, path, name, entry)]);
    }
    return Object.fromEntries(found);
  });
}

/**
 * Writes tensors as a safetensors file (F32 and I32, sorted by name), whole or not at all.
 *
 * @param metadata strings for `__metadata__`; transformers asks for `{"format": "pt"}`
 */
export async function writeSafetensors(
  path: string,
  tensors: HostTensors,
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): Promise<void> {
  const header: [string, unknown][] = [["__metadata__", metadata]];
  const names = Object.keys(tensors).sort();
  let offset = 0;
  for (const name of names) {
    const { shape, data } = tensors[name]!;
    if (name === "__metadata__" || data.length !== product(shape)) {
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
  await writeWhole(path, [start, ...names.map((name) => bytesOf(tensors[name]!.data))]);
}

async function withFile<Result>(path: string, use: (file: FileHandle) => Promise<Result>): Promise<Result> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (error) {
    throw new InputError(`Cannot open ${path} to read tensors: ${(error as Error).message}`);
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<SafetensorsHeader> {
  const fail = (why: string) => new InputError(`Cannot read ${path} as a safetensors file: ${why}`);
  const { size } = await file.stat();
  if (size < 8) throw fail(`it has ${size} bytes and must have at least 8`);
  const start = new Uint8Array(8);
  await readFully(file, start, 0, path);
  const length = Number(new DataView(start.buffer).getBigUint64(0, true));
  if (length > LONGEST_HEADER || 8 + length > size) {
    throw fail(
      `its header should have ${length} bytes and the whole file has ${size}, so it is cut off or not one`,
    );
  }
  const bytes = new Uint8Array(length);
  await readFully(file, bytes, 8, path);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fail(`its header is not JSON (${(error as Error).message})`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw fail("its header is not a JSON object");
  }
  const entries = new Map<string, unknown>(Object.entries(json));
  const metadata = entries.get("__metadata__") ?? {};
  entries.delete("__metadata__");
  const tensors = [...entries].map(([name, value]) =>
    [name, parseEntry(name, value, 8 + length, fail)] as const
  )
    .sort(([, a], [, b]) => a.span[0] - b.span[0] || a.span[1] - b.span[1]);
  let end = 8 + length;
  for (const [name, { span }] of tensors) {
    if (span[1] > size) {
      throw fail(`tensor "${name}" ends at byte ${span[1]} and the file at byte ${size}, so it is cut off`);
    }
    if (span[0] !== end) {
      const fault = span[0] < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw fail(`tensor "${name}" ${fault}: it starts at byte ${span[0]} and should at byte ${end}`);
    }
    end = span[1];
  }
  if (end !== size) throw fail(`its tensors end at byte ${end} and the file at byte ${size}`);
  return { tensors: new Map(tensors), metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, value: unknown, start: number, fail: (why: string) => Error): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const whole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((item) => Number.isSafeInteger(item) && item >= 0);
  if (typeof dtype !== "string" || !whole(shape) || !whole(offsets) || offsets.length !== 2) {
    throw fail(`its header does not give type, shape and two offsets of tensor "${name}"`);
  }
  const itemSize = Object.hasOwn(ITEM_SIZES, dtype) ? ITEM_SIZES[dtype]! : undefined;
  if (itemSize === undefined) throw fail(`tensor "${name}" has the unknown type "${dtype}"`);
  const [first, last] = offsets as [number, number];
  if (last - first !== product(shape) * itemSize) {
    throw fail(
      `tensor "${name}" of type ${dtype} and shape [${shape}] should have ${
        product(shape) * itemSize
      } bytes: ` +
        `found ${last - first}`,
    );
  }
  return { dtype, shape, span: [start + first, start + last] };
}

async function readTensor(
  file: FileHandle,
  path: string,
  name: string,
  entry: TensorEntry,
): Promise<HostTensor> {
  const { dtype, shape, span } = entry;
  const count = product(shape);
  if (dtype === "F32" || dtype === "I32") {
    const data = dtype === "F32" ? new Float32Array(count) : new Int32Array(count);
    await readFully(file, bytesOf(data), span[0], path);
    return { shape, data };
  }
  if (dtype !== "F16" && dtype !== "BF16" && dtype !== "I64") {
    throw new InputError(
      `Cannot read ${path} as tensor "${name}" has the type ${dtype}: only F32, F16, BF16, I32 and I64 are read`,
    );
  }
  const data = dtype === "I64" ? new Int32Array(count) : new Float32Array(count);
  const itemSize = ITEM_SIZES[dtype]!;
  const raw = new Uint8Array(Math.min(count, CHUNK) * itemSize);
  for (let done = 0; done < count; done += CHUNK) {
    const chunk = raw.subarray(0, Math.min(CHUNK, count - done) * itemSize);
    await readFully(file, chunk, span[0] + done * itemSize, path);
    if (dtype === "I64") {
      const source = new BigInt64Array(chunk.buffer, 0, chunk.length / 8);
      for (let i = 0; i < source.length; i++) data[done + i] = Number(source[i]!);
    } else {
      const source = new Uint16Array(chunk.buffer, 0, chunk.length / 2);
      const bits = new Uint32Array(data.buffer, done * 4, source.length);
      if (dtype === "BF16") { for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16; }
      else for (let i = 0; i < source.length; i++) data[done + i] = halfToNumber(source[i]!);
    }
  }
  return { shape, data };
}

/** The number that 16 bits mean in IEEE 754 half precision. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

async function readFully(
  file: FileHandle,
  target: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new InputError(`Cannot read ${path} as it ended at byte ${position + done}`);
    done += bytesRead;
  }
}

function bytesOf(data: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function product(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}
