/**
 * JSON files that are read back. Each has a stated shape; a file of another shape is refused in one sentence, with the
 * place in it. Fields that no shape names are allowed and stay as they are.
 */
import * as v from "valibot";
import { InputError } from "../errors.ts";
import { shown } from "./byte_source.ts";
import { noSuch, readTextFile } from "./input_file.ts";

/** The shape of a JSON value; its messages complete "is not …". */
export type Shape<Value> = v.GenericSchema<unknown, Value>;

/** Deepest nesting of a file. */
const deepest = 100;

/** Any text. */
export const text: Shape<string> = v.string("a text");

/** True or false. */
export const flag: Shape<boolean> = v.boolean("true or false");

/** Any value. */
export const anything: Shape<unknown> = v.unknown();

/** A value of a shape that also fits, with what is expected in words. */
export function fitting<Value>(
  shape: Shape<Value>,
  expected: string,
  fits: (value: Value) => boolean,
): Shape<Value> {
  return v.pipe(shape, v.check(fits, expected)) as Shape<Value>;
}

/** A whole number in a range, its ends included. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Shape<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const expected = `a whole number ${range}`;
  return fitting(
    v.number(expected),
    expected,
    (value) => Number.isSafeInteger(value) && value >= least && value <= most,
  );
}

/** A finite number in a range, its ends included. */
export function number(least = -Infinity, most = Infinity): Shape<number> {
  const range = most < Infinity
    ? ` from ${least} to ${most}`
    : least > -Infinity
    ? ` of at least ${least}`
    : "";
  return numberThat(`a number${range}`, (value) => value >= least && value <= most);
}

/** A finite number that fits. */
export function numberThat(expected: string, fits: (value: number) => boolean): Shape<number> {
  return fitting(v.number(expected), expected, (value) => Number.isFinite(value) && fits(value));
}

/** One of some texts or numbers. */
export function oneOf<Value extends string | number>(values: readonly Value[]): Shape<Value> {
  const expected = values.length === 1 ? `${values[0]}` : `one of ${values.join(", ")}`;
  return v.picklist(values, expected);
}

/** A field that may be absent. */
export function optional<Value>(shape: Shape<Value>): Shape<Value | undefined> {
  return v.optional(shape);
}

/** A value that may be null. */
export function nullable<Value>(shape: Shape<Value>): Shape<Value | null> {
  return v.nullable(shape);
}

/** A field that may be absent or null, as Hugging Face's libraries write it. */
export function nullish<Value>(shape: Shape<Value>): Shape<Value | null | undefined> {
  return v.nullish(shape);
}

/** A value of one of several shapes. */
export function either<Value>(expected: string, ...shapes: readonly Shape<Value>[]): Shape<Value> {
  return v.union(shapes, expected) as Shape<Value>;
}

/** An object with these fields, and perhaps others. */
export function object<Value extends object>(
  fields: { readonly [Key in keyof Value]-?: Shape<Value[Key]> },
): Shape<Value> {
  return v.pipe(anyObject, v.looseObject(fields)) as unknown as Shape<Value>;
}

/** An object with the fields of two shapes. */
export function both<One extends object, Other extends object>(
  one: Shape<One>,
  other: Shape<Other>,
): Shape<One & Other> {
  return v.intersect([one, other]) as Shape<One & Other>;
}

/** A list of items. */
export function list<Item>(item: Shape<Item>): Shape<readonly Item[]> {
  return every(v.custom<readonly unknown[]>(Array.isArray, "a list"), item) as Shape<readonly Item[]>;
}

/** An object whose values have one shape. Valibot's own passes over "constructor" and "prototype", which are words. */
export function map<Item>(item: Shape<Item>): Shape<Readonly<Record<string, Item>>> {
  return every(anyObject, item) as Shape<Readonly<Record<string, Item>>>;
}

const anyObject = v.custom<object>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "an object",
);

/** Checks all values of a list or an object, up to the first that does not fit. */
function every(container: v.GenericSchema<unknown, object>, item: Shape<unknown>): Shape<object> {
  return v.pipe(
    container,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        const issue = firstIssue(item, value);
        if (!issue) continue;
        const place = { type: "unknown", origin: "value", input: dataset.value, key, value } as const;
        addIssue({ message: issue.message, input: issue.input, path: [place, ...issue.path ?? []] });
        return;
      }
    }),
  );
}

function firstIssue(shape: Shape<unknown>, value: unknown): v.BaseIssue<unknown> | undefined {
  return v.safeParse(shape, value, { abortEarly: true }).issues?.[0];
}

