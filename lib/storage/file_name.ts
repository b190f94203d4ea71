/** Names of files that come from outside: indexes, archives, listings, manifests and records. */
import { InputError } from "../errors.ts";
import { shown } from "./byte_source.ts";

/** Tells whether a name can only be that of a file in a folder: it leads nowhere else on any system. */
export function isFileName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && name !== "." && name !== ".." &&
    !/[/\\:\p{Cc}\p{Cs}]/u.test(name) && new TextEncoder().encode(name).length <= 255;
}

/** Tells whether a path with "/" between its parts stays in the folder that it starts from. */
export function isInnerPath(path: unknown): path is string {
  return typeof path === "string" && path.split("/").every(isFileName);
}

/**
 * Returns a name from outside if it is a plain name of a file.
 *
 * @param source the place that the name comes from, for the error
 * @throws InputError if it is not.
 */
export function fileName(name: unknown, source: string): string {
  if (isFileName(name)) return name;
  throw new InputError(`Cannot use ${source}: expected the plain name of a file, found ${quoted(name)}`);
}

/**
 * Returns a path from outside if it stays in its folder.
 *
 * @param source the place that the path comes from, for the error
 * @throws InputError if it does not.
 */
export function innerPath(path: unknown, source: string): string {
  if (isInnerPath(path)) return path;
  throw new InputError(`Cannot use ${source}: expected a path inside its folder, found ${quoted(path)}`);
}

function quoted(value: unknown): string {
  return value === undefined ? "none" : shown(JSON.stringify(value));
}
