/** Dropout masks as operations of TensorFlow: those of lib/graph/keyed_mask.ts, bit by bit. */
import type * as tf from "@tensorflow/tfjs";
import type { DrawMask, Site } from "../../graph/eager.ts";
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
  const index = (value: number, shape: number[] = [1]) =>
    addon.createTensor(shape, TF_INT32, Int32Array.of(value));
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

  /** Returns the first elements of a list, which is taken over unless it is kept. */
  const sliced = (list: number, of: number, length: number, takesOver = true) => {
    const [begin, size] = [index(0), index(length)];
    const [part] = addon.executeOp("Slice", [type("T", of), type("Index", TF_INT32)], [list, begin, size], 1);
    drop(begin, size);
    if (takesOver) drop(list);
    return part!.id;
  };

  let numbers: { id: number; length: number } | undefined;
  /** Returns 0, 1, …, length − 1; the longest list is kept. */
  const counting = (length: number) => {
    if (!numbers || numbers.length < length) {
      if (numbers) drop(numbers.id);
      const id = addon.createTensor([length], TF_UINT32, Uint32Array.from({ length }, (_, i) => i));
      numbers = { id, length };
    }
    return sliced(numbers.id, TF_UINT32, length, false);
  };

  /** Returns where words are at least a number; takes over the words. */
  const atLeast = (x: number, least: number) => apply("GreaterEqual", onWords, x, word(least));

  /** Returns the mask of a site as truth values, high halves of the words after the low ones. */
  const drawn = (key: number, { site, rate }: Site, size: number) => {
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
    // The low half of a word that is compared whole cannot matter: the number's own is 0. (Rates are well below 1.)
    const [first, second] = [atLeast(low!.id, threshold), atLeast(words, threshold * 0x10000)];
    const axis = index(0, []);
    const attributes = [count("N", 2), type("T", TF_BOOL), type("Tidx", TF_INT32)];
    const both = apply("ConcatV2", attributes, first, second, axis);
    drop(second, axis);
    return size === 2 * half ? both : sliced(both, TF_BOOL, size);
  };

  /** Masks of one step, as the backward pass needs those of the forward pass, attention's even twice. */
  const kept = new Map<string, number>();
  let keptKey: number | undefined;

  return (key, site, size): tf.Tensor1D => {
    if (key !== keptKey) {
      drop(...kept.values());
      kept.clear();
      keptKey = key;
    }
    const name = `${site.site} ${site.rate} ${size}`;
    let mask = kept.get(name);
    if (mask === undefined) kept.set(name, mask = drawn(key, site, size));
    const attributes = [type("SrcT", TF_BOOL), type("DstT", TF_FLOAT)];
    return backend.createOutputTensor(addon.executeOp("Cast", attributes, [mask], 1)[0]!) as tf.Tensor1D;
  };
}
