/**
 * PyTorch's pytorch_model.bin: a state dict of tensors as torch.save writes it. Since PyTorch 1.6 it is a zip archive
 * of one pickle and a file for each storage; before that, pickles one after another and then the storages. A tensor is
 * a view of a storage: sizes, strides and an offset. Nothing in the pickle is run.
 * Source: PyTorch's torch/serialization.py (_save, _legacy_save) and torch/_utils.py (_rebuild_tensor_v2).
 */
import { type ByteSource, readBytes, shown, withSource } from "../storage/byte_source.ts";
import { readZipDirectory, zipEntryStart } from "../storage/unzip.ts";
import { InputError } from "../errors.ts";
import type { HostTensor, HostTensors } from "../tensors.ts";
import { areSizes, elementCount, ITEM_SIZES, readElements } from "./elements.ts";
import { type PickleRules, readPickle, Tuple } from "./pickle.ts";

/** The element types by PyTorch's names. */
const STORAGE_TYPES: Readonly<Record<string, string>> = {
  ...{ DoubleStorage: "F64", FloatStorage: "F32", HalfStorage: "F16", BFloat16Storage: "BF16" },
  ...{ LongStorage: "I64", IntStorage: "I32", ShortStorage: "I16", CharStorage: "I8" },
  ...{ ByteStorage: "U8", BoolStorage: "BOOL" },
};

/** Most bytes of a file that are read as pickles; BERT-large's pickle has 60 kB. */
const LONGEST_PICKLE = 1 << 24;

/** Largest size of the tensors as a multiple of the file's; tensors may share storages, and half floats get longer. */
const MOST_GROWTH = 16;

/** The number in the older format's first pickle. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

/** The number in its second pickle. */
const PROTOCOL_VERSION = 1001;

/** A run of elements of one type in the file. */
class Storage {
  /** Its first byte; known once the pickle is read. */
  position?: number;

  constructor(readonly key: string, readonly dtype: string, readonly count: number) {}
}

/** A tensor as the pickle describes it, checked against its storage. */
class View {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    /** The number of storage elements from the view's first to its last. */
    readonly span: number,
  ) {}
}

type Fail = (why: string) => InputError;

/**
 * Reads the shapes of a checkpoint's tensors by name, in the file's order.
 *
 * @throws InputError as {@linkcode readTorchCheckpoint}
 */
export function readTorchShapes(
  file: string | ByteSource,
): Promise<ReadonlyMap<string, { readonly shape: readonly number[] }>> {
  return withSource(file, readViews);
}

/**
 * Reads tensors of a checkpoint: double, float, half and bfloat16 become Float32Array, long and int Int32Array.
 *
 * @param names which tensors to read; all of them by default
 * @throws InputError if the file cannot be read, is broken, is no state dict of tensors or asks to run something, or if
 * a tensor is missing or of an unsupported type.
 */
export function readTorchCheckpoint(
  file: string | ByteSource,
  names?: Iterable<string>,
): Promise<HostTensors> {
  return withSource(file, async (source) => {
    const views = await readViews(source);
    const wanted = [...names ?? views.keys()].map((name): [string, View] => {
      const view = views.get(name);
      if (!view) throw new InputError(`Cannot read ${source.name} as tensor "${name}" is missing`);
      return [name, view];
    });
    const bytes = wanted.reduce(
      (sum, [, { shape, span }]) => sum + 4 * Math.max(elementCount(shape), span),
      0,
    );
    if (bytes > MOST_GROWTH * source.size) {
      throw new InputError(
        `Cannot read ${source.name} as its tensors share storages: they come to ${bytes} bytes, and the file has ` +
          `only ${source.size}`,
      );
    }
    const found: [string, HostTensor][] = [];
    for (const [name, view] of wanted) found.push([name, await readView(source, name, view)]);
    return Object.fromEntries(found);
  });
}

async function readViews(source: ByteSource): Promise<Map<string, View>> {
  const fail = (why: string) =>
    new InputError(
      `Cannot read ${source.name} as ${why}: expected a state dict of tensors; if you trust its source, convert it ` +
        "with transformers to model.safetensors",
    );
  const start = await readBytes(source, 0, Math.min(4, source.size));
  const isZip = String.fromCharCode(...start) === "PK\x03\x04";
  const value = isZip ? await readArchive(source, fail) : await readLegacy(source, fail);
  if (!(value instanceof Map)) throw fail("it holds no dict");
  for (const [name, view] of value) {
    if (typeof name !== "string") throw fail("a key of its dict is no name");
    if (!(view instanceof View)) throw fail(`its entry "${shown(name)}" is no tensor`);
  }
  return value;
}

/** Reads the pickled value of a file since PyTorch 1.6. */
async function readArchive(source: ByteSource, fail: Fail): Promise<unknown> {
  const entries = new Map((await readZipDirectory(source)).map((entry) => [entry.name, entry]));
  const folder = [...entries.keys()][0]?.split("/")[0];
  const read = async (name: string) => {
    const entry = entries.get(`${folder}/${name}`);
    if (!entry) return undefined;
    if (entry.method !== 0) throw fail(`its ${name} is compressed`);
    if (entry.size > LONGEST_PICKLE) throw fail(`its ${name} has ${entry.size} bytes`);
    return await readBytes(source, await zipEntryStart(source, entry), entry.size);
  };
  const order = await read("byteorder");
  if (order && new TextDecoder().decode(order) !== "little") throw fail("its numbers are not little-endian");
  const pickle = await read("data.pkl");
  if (!pickle) throw fail("it is an archive without data.pkl");

  const storages = new Map<string, Storage>();
  const { value } = readPickle(pickle, 0, stateDictRules(storages, fail));
  for (const storage of storages.values()) {
    const { key, count, dtype } = storage;
    const entry = entries.get(`${folder}/data/${key}`);
    if (!entry) throw fail(`its storage ${shown(key)} is missing`);
    if (entry.method !== 0) throw fail(`its storage ${shown(key)} is compressed`);
    const size = count * ITEM_SIZES[dtype]!;
    if (entry.size !== size || entry.compressed !== size) {
      throw fail(`its storage ${shown(key)} should have ${size} bytes and has ${entry.size}`);
    }
    storage.position = await zipEntryStart(source, entry);
    if (storage.position + size > source.size) throw fail(`its storage ${shown(key)} is cut off`);
  }
  return value;
}

