/**
 * The bounds of a struct in Thrift's compact protocol, which Parquet's headers are written in. hyparquet trusts the
 * lengths in it.
 * Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
 */

/** Deepest nesting of structs and lists; Parquet's own headers have six levels. */
const deepest = 32;

/**
 * Finds the end of a struct without reading its values.
 *
 * @param start offset where it begins
 * @returns the offset after it
 * @throws Error if it goes on after `bytes`, or has an impossible length, number or depth.
 */
export function structEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  const skip = (length: number) => {
    if (length > bytes.length - at) throw new Error("a header is longer than its part of the file");
    at += length;
  };
  const byte = () => {
    skip(1);
    return bytes[at - 1]!;
  };
  const varint = (longest: number) => {
    let value = 0;
    for (let n = 0; n < longest; n++) {
      const next = byte();
      value += (next & 0x7f) * 2 ** (7 * n);
      if (next < 0x80) return value;
    }
    throw new Error(`a header has a number of more than ${longest} bytes`);
  };
  const list = (depth: number) => {
    const head = byte(), type = head & 15;
    const length = head >> 4 === 15 ? varint(5) : head >> 4;
    if (length > bytes.length - at) throw new Error(`a header has a list of ${length} items in fewer bytes`);
    // In a list a boolean is a byte, in a struct it is in its field's type.
    for (let n = 0; n < length; n++) value(type <= 2 ? 3 : type, depth);
  };
  const struct = (depth: number) => {
    for (let head = byte(); (head & 15) !== 0; head = byte()) {
      if (head >> 4 === 0) varint(5);
      value(head & 15, depth);
    }
  };
  const value = (type: number, depth: number): void => {
    if (depth > deepest) throw new Error(`a header is more than ${deepest} levels deep`);
    if (type <= 2) return;
    if (type === 3) skip(1);
    else if (type <= 6) varint(10);
    else if (type === 7) skip(8);
    else if (type === 8) skip(varint(5));
    else if (type === 9) list(depth + 1);
    else if (type === 12) struct(depth + 1);
    else throw new Error(`a header has a value of the unknown type ${type}`);
  };
  struct(1);
  return at;
}
