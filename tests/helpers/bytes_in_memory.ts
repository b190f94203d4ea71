/** Files in memory for readers that read by position. */
import type { ByteSource } from "../../lib/storage/byte_source.ts";

/** Bytes as a file; whoever reads outside of them gets a RangeError, which no reader may cause. */
export function inMemory(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    read(target, position) {
      if (position < 0 || position + target.length > bytes.length) {
        return Promise.reject(
          new RangeError(`read ${target.length} bytes at ${position} of a file of ${bytes.length}`),
        );
      }
      target.set(bytes.subarray(position, position + target.length));
      return Promise.resolve();
    },
  };
}
