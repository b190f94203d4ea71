/**
 * Checks of what a caller hands to a public function: JavaScript and notebooks have no types, and a wrong one would
 * otherwise end in a TypeError from within, or be taken in silence.
 */
import * as v from "valibot";
import { InputError } from "../errors.ts";
import { shown } from "./byte_source.ts";
import { fitting, list, optional, type Shape, text } from "./json.ts";

/** Arguments by name: each with its value and its shape. */
export type Arguments = Readonly<Record<string, readonly [value: unknown, shape: Shape<unknown>]>>;

/**
 * Makes sure that arguments have their shapes.
 *
 * @param call the function's name
 * @throws InputError on the first that has another.
 */
export function requireArguments(call: string, given: Arguments): void {
  for (const [name, [value, shape]] of Object.entries(given)) {
    const issue = v.safeParse(shape, value, { abortEarly: true }).issues?.[0];
    if (!issue) continue;
    const place = [name, ...issue.path?.map(({ key }) => String(key)) ?? []].join(".");
    const fault = issue.path && issue.input === undefined
      ? "is missing"
      : `is not ${issue.message}: found ${described(issue.input)}`;
    throw new InputError(`Cannot call ${call} as ${shown(place)} ${fault}`);
  }
}

/** Returns a value in words, for a message. */
function described(value: unknown): string {
  if (value === undefined || value === null) return value === null ? "null" : "nothing";
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 60).toWellFormed())}`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return String(value);
  if (value instanceof Promise) return "a promise: await it first";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "a list";
  const names = Object.keys(value);
  const first = names.slice(0, 5).map((name) => `"${name.slice(0, 30).toWellFormed()}"`).join(", ");
  return names.length === 0
    ? "an object without fields"
    : `an object with ${first}${names.length > 5 ? ", …" : ""}`;
}

/** A value that has these fields. */
export function having(expected: string, ...fields: readonly string[]): Shape<unknown> {
  const has = (value: unknown) =>
    typeof value === "object" && value !== null && fields.every((field) => field in value);
  return v.custom(has, expected);
}

/** An object with some of these fields, and no others. */
export function someOf(fields: Readonly<Record<string, Shape<unknown>>>): Shape<unknown> {
  const names = Object.keys(fields);
  const known = v.looseObject(Object.fromEntries(names.map((name) => [name, optional(fields[name]!)])));
  return v.pipe(
    having(`an object with options, of ${names.join(", ")}`),
    known,
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      for (const [key, value] of Object.entries(dataset.value)) {
        if (names.includes(key)) continue;
        const place = { type: "unknown", origin: "value", input: dataset.value, key, value } as const;
        addIssue({ message: `one of the options ${names.join(", ")}`, input: value, path: [place] });
        return;
      }
    }),
  ) as Shape<unknown>;
}

/** A function. */
export const callback: Shape<unknown> = v.custom((value) => typeof value === "function", "a function");

/** A list of numbers, typed or not. */
export const numbers: Shape<unknown> = v.custom(
  (value) =>
    ArrayBuffer.isView(value) || Array.isArray(value) && value.every((one) => typeof one === "number"),
  "a list of numbers",
);

/** A list of items, with what is expected in words. */
export function listOf(expected: string, item: Shape<unknown>): Shape<unknown> {
  return v.pipe(v.custom(Array.isArray, expected), list(item)) as Shape<unknown>;
}

/** A list of texts. */
export const textList: Shape<unknown> = listOf("a list of texts", text);

/** Texts one after the other: a list, or anything else that yields them. */
export const manyTexts: Shape<unknown> = v.custom(
  (value) => typeof value === "object" && value !== null && Symbol.iterator in value,
  "a list of texts",
);

/** The path of a file or folder. */
export const path: Shape<string> = fitting(
  v.string("a path, as a text"),
  "a path, as a text",
  (value) => value.trim() !== "",
);

/** A data set. */
export const aDataset: Shape<unknown> = having(
  "a data set, as dataset() and datasetFromFiles() return",
  ...["labels", "train", "dev", "test"],
);

/** A tokenizer. */
export const aTokenizer: Shape<unknown> = having("a tokenizer, as loadTokenizer() returns", "encode");

/** An engine. */
export const anEngine: Shape<unknown> = having("an engine, as openEngine() returns", "compile", "state");

/** What something is computed with. */
export const aContext: Shape<unknown> = v.pipe(
  having("an object with an engine, as openEngine() returns", "engine"),
  v.looseObject({ engine: anEngine }),
) as Shape<unknown>;

/** A model to start from. */
export const aModel: Shape<unknown> = having(
  "a model, as startModel() returns",
  ...["config", "parameters", "tokenizer"],
);

/** Tensors by name. */
export const tensors: Shape<unknown> = having("an object with tensors by name");

/** An experiment. */
export const anExperiment: Shape<unknown> = having(
  "an experiment, as experiment() returns",
  ...["name", "rows", "columns", "scales"],
);

/** The record of a run. */
export const aRecord: Shape<unknown> = having("the record of a run", "hash", "test");

/** A table of results. */
export const aTable: Shape<unknown> = having("a table of results", "rows", "columns", "cell");

/** A figure. */
export const aFigure: Shape<unknown> = having("a figure", "title", "panels");

/** Options with a model in them. */
export const withModel: Shape<unknown> = v.pipe(
  having("an object with a model, as startModel() returns", "model"),
  v.looseObject({ model: aModel }),
) as Shape<unknown>;

/** The layout of tables. */
export const tableLayout = {
  format: v.picklist(["csv", "tsv", "jsonl", "parquet"], "one of csv, tsv, jsonl, parquet"),
  separator: fitting(text, "one character", (value) => value.length === 1),
  encoding: text,
  quotes: v.picklist(["csv", "none"], "one of csv, none"),
} as const satisfies Readonly<Record<string, Shape<unknown>>>;
