/** Damage to small files: what a broken download, a wrong tool or an attacker may make of them. */
import type { Random } from "../../lib/random.ts";

/** Material that damage is made with. */
export interface Material {
  /** Whole files of the format, to splice with. */
  readonly samples: readonly Uint8Array[];
  /** Pieces that mean something in the format. */
  readonly tokens: readonly Uint8Array[];
  /** Makes the outermost length fit again, half of the time, so that what lies deeper is reached. */
  readonly repair?: (bytes: Uint8Array) => void;
}

/** A damaged file is no longer than this, so that a slow reader is not a long file's fault. */
const longest = 1 << 16;

/** One of the samples with one to five kinds of damage, most often one. */
export function mutate(random: Random, material: Material): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(oneOf(random, material.samples)); // a copy, also of a Buffer
  for (let times = oneOf(random, [1, 1, 1, 2, 3, 5]); times > 0; times--) {
    bytes = oneOf(random, mutations)(bytes, random, material).slice(0, longest);
  }
  if (random.below(2)) material.repair?.(bytes);
  return bytes;
}

type Mutation = (bytes: Uint8Array, random: Random, material: Material) => Uint8Array;

function oneOf<Item>(random: Random, items: readonly Item[]): Item {
  return items[random.below(items.length)]!;
}

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A range of a file, most often a short one. */
function range(random: Random, length: number): [number, number] {
  const from = random.below(length + 1);
  const most = random.below(2) ? 16 : length;
  return [from, Math.min(length, from + 1 + random.below(most))];
}

/** Numbers at the edges of their types, and of the file. */
function edgeNumber(random: Random, size: number): bigint {
  const edges = [0n, 1n, 2n, 127n, 128n, 255n, 256n, 0x7fffn, 0xffffn, 0x7fffffffn, 0x80000000n, 0xffffffffn]
    .concat([2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n, BigInt(size), BigInt(size) / 4n]);
  return oneOf(random, edges) + BigInt(random.below(3) - 1);
}

/** A number in groups of seven bits, the lowest first, in so many bytes or more. */
function varint(number: bigint, least: number): Uint8Array {
  const groups: number[] = [];
  for (let rest = number; rest > 0n || groups.length < least; rest >>= 7n) {
    groups.push(Number(rest & 0x7fn) | 0x80);
  }
  groups.push(groups.pop()! & 0x7f);
  return Uint8Array.from(groups);
}

const mutations: readonly Mutation[] = [
  function flipBits(bytes, random) {
    for (let times = 1 + random.below(8); times > 0 && bytes.length > 0; times--) {
      const place = random.below(bytes.length);
      bytes[place] = bytes[place]! ^ (1 << random.below(8));
    }
    return bytes;
  },
  function setNumber(bytes, random) {
    const width = oneOf(random, [1, 2, 4, 8]);
    if (bytes.length < width) return bytes;
    const place = random.below(bytes.length - width + 1);
    const view = new DataView(new ArrayBuffer(8));
    const little = random.below(4) > 0;
    view.setBigUint64(0, BigInt.asUintN(64, edgeNumber(random, bytes.length)), little);
    const number = new Uint8Array(view.buffer);
    bytes.set(little ? number.subarray(0, width) : number.subarray(8 - width), place);
    return bytes;
  },
  function setVarint(bytes, random) {
    const place = random.below(bytes.length + 1);
    let end = place;
    while (end < bytes.length && bytes[end]! >= 0x80) end++;
    const number = BigInt.asUintN(64, edgeNumber(random, bytes.length));
    const zigzag = random.below(2) ? BigInt.asUintN(64, 2n * number) : number;
    return joined(bytes.subarray(0, place), varint(zigzag, end + 1 - place), bytes.subarray(end + 1));
  },
  function setDigits(bytes, random) {
    const start = random.below(bytes.length + 1);
    const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
    const from = bytes.findIndex((byte, place) => place >= start && isDigit(byte));
    if (from < 0) return bytes;
    let to = from;
    while (to < bytes.length && isDigit(bytes[to]!)) to++;
    const digits = new TextEncoder().encode(String(edgeNumber(random, bytes.length)));
    return joined(bytes.subarray(0, from), digits, bytes.subarray(to));
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.length + 1));
  },
  function remove(bytes, random) {
    const [from, to] = range(random, bytes.length);
    return joined(bytes.subarray(0, from), bytes.subarray(to));
  },
  function copy(bytes, random) {
    const [from, to] = range(random, bytes.length);
    const place = random.below(bytes.length + 1);
    return joined(bytes.subarray(0, place), bytes.subarray(from, to), bytes.subarray(place));
  },
  function overwrite(bytes, random) {
    const [from, to] = range(random, bytes.length);
    const place = random.below(bytes.length + 1);
    bytes.set(bytes.slice(from, Math.min(to, from + bytes.length - place)), place);
    return bytes;
  },
  function repeat(bytes, random) {
    const [from, to] = range(random, bytes.length);
    const times = Math.min(random.below(5000), Math.floor(longest / Math.max(1, to - from)));
    const copies = new Array<Uint8Array>(times).fill(bytes.slice(from, to));
    return joined(bytes.subarray(0, from), ...copies, bytes.subarray(from));
  },
  function splice(bytes, random, { samples }) {
    const other = oneOf(random, samples);
    return joined(
      bytes.subarray(0, random.below(bytes.length + 1)),
      other.subarray(random.below(other.length + 1)),
    );
  },
  function insertNoise(bytes, random) {
    const place = random.below(bytes.length + 1);
    const noise = Uint8Array.from({ length: 1 + random.below(40) }, () => random.below(256));
    return joined(bytes.subarray(0, place), noise, bytes.subarray(place));
  },
  insertToken,
  insertToken,
];

/** Puts a token in, half of the time where a JSON object's entries or a row's values begin. */
function insertToken(bytes: Uint8Array, random: Random, { tokens }: Material): Uint8Array {
  let place = random.below(bytes.length + 1);
  if (random.below(2)) {
    const next = bytes.findIndex((byte, at) => at >= place && (byte === 0x7b || byte === 0x2c));
    if (next >= 0) place = next + 1;
  }
  return joined(bytes.subarray(0, place), oneOf(random, tokens), bytes.subarray(place));
}