/**
 * Reads a JSON file.
 *
 * @param advice what to do about a file that cannot be used
 * @throws InputError if it cannot be read, is no JSON, or has another shape.
 */
export async function readJson<Value>(path: string, shape: Shape<Value>, advice: string): Promise<Value> {
  const found = await readJsonIfThere(path, shape, advice);
  if (found === undefined) throw new InputError(`Cannot read ${path} as ${noSuch("file", path)}; ${advice}`);
  return found;
}

/** Reads a JSON file; undefined if there is none. @throws InputError as {@linkcode readJson}. */
export async function readJsonIfThere<Value>(
  path: string,
  shape: Shape<Value>,
  advice: string,
): Promise<Value | undefined> {
  const content = await readTextIfThere(path, advice, "fatal");
  return content === undefined ? undefined : parseJson(content, path, shape, advice);
}

/** Reads a text file, as {@linkcode readTextFile}; undefined if there is none. @throws InputError if it cannot be read. */
export async function readTextIfThere(
  path: string,
  advice: string,
  encoding: "utf8" | "fatal" = "utf8",
): Promise<string | undefined> {
  return await readTextFile(path, encoding).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    const what = error instanceof TypeError ? "it is not UTF-8" : shown(error.message);
    throw error instanceof InputError
      ? error
      : new InputError(`Cannot read ${path}: ${what}; ${advice}`, { cause: error });
  });
}

/**
 * Parses a JSON text.
 *
 * @param name the name of the text in messages, such as its path
 * @throws InputError if it is no JSON, names a key of an object twice, is nested too deeply or has another shape.
 */
export function parseJson<Value>(content: string, name: string, shape: Shape<Value>, advice?: string): Value {
  const fail = (message: string) => new InputError(advice === undefined ? message : `${message}; ${advice}`);
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (error) {
    throw fail(`Cannot read ${name} as it is not JSON: ${shown((error as Error).message)}`);
  }
  const { depth, keys } = structureOf(content);
  if (depth > deepest) {
    throw fail(`Cannot use ${name} as it is nested ${depth} deep: expected at most ${deepest}`);
  }
  if (keys > keysOf(value)) {
    const key = shown(repeatedKey(content));
    throw fail(`Cannot use ${name} as an object in it has two values of "${key}"`);
  }
  return checkJson(value, name, shape, advice);
}

/**
 * Returns a value if it has a shape.
 *
 * @param name the name of the value in messages
 * @throws InputError if it has another.
 */
export function checkJson<Value>(value: unknown, name: string, shape: Shape<Value>, advice?: string): Value {
  const issue = firstIssue(shape, value);
  if (!issue) return value as Value;
  const place = issue.path?.map(({ key }) => String(key)).join(".");
  const subject = place === undefined ? "it" : `"${shown(place)}"`;
  const fault = issue.input === undefined
    ? "is missing"
    : `is not ${issue.message}: found ${shownJson(issue.input)}`;
  throw new InputError(
    `Cannot use ${name} as ${subject} ${fault}${advice === undefined ? "" : `; ${advice}`}`,
  );
}

/** Writes a value for a message: its JSON, cut. */
function shownJson(value: unknown): string {
  const written = shown(JSON.stringify(value) ?? "nothing");
  return written.length > 80 ? `${written.slice(0, 79)}…` : written;
}

const string = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** The depth of a JSON text, and the number of keys in it. */
function structureOf(content: string): { depth: number; keys: number } {
  let open = 0, depth = 0, keys = 0;
  for (const [sign] of content.replace(string, "").matchAll(/[[\]{}:]/g)) {
    if (sign === ":") keys++;
    else if (sign === "{" || sign === "[") depth = Math.max(depth, ++open);
    else open--;
  }
  return { depth, keys };
}

/** The number of keys in a value. */
function keysOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const parts: unknown[] = Object.values(value);
  return parts.reduce((sum: number, part) => sum + keysOf(part), Array.isArray(value) ? 0 : parts.length);
}

/** The first key that an object of a JSON text has twice. */
function repeatedKey(content: string): string {
  const open: Set<string>[] = [];
  for (const [sign] of content.matchAll(new RegExp(`${string.source}\\s*:?|[{}]`, "g"))) {
    if (sign === "{") open.push(new Set());
    else if (sign === "}") open.pop();
    else if (sign.endsWith(":")) {
      const key: string = JSON.parse(sign.slice(0, -1));
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return "";
}
