/** The elements of tensors in files: their types by safetensors' names, and reading their bytes as numbers. */
import { type ByteSource, shown } from "../storage/byte_source.ts";
import { InputError } from "../errors.ts";
import type { HostTensors } from "../tensors.ts";

/** The size in bytes of each element type of safetensors. */
export const ITEM_SIZES: Readonly<Record<string, number>> = {
  ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
  ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
};

/** Most dimensions of a tensor, as in PyTorch. */
const MOST_DIMENSIONS = 64;

/** Number of elements converted at once, so that no tensor is in memory twice. */
const CHUNK = 1 << 20;

/** Tells whether a value from a file can be a tensor's sizes or strides. */
export function areSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MOST_DIMENSIONS &&
    value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Returns the number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((count, size) => count * size, 1);
}

/** A span of elements in a file. */
export interface ElementSpan {
  /** The tensor's name, for errors. */
  readonly name: string;
  /** Their type, one of {@linkcode ITEM_SIZES}. */
  readonly dtype: string;
  /** The first byte. */
  readonly position: number;
  /** The number of elements, all of which must lie in the file. */
  readonly count: number;
}

/**
 * Reads elements: F64, F32, F16 and BF16 become Float32Array, I32 and I64 Int32Array (their low 32 bits).
 *
 * @throws InputError if they are of an unsupported type.
 */
export async function readElements(
  source: ByteSource,
  { name, dtype, position, count }: ElementSpan,
): Promise<Float32Array | Int32Array> {
  if (dtype === "F32" || dtype === "I32") {
    const data = dtype === "F32" ? new Float32Array(count) : new Int32Array(count);
    await source.read(new Uint8Array(data.buffer), position);
    return data;
  }
  const convert = Object.hasOwn(CONVERSIONS, dtype) ? CONVERSIONS[dtype] : undefined;
  if (!convert) {
    throw new InputError(
      `Cannot read ${source.name} as tensor "${shown(name)}" has the type ${dtype}: ` +
        "only F64, F32, F16, BF16, I32 and I64 are read",
    );
  }
  const data = dtype === "I64" ? new Int32Array(count) : new Float32Array(count);
  const itemSize = ITEM_SIZES[dtype]!;
  const raw = new Uint8Array(Math.min(count, CHUNK) * itemSize);
  for (let done = 0; done < count; done += CHUNK) {
    const chunk = raw.subarray(0, Math.min(CHUNK, count - done) * itemSize);
    await source.read(chunk, position + done * itemSize);
    convert(chunk, data.subarray(done, done + chunk.length / itemSize));
  }
  return data;
}

/**
 * Makes sure that a model's tensors hold finite numbers.
 *
 * @param tensors by their names in the file
 * @param path the file, for the error
 * @throws InputError if a tensor holds NaN or an infinite number; it names the first such tensor.
 */
export function requireFinite(tensors: HostTensors, path: string): void {
  for (const [name, { data }] of Object.entries(tensors)) {
    if (data instanceof Int32Array || areFinite(data)) continue;
    const faults = data.filter((value) => !Number.isFinite(value));
    throw new InputError(
      `Cannot use ${path} as ${faults.length} of the ${data.length} numbers of tensor "${
        shown(name)
      }" are not ` +
        `finite (the first is ${faults[0]}): take another copy of the model, or train it again`,
    );
  }
}

/** Tells whether all numbers are finite, ten times as fast as `every`: x - x is NaN for others, and 0 for these. */
function areFinite(data: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! - data[i]!;
  return sum === 0;
}

type Conversion = (bytes: Uint8Array<ArrayBuffer>, target: Float32Array | Int32Array) => void;

const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  F64: (bytes, target) => target.set(new Float64Array(bytes.buffer, 0, target.length)),
  F16: (bytes, target) => {
    const source = new Uint16Array(bytes.buffer, 0, target.length);
    for (let i = 0; i < source.length; i++) target[i] = halfToNumber(source[i]!);
  },
  BF16: (bytes, target) => {
    const source = new Uint16Array(bytes.buffer, 0, target.length);
    const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16;
  },
  I64: (bytes, target) => {
    const source = new BigInt64Array(bytes.buffer, 0, target.length);
    for (let i = 0; i < source.length; i++) target[i] = Number(source[i]! & 0xffffffffn);
  },
};

/** Converts 16 bits of IEEE 754 half precision to a number. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
