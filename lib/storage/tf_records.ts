/**
 * TensorFlow's record files (TFRecord): of each record its length, 8 bytes, the length's checksum, the data and the
 * data's checksum; numbers are little-endian. A checksum is the CRC-32C (Castagnoli), turned by 15 bits plus a constant.
 */

/** The remainders of each byte by the reversed polynomial of Castagnoli. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = remainder & 1 ? remainder >>> 1 ^ 0x82f63b78 : remainder >>> 1;
  }
  return remainder;
});

/** Returns the CRC-32C of bytes. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ crc >>> 8;
  return ~crc >>> 0;
}

/** Returns the checksum that record files hold. */
export function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return ((crc >>> 15 | crc << 17) + 0xa282ead8) >>> 0;
}

/** Returns data as a record. */
export function recordOf(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedChecksum(data), true);
  return record;
}
