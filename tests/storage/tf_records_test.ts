import assert from "node:assert/strict";
import { crc32c, maskedChecksum, recordOf } from "../../lib/storage/tf_records.ts";

Deno.test("checksums are those of RFC 3720, B.4", () => {
  const bytes = (value: (n: number) => number) => Uint8Array.from({ length: 32 }, (_, n) => value(n));
  assert.equal(crc32c(bytes(() => 0)), 0x8a9136aa);
  assert.equal(crc32c(bytes(() => 255)), 0x62a8ab43);
  assert.equal(crc32c(bytes((n) => n)), 0x46dd794e);
  assert.equal(crc32c(bytes((n) => 31 - n)), 0x113fdb5c);
  assert.equal(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("a record is its length, the data and their checksums", () => {
  const record = recordOf(Uint8Array.of(1, 2, 3));
  const view = new DataView(record.buffer);
  assert.deepEqual([record.length, view.getBigUint64(0, true)], [19, 3n]);
  assert.equal(view.getUint32(8, true), maskedChecksum(record.subarray(0, 8)));
  assert.deepEqual([...record.subarray(12, 15)], [1, 2, 3]);
  assert.equal(view.getUint32(15, true), maskedChecksum(record.subarray(12, 15)));
});
