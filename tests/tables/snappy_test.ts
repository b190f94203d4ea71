import assert from "node:assert/strict";
import { unpackSnappy } from "../../lib/tables/snappy.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const [a, b, c] = [0x61, 0x62, 0x63];

Deno.test("literals and the three kinds of copies", () => {
  assert.equal(text(unpackSnappy(Uint8Array.of(3, 2 << 2, a, b, c), 3)), "abc");
  assert.equal(text(unpackSnappy(Uint8Array.of(7, 1 << 2, a, b, 1 << 2 | 1, 2), 7)), "abababa");
  assert.equal(text(unpackSnappy(Uint8Array.of(5, 1 << 2, a, b, 2 << 2 | 2, 1, 0), 5)), "abbbb");
  assert.equal(text(unpackSnappy(Uint8Array.of(4, 1 << 2, a, b, 1 << 2 | 3, 2, 0, 0, 0), 4)), "abab");
  assert.equal(unpackSnappy(Uint8Array.of(0), 0).length, 0);
  const long = new Uint8Array(70).fill(c);
  assert.deepEqual(unpackSnappy(Uint8Array.of(70, 60 << 2, 69, ...long), 70), long);
  const far = new Uint8Array(300).map((_, n) => n % 251);
  const packed = Uint8Array.of(0xb0, 2, 61 << 2, 0x2b, 1, ...far, 1 << 5 | 1, 44);
  assert.deepEqual(unpackSnappy(packed, 304).subarray(300), far.subarray(0, 4));
});

Deno.test("a block that is damaged is an error", () => {
  const refused = (size: number, bytes: readonly number[], message: RegExp) =>
    assert.throws(() => unpackSnappy(Uint8Array.from(bytes), size), { name: "Error", message });
  refused(3, [3, 2 << 2, a, b], /ends early/);
  refused(3, [3, 1 << 2, a, b], /ends at byte 2 of 3/);
  refused(2, [3, 2 << 2, a, b, c], /goes on after its end/);
  refused(6, [6, 0, a, 1 << 2 | 1, 2], /copies from outside of itself/);
  refused(6, [6, 0, a, 1 << 2 | 1, 0], /copies from outside of itself/);
  refused(1000, [3, 2 << 2, a, b, c], /a page of 5 bytes cannot have 1000/);
  refused(-1, [0], /a page of 1 bytes cannot have -1/);
  refused(20, [20, 63 << 2, 0xf0, 0xff, 0xff, 0xff, a, b, c], /ends early/);
});
