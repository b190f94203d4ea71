/** C structs in JavaScript memory, and C arrays read from foreign memory. Addresses are bigints, 0n is null. */
import type { Kind, Layout } from "./layouts.ts";

/** An address in this process. */
export type Address = bigint;

/** A value for a pointer field: an address, or memory of ours, which the struct then keeps alive. */
export type Pointee = Address | Uint8Array<ArrayBuffer> | Struct<Layout> | undefined;

type Fields<L extends Layout> = L["fields"];
type KindOf<L extends Layout, Name extends keyof Fields<L>> = Fields<L>[Name][1];

/** Fields to set, by name. */
export type Given<L extends Layout> = {
  readonly [Name in keyof Fields<L>]?: KindOf<L, Name> extends "pointer" ? Pointee
    : KindOf<L, Name> extends "bool" ? boolean
    : number;
};

/** Values of all fields, by name. */
export type Values<L extends Layout> = {
  readonly [Name in keyof Fields<L>]: KindOf<L, Name> extends "pointer" ? Address
    : KindOf<L, Name> extends "bool" ? boolean
    : number;
};

/** A struct of a layout: zeros except for its struct_size and the given fields. */
export class Struct<out L extends Layout> {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  /** Memory that the struct's pointers lead to; an address alone does not keep it alive. */
  readonly #kept: unknown[] = [];

  /** @param extra Bytes beyond the known layout to offer to a library whose struct has grown. */
  constructor(readonly layout: L, given: Given<L> = {}, extra = 0) {
    this.bytes = new Uint8Array(Math.ceil((layout.size + extra) / 8) * 8);
    this.#view = new DataView(this.bytes.buffer);
    this.#view.setBigUint64(0, BigInt(layout.size + extra), true);
    for (const [name, value] of Object.entries(given)) this.#set(layout.fields[name]!, value as Pointee);
  }

  /** Reads the fields of a struct in foreign memory. */
  static read<L extends Layout>(layout: L, address: Address): Values<L> {
    const copy = new Struct(layout);
    copy.bytes.set(bytesAt(address, layout.size));
    return copy.values();
  }

  /** Sets a pointer field to an address. */
  point(name: keyof Fields<L> & string, address: Address): void {
    this.#view.setBigUint64(this.layout.fields[name]![0], address, true);
  }

  #set([offset, kind]: readonly [number, Kind], value: Pointee | number | boolean): void {
    if (kind === "int32") this.#view.setInt32(offset, value as number, true);
    else if (kind === "float") this.#view.setFloat32(offset, value as number, true);
    else if (kind === "bool") this.#view.setUint8(offset, Number(value));
    else if (kind === "int64") this.#view.setBigInt64(offset, BigInt(value as number), true);
    else {
      this.#kept.push(value);
      this.#view.setBigUint64(offset, addressOf(value as Pointee), true);
    }
  }

  /** Returns the current values of all fields. */
  values(): Values<L> {
    const values = Object.entries(this.layout.fields).map(([name, [offset, kind]]) => {
      if (kind === "int32") return [name, this.#view.getInt32(offset, true)];
      if (kind === "float") return [name, this.#view.getFloat32(offset, true)];
      if (kind === "bool") return [name, this.#view.getUint8(offset) !== 0];
      const word = this.#view.getBigUint64(offset, true);
      return [name, kind === "pointer" ? word : Number(BigInt.asIntN(64, word))];
    });
    return Object.fromEntries(values);
  }
}

/** Returns the address of memory of ours, which the caller keeps alive as long as the address is used. */
function addressOf(target: Pointee): Address {
  if (target === undefined || typeof target === "bigint") return target ?? 0n;
  const bytes = target instanceof Struct ? target.bytes : target;
  return bytes.length === 0 ? 0n : Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** Copies bytes out of foreign memory. */
export function bytesAt(address: Address, length: number): Uint8Array<ArrayBuffer> {
  const pointer = Deno.UnsafePointer.create(address);
  if (pointer === null || length === 0) return new Uint8Array();
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length)).slice();
}

/** Reads a string that is given by address and length. */
export function textAt(address: Address, length: number): string {
  return new TextDecoder().decode(bytesAt(address, length));
}

/** Reads an array of addresses or other 64-bit words. */
export function wordsAt(address: Address, count: number): bigint[] {
  return [...new BigUint64Array(bytesAt(address, count * 8).buffer)];
}

/** Returns an array of addresses or other 64-bit words for a callee to read or fill. */
export function words(values: readonly (bigint | number)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
}

/** Returns an array of addresses as bytes for a callee; both share their memory. */
export function bytesOf(addresses: BigUint64Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(addresses.buffer);
}

/** The memory that the addresses in an array lead to, by array. */
const held = new WeakMap<Uint8Array, readonly Pointee[]>();

/** Returns the same array of addresses, which from now on keeps the memory they lead to alive. */
export function holding(
  array: Uint8Array<ArrayBuffer>,
  targets: readonly Pointee[],
): Uint8Array<ArrayBuffer> {
  held.set(array, targets);
  return array;
}

/** Returns an array with the addresses of memory of ours, for a callee. */
export function pointers(targets: readonly Pointee[]): Uint8Array<ArrayBuffer> {
  return holding(words(targets.map(addressOf)), targets);
}

/** Returns the UTF-8 bytes of a text for a callee to read. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
