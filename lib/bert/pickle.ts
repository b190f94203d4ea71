/**
 * Pickles, read without running anything. A pickle is a program for a stack machine; this reader knows only the
 * operations with which torch.save writes a state dict. Its caller gives a short list of functions that the program may
 * name; any other name is refused.
 * Source: Python's pickletools (protocol 2), and PyTorch's torch/_weights_only_unpickler.py.
 */
import { shown } from "../storage/byte_source.ts";

/** A tuple. Lists become arrays, dicts Maps, None null, and whole numbers beyond a double's exact range bigints. */
export class Tuple {
  /** Its values. */
  readonly items: readonly unknown[];

  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** The names and objects that a pickle may refer to. */
export interface PickleRules {
  /** The globals by full name. The pickle can call one that is a function, which gets the arguments as one array. */
  readonly globals: ReadonlyMap<string, unknown>;
  /** Returns the object that a persistent id (the file's own id of an object) stands for. */
  readonly persistent: (id: unknown) => unknown;
  /** Makes the error for a reason that can follow "as". */
  readonly fail: (why: string) => Error;
}

/** Most operations of a pickle; a model of 400 tensors takes about 30,000. */
const MOST_OPERATIONS = 1_000_000;

/** Most bytes of a global's name. */
const LONGEST_NAME = 1000;

/**
 * Reads one pickle.
 *
 * @param bytes the file's bytes, or the part with its pickles
 * @param start where the pickle begins
 * @returns the value, and the byte after the pickle
 * @throws the error of `rules.fail`, if the pickle is broken or asks for something that the rules lack.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  { globals, persistent, fail }: PickleRules,
): { value: unknown; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();
  let at = start;

  /** Moves past `count` bytes and returns their start. */
  const take = (count: number) => {
    if (count > bytes.length - at) throw fail("its pickle is cut off");
    at += count;
    return at - count;
  };
  const byte = () => bytes[take(1)]!;
  const text = (length: number) => {
    const from = take(length);
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(from, at));
  };
  const line = () => {
    const length = bytes.subarray(at, at + LONGEST_NAME).indexOf(0x0a);
    if (length < 0) throw fail("its pickle has a name without an end");
    const name = text(length);
    at++;
    return name;
  };
  /** Returns the top of the stack, if it is above the last mark. */
  const top = () => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw fail("its pickle takes from an empty stack");
    return stack.at(-1);
  };
  const pop = () => (top(), stack.pop());
  /** Takes everything above the last mark from the stack. */
  const popMark = () => {
    const mark = marks.pop();
    if (mark === undefined) throw fail("its pickle has no mark where one is needed");
    return stack.splice(mark);
  };
  const popTuple = (length: number) => {
    const items = Array.from({ length }, pop).reverse();
    return new Tuple(items);
  };
  const setItems = (items: readonly unknown[]) => {
    const target = top();
    if (!(target instanceof Map) || items.length % 2 !== 0) throw fail("its pickle fills what is no dict");
    for (let i = 0; i < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const append = (items: readonly unknown[]) => {
    const target = top();
    if (!Array.isArray(target)) throw fail("its pickle extends what is no list");
    for (const item of items) target.push(item);
  };
  const global = () => {
    const name = `${line()}.${line()}`;
    if (!globals.has(name)) throw fail(`it asks to run ${shown(name)}`);
    return globals.get(name);
  };
  const call = () => {
    const values = pop(), callee = pop();
    if (typeof callee !== "function" || !(values instanceof Tuple)) {
      throw fail("its pickle calls what is no function");
    }
    return callee(values.items);
  };
  const recall = (place: number) => {
    if (!memo.has(place)) throw fail(`its pickle asks for value ${place} before it is there`);
    return memo.get(place);
  };

  const uint32 = () => view.getUint32(take(4), true);
  /** The operations that push a value, by their codes. */
  const pushing: Readonly<Record<number, () => unknown>> = {
    0x63: global, // GLOBAL
    0x52: call, // REDUCE
    0x51: () => persistent(pop()), // BINPERSID
    0x74: () => new Tuple(popMark()), // TUPLE
    0x29: () => new Tuple([]), // EMPTY_TUPLE
    0x85: () => popTuple(1), // TUPLE1
    0x86: () => popTuple(2), // TUPLE2
    0x87: () => popTuple(3), // TUPLE3
    0x7d: () => new Map(), // EMPTY_DICT
    0x5d: () => [], // EMPTY_LIST
    0x68: () => recall(byte()), // BINGET
    0x6a: () => recall(uint32()), // LONG_BINGET
    0x58: () => text(uint32()), // BINUNICODE
    0x55: () => text(byte()), // SHORT_BINSTRING, of Python 2
    0x4e: () => null, // NONE
    0x88: () => true, // NEWTRUE
    0x89: () => false, // NEWFALSE
    0x4b: byte, // BININT1
    0x4d: () => view.getUint16(take(2), true), // BININT2
    0x4a: () => view.getInt32(take(4), true), // BININT
    0x8a: () => wholeNumber(bytes.subarray(take(byte()), at)), // LONG1
    0x47: () => view.getFloat64(take(8)), // BINFLOAT
  };
  /** The other operations, but for STOP. */
  const acting: Readonly<Record<number, () => void>> = {
    0x80: () => { // PROTO
      if (byte() !== 2) throw fail(`its pickle is of protocol ${bytes[at - 1]} and not 2`);
    },
    0x62: () => { // BUILD, which gives a state dict its _metadata
      pop();
      if (!(top() instanceof Map)) throw fail("its pickle sets attributes of what is no dict");
    },
    0x28: () => marks.push(stack.length), // MARK
    0x73: () => setItems(popTuple(2).items), // SETITEM
    0x75: () => setItems(popMark()), // SETITEMS
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(popMark()), // APPENDS
    0x71: () => memo.set(byte(), top()), // BINPUT
    0x72: () => memo.set(uint32(), top()), // LONG_BINPUT
  };
  const stop = 0x2e;

  for (let operations = 0; operations < MOST_OPERATIONS; operations++) {
    const operation = byte();
    if (operation === stop) return { value: pop(), end: at };
    const [push, act] = [pushing[operation], acting[operation]];
    if (push) stack.push(push());
    else if (act) act();
    else {
      throw fail(
        `its pickle has the operation 0x${operation.toString(16).padStart(2, "0")} at byte ${at - 1}, ` +
          "which no state dict needs",
      );
    }
  }
  throw fail(`its pickle has more than ${MOST_OPERATIONS} operations`);
}

/** Reads a whole number in two's complement, lowest byte first; returns a bigint if a number would not be exact. */
function wholeNumber(bytes: Uint8Array): number | bigint {
  const value = BigInt.asIntN(
    8 * bytes.length,
    bytes.reduceRight((sum, byte) => sum << 8n | BigInt(byte), 0n),
  );
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}