/** Reads the pickled value of a file before PyTorch 1.6. */
async function readLegacy(source: ByteSource, fail: Fail): Promise<unknown> {
  const bytes = await readBytes(source, 0, Math.min(source.size, LONGEST_PICKLE));
  const storages = new Map<string, Storage>();
  const rules = stateDictRules(storages, fail);
  let position = 0;
  const next = () => {
    const { value, end } = readPickle(bytes, position, rules);
    position = end;
    return value;
  };
  // The magic number's pickle always begins so: protocol 2, a whole number of ten bytes.
  const isTorch = bytes.length > 4 && bytes[0] === 0x80 && bytes[1] === 2 && bytes[2] === 0x8a &&
    bytes[3] === 10;
  if (!isTorch || next() !== MAGIC_NUMBER) throw fail("it does not begin as torch.save's files do");
  if (next() !== PROTOCOL_VERSION) throw fail("its version of the format is unknown");
  const system = next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw fail("its numbers are not little-endian");
  }
  const value = next();
  const keys = next();
  if (!Array.isArray(keys)) throw fail("it does not list its storages");
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage || storage.position !== undefined) {
      throw fail("its list of storages is not that of its tensors");
    }
    const length = await readBytes(source, position, 8);
    const count = new DataView(length.buffer).getBigInt64(0, true);
    if (count !== BigInt(storage.count)) {
      throw fail(`its storage ${shown(storage.key)} should have ${storage.count} elements and has ${count}`);
    }
    storage.position = position + 8;
    position = storage.position + storage.count * ITEM_SIZES[storage.dtype]!;
    if (position > source.size) throw fail(`its storage ${shown(storage.key)} is cut off`);
  }
  if (keys.length !== storages.size) throw fail("its list of storages is not that of its tensors");
  return value;
}

/** Returns the rules for a state dict's pickle; reading it adds its storages to `storages`. */
function stateDictRules(storages: Map<string, Storage>, fail: Fail): PickleRules {
  const types = Object.entries(STORAGE_TYPES).map(([name, dtype]) => [`torch.${name}`, { dtype }] as const);
  return {
    globals: new Map<string, unknown>([
      ...types,
      ["collections.OrderedDict", (values: readonly unknown[]) => {
        if (values.length > 0) throw fail("its pickle fills an OrderedDict as Python 2 does");
        return new Map();
      }],
      ["torch._utils._rebuild_tensor", (values: readonly unknown[]) => viewOf(values, fail)],
      ["torch._utils._rebuild_tensor_v2", (values: readonly unknown[]) => viewOf(values, fail)],
      ["torch._utils._rebuild_parameter", ([view]: readonly unknown[]) => view],
    ]),
    persistent: (id) => {
      const [kind, type, key, _location, count, view] = id instanceof Tuple ? id.items : [];
      const dtype = types.find(([, known]) => known === type)?.[1].dtype;
      if (kind !== "storage" || !dtype || typeof key !== "string" || !areSizes([count]) || view) {
        throw fail("its pickle describes a storage in an unknown way");
      }
      const storage = storages.get(key) ?? new Storage(key, dtype, count as number);
      if (storage.dtype !== dtype || storage.count !== count) {
        throw fail(`its storage ${shown(key)} has two types or sizes`);
      }
      storages.set(key, storage);
      return storage;
    },
    fail,
  };
}

/** Returns the view that the arguments of _rebuild_tensor_v2 describe, after checking them. */
function viewOf([storage, offset, size, stride]: readonly unknown[], fail: Fail): View {
  const [shape, strides] = [size, stride].map((value) => value instanceof Tuple ? value.items : undefined);
  if (!(storage instanceof Storage) || !areSizes([offset]) || !areSizes(shape) || !areSizes(strides)) {
    throw fail("its pickle describes a tensor in an unknown way");
  }
  const { count } = storage;
  const elements = elementCount(shape);
  const span = elements && shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, 1);
  if (shape.length !== strides.length || !(elements <= count) || !((offset as number) + span <= count)) {
    throw fail(
      `a tensor of the shape [${shape}], the strides [${strides}] and the offset ${offset} does not lie in its ` +
        `storage of ${count} elements`,
    );
  }
  return new View(storage, offset as number, shape, strides, span);
}

async function readView(source: ByteSource, name: string, view: View): Promise<HostTensor> {
  const { storage: { dtype, position }, offset, shape, strides, span } = view;
  const data = await readElements(source, {
    name,
    dtype,
    position: position! + offset * ITEM_SIZES[dtype]!,
    count: span,
  });
  return { shape, data: isDense(shape, strides) ? data : gather(data, shape, strides) };
}

/** Tells whether the elements are in row-major order without gaps. */
function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis]!;
  }
  return true;
}

/** Copies a view's elements into row-major order; the view starts at the first element of `data`. */
function gather(
  data: Float32Array | Int32Array,
  shape: readonly number[],
  strides: readonly number[],
): Float32Array | Int32Array {
  const count = elementCount(shape);
  const target = data instanceof Float32Array ? new Float32Array(count) : new Int32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    target[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}
