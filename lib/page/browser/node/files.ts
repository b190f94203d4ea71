/**
 * The place of `node:fs/promises` and `node:fs` in a browser, for the modules that read files: the only files are those
 * that the page puts here, such as a model's tokenizer or a table that was dropped. Nothing can be written.
 */

const files = new Map<string, Blob>();

/** Puts a file at a path, in the place of one that is there. */
export function putFile(path: string, content: Blob): void {
  files.set(path, content);
}

function fileAt(path: string): Blob {
  const file = files.get(path);
  if (file) return file;
  throw Object.assign(new Error(`there is no file ${path} on this page`), { code: "ENOENT" });
}

/** Looks at a file as node's `stat`. */
export function stat(path: string) {
  return new Promise<object>((resolve) => {
    const { size } = fileAt(path);
    const [yes, no] = [() => true, () => false];
    resolve({ size, isFile: yes, isDirectory: no, isFIFO: no, isSocket: no, isSymbolicLink: no });
  });
}

/** Reads a whole file as node's `readFile`. */
export async function readFile(path: string, encoding?: string): Promise<string | Uint8Array> {
  const bytes = new Uint8Array(await fileAt(path).arrayBuffer());
  return encoding === undefined
    ? bytes
    : new TextDecoder(encoding === "latin1" ? "latin1" : "utf-8").decode(bytes);
}

/** Opens a file as node's `open`, for reading it from its beginning to its end. */
export function open(path: string) {
  return new Promise<object>((resolve) => {
    const file = fileAt(path);
    let place = 0;
    resolve({
      async read(target: Uint8Array) {
        const part = new Uint8Array(await file.slice(place, place + target.length).arrayBuffer());
        target.set(part);
        place += part.length;
        return { bytesRead: part.length, buffer: target };
      },
      close: () => Promise.resolve(),
    });
  });
}

const refused = () => Promise.reject(new Error("A page has no files of its own"));

/** A file is no link here. */
export const lstat = stat;
/** Names that the modules import and a page never calls. */
export {
  refused as access,
  refused as mkdir,
  refused as readdir,
  refused as readlink,
  refused as realpath,
  refused as rename,
  refused as rm,
  refused as rmSync,
  refused as writeFile,
};
