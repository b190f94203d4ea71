/** Files that a user names: a pipe or a device in place of one is refused, as reading it could wait for ever. */
import { readFile, stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { InputError } from "../errors.ts";

/** Returns the words on a file or folder that is missing: with its full path, if that is not the path as given. */
export function noSuch(kind: "file" | "folder", path: string): string {
  return `there is no such ${kind}${isAbsolute(path) ? "" : ` ${resolve(path)}`}`;
}

/** The parts of a file's status that tell its kind. */
interface Kind {
  isFile(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
}

/** Refuses a pipe, a socket and a device; a folder passes. @throws InputError if the path is one. */
export function refuseSpecial(path: string, kind: Kind): void {
  if (kind.isFile() || kind.isDirectory()) return;
  const found = kind.isFIFO() ? "a pipe" : kind.isSocket() ? "a socket" : "a device";
  throw new InputError(`Cannot read ${path} as it is ${found}: give a file`);
}

/**
 * Reads a whole text file; "fatal" is UTF-8 where no byte may be wrong, with or without a byte order mark.
 *
 * @throws InputError if it is a pipe, a socket or a device; the file system's error if it cannot be read.
 * @throws TypeError if a byte is wrong.
 */
export async function readTextFile(
  path: string,
  encoding: "utf8" | "latin1" | "fatal" = "utf8",
): Promise<string> {
  refuseSpecial(path, await stat(path));
  if (encoding !== "fatal") return await readFile(path, encoding);
  return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
}
