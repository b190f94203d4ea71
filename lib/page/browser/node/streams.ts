/** The place of `node:stream`, `node:zlib` and `node:crypto` in a browser, as far as texts that are packed with gzip need them. */

interface Unpacked {
  readonly writable: WritableStream<Uint8Array>;
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array>;
}

/** Makes a stream of what is unpacked from the bytes that {@linkcode pipeline} writes. */
export function createGunzip(): Unpacked {
  const { readable, writable } = new DecompressionStream("gzip");
  return {
    writable: writable as WritableStream<Uint8Array>,
    async *[Symbol.asyncIterator]() {
      const reader = readable.getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        yield value;
      }
    },
  };
}

/** Gives the parts back as they are. */
export const Readable = { from: <Parts>(parts: Parts): Parts => parts };

/** Writes parts into a stream; errors reach its reader. */
export function pipeline(
  parts: AsyncIterable<Uint8Array>,
  { writable }: Unpacked,
  done: (error?: unknown) => void,
): void {
  const writer = writable.getWriter();
  const write = async () => {
    for await (const part of parts) await writer.write(part);
    await writer.close();
  };
  write().then(() => done(), async (error) => {
    await writer.abort(error).catch(() => {});
    done(error);
  });
}

const refused = (): never => {
  throw new Error("A page does not compute this");
};

/** Names that the modules import and a page never calls. */
export {
  refused as brotliDecompressSync,
  refused as createHash,
  refused as gunzipSync,
  refused as zstdDecompressSync,
};
