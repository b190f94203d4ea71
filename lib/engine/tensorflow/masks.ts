/** Dropout masks as operations of TensorFlow: those of lib/graph/keyed_mask.ts, bit by bit. */
import type * as tf from "@tensorflow/tfjs";
import type { DrawMask } from "../../graph/eager.ts";
import { dropThreshold, siteConstant } from "../../graph/keyed_mask.ts";
import { lowbias32 } from "../../random.ts";
import { type Addon, type Attribute, attributeTypes, types } from "./addon.ts";
import type { NodeBackend } from "./backend.ts";

const { TF_UINT32, TF_INT32, TF_BOOL, TF_FLOAT } = types;

const type = (name: string, value: number): Attribute => ({
  name,
  type: attributeTypes.TF_ATTR_TYPE,
  value,
});
const count = (name: string, value: number): Attribute => ({
  name,
  type: attributeTypes.TF_ATTR_INT,
  value,
});

/** Attributes of operations on 32-bit words. */
const onWords = [type("T", TF_UINT32)];

/** Returns a function that draws masks in TensorFlow. tfjs knows no 32-bit words, so that the numbers of tensors are used. */
export function maskDrawer(addon: Addon, backend: NodeBackend): DrawMask {
  const constants = new Map<number, number>();
  const word = (value: number): number => {
    let id = constants.get(value);
    if (id === undefined) constants.set(value, id = addon.createTensor([], TF_UINT32, Uint32Array.of(value)));
    return id;
  };
  const index = (...values: number[]) =>
    addon.createTensor([values.length], TF_INT32, Int32Array.from(values));
  const drop = (...ids: number[]) => ids.forEach((id) => addon.deleteTensor(id));
  /** Runs an operation that takes over its first operand. */
  const apply = (name: string, attributes: readonly Attribute[], id: number, ...others: number[]) => {
    const [made] = addon.executeOp(name, attributes, [id, ...others], 1);
    drop(id);
    return made!.id;
  };
  /** Returns x ⊕ (x >> bits). */
  const mixed = (x: number, bits: number) => {
    const [shifted] = addon.executeOp("RightShift", onWords, [x, word(bits)], 1);
    const id = apply("BitwiseXor", onWords, x, shifted!.id);
    drop(shifted!.id);
    return id;
  };

  let numbers: { id: number; length: number } | undefined;
  /** Returns 0, 1, …, length − 1; the longest list is kept. */
  const counting = (length: number) => {
    if (!numbers || numbers.length < length) {
      if (numbers) drop(numbers.id);
      const id = addon.createTensor([length], TF_UINT32, Uint32Array.from({ length }, (_, i) => i));
      numbers = { id, length };
    }
    const [begin, size] = [index(0), index(length)];
    const attributes = [...onWords, type("Index", TF_INT32)];
    const [part] = addon.executeOp("Slice", attributes, [numbers.id, begin, size], 1);
    drop(begin, size);
    return part!.id;
  };

  /** Returns 1 where an operand is at least the other, else 0, as floats; takes over the first operand. */
  const atLeast = (x: number, least: number) => {
    const kept = apply("GreaterEqual", onWords, x, word(least));
    return apply("Cast", [type("SrcT", TF_BOOL), type("DstT", TF_FLOAT)], kept);
  };

  return (key, { site, rate }, size): tf.Tensor1D => {
    const half = Math.ceil(size / 2), threshold = dropThreshold(rate);
    const siteKey = addon.createTensor(
      [],
      TF_UINT32,
      Uint32Array.of(lowbias32((key ^ siteConstant(site)) >>> 0)),
    );
    let words = apply("BitwiseXor", onWords, counting(half), siteKey);
    drop(siteKey);
    // lowbias32 of lib/random.ts
    words = mixed(words, 16);
    words = apply("Mul", onWords, words, word(0x7feb352d));
    words = mixed(words, 15);
    words = apply("Mul", onWords, words, word(0x846ca68b));
    words = mixed(words, 16);
    const [low] = addon.executeOp("BitwiseAnd", onWords, [words, word(0xffff)], 1);
    const [first, second] = [
      atLeast(low!.id, threshold),
      atLeast(apply("RightShift", onWords, words, word(16)), threshold),
    ];
    const axis = addon.createTensor([], TF_INT32, Int32Array.of(0));
    const attributes = [count("N", 2), type("T", TF_FLOAT), type("Tidx", TF_INT32)];
    const [both] = addon.executeOp("ConcatV2", attributes, [first, second, axis], 1);
    drop(first, second, axis);
    if (size === 2 * half) return backend.createOutputTensor(both!) as tf.Tensor1D;
    const [begin, length] = [index(0), index(size)];
    const cut = [type("T", TF_FLOAT), type("Index", TF_INT32)];
    const [mask] = addon.executeOp("Slice", cut, [both!.id, begin, length], 1);
    drop(both!.id, begin, length);
    return backend.createOutputTensor(mask!) as tf.Tensor1D;
  };
}
