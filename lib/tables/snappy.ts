/** Snappy, the codec of most Parquet files. Source: google/snappy, format_description.txt. */

/**
 * Unpacks a block.
 *
 * @param size its unpacked size in bytes
 * @throws Error if it has another size, ends early or copies from outside of itself.
 */
export function unpackSnappy(packed: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  // An element of three bytes makes 64 at most.
  if (!(size >= 0 && size <= 64 * packed.length)) {
    throw new Error(`a page of ${packed.length} bytes cannot have ${size}`);
  }
  const unpacked = new Uint8Array(size);
  let at = 0, end = 0;
  const require = (bytes: number) => {
    if (at + bytes > packed.length) throw new Error("a Snappy page ends early");
  };
  const number = (bytes: number) => {
    require(bytes);
    let value = 0;
    for (let n = 0; n < bytes; n++) value += packed[at++]! * 2 ** (8 * n);
    return value;
  };
  while (number(1) >= 0x80); // skips the length, which is `size` again
  while (at < packed.length) {
    const tag = packed[at++]!, kind = tag & 3;
    let length = (tag >> 2) + 1, offset = 0;
    if (kind === 0) {
      if (length > 60) length = number(length - 60) + 1;
      require(length);
    } else if (kind === 1) {
      require(1);
      length = (tag >> 2 & 7) + 4;
      offset = (tag >> 5) * 256 + packed[at++]!;
    } else if (kind === 2) {
      require(2);
      offset = packed[at++]! + 256 * packed[at++]!;
    } else offset = number(4);
    const to = end + length;
    if (to > size) throw new Error(`a Snappy page of ${size} bytes goes on after its end`);
    if (kind === 0) {
      while (end < to) unpacked[end++] = packed[at++]!;
    } else {
      if (offset === 0 || offset > end) throw new Error("a Snappy page copies from outside of itself");
      for (; end < to; end++) unpacked[end] = unpacked[end - offset]!;
    }
  }
  if (end < size) throw new Error(`a Snappy page ends at byte ${end} of ${size}`);
  return unpacked;
}
