/** The place of `node:path` in a browser: paths with "/" between their parts. */

/** Joins the parts of a path. */
export const join = (...parts: readonly string[]): string => parts.join("/");
/** Returns a path as it is: there is no folder that one stands in. */
export const resolve = (...parts: readonly string[]): string => parts.join("/");
/** Returns the last part of a path. */
export const basename = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
/** Returns a path without its last part. */
export const dirname = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf("/")));
/** Returns the ending of a name with its dot; "" where the dot comes first or there is none. */
export const extname = (path: string): string => /[^/](\.[^./]*)$/.exec(path)?.[1] ?? "";
/** Every name is a place of its own, so that no message adds another. */
export const isAbsolute = (_path: string): boolean => true;
