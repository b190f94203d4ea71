/** Notebooks as files (nbformat 4.5): read, cleaned of what differs from run to run, and written as Jupyter does. */
import { readdir } from "node:fs/promises";
import { InputError } from "../lib/errors.ts";
import {
  anything,
  either,
  list,
  map,
  nullish,
  object,
  oneOf,
  optional,
  readJson,
  type Shape,
  text,
  whole,
} from "../lib/storage/json.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";

/** Text as a notebook keeps it: in one piece or by lines. */
type Text = string | readonly string[];

/** An output of a cell. */
export interface Output {
  /** stream, display_data, execute_result or error. */
  readonly output_type: string;
  /** Name of a stream: stdout or stderr. */
  readonly name?: string;
  /** Text of a stream. */
  readonly text?: Text;
  /** Content by media type. */
  readonly data?: Readonly<Record<string, unknown>>;
  /** Place of a result in the order of runs. */
  readonly execution_count?: number | null;
  /** Class of an error. */
  readonly ename?: string;
  /** Message of an error. */
  readonly evalue?: string;
}

/** A cell. */
export interface Cell {
  /** code or markdown. */
  readonly cell_type: string;
  /** Its name in the notebook. */
  readonly id: string;
  /** Only `tags` are kept. */
  readonly metadata: { readonly tags?: readonly string[] };
  /** Text of the cell. */
  readonly source: Text;
  /** Place in the order of runs: 1 is the first. */
  readonly execution_count?: number | null;
  /** Outputs of the cell. */
  readonly outputs?: readonly Output[];
}

/** A notebook. */
export interface Notebook {
  /** Cells from top to bottom. */
  readonly cells: readonly Cell[];
  /** The kernel that runs it. */
  readonly metadata: object;
  /** 4 */
  readonly nbformat: number;
  /** At least 5, which gives cells their ids. */
  readonly nbformat_minor: number;
}

const metadata = {
  kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
  language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
};

/** Text in one piece. */
export const textOf = (text: Text): string => typeof text === "string" ? text : text.join("");

/**
 * The notebooks of a folder by name, without `.ipynb`; all of them, in order, if no name is given.
 *
 * @throws InputError if there is none of a name.
 */
export async function findNotebooks(folder: string, names: readonly string[]): Promise<string[]> {
  const files = await readdir(folder).catch(() => []);
  const found = files.filter((file) => file.endsWith(".ipynb")).map((file) => file.slice(0, -6)).sort();
  const unknown = names.find((name) => !found.includes(name));
  if (unknown !== undefined || found.length === 0) {
    const what = unknown === undefined ? "notebooks" : `the notebook "${unknown}"`;
    throw new InputError(`Cannot find ${what} in ${folder}: found ${found.join(", ") || "none"}`);
  }
  return names.length === 0 ? found : [...names];
}

const textShape = either<Text>("a text, or a list of lines", text, list(text));

const outputShape: Shape<Output> = object<Output>({
  ...{ output_type: text, name: optional(text), text: optional(textShape), data: optional(map(anything)) },
  ...{ execution_count: nullish(whole(0)), ename: optional(text), evalue: optional(text) },
});

const notebookShape: Shape<Notebook> = object<Notebook>({
  cells: list(object<Cell>({
    ...{ cell_type: text, id: text, source: textShape, execution_count: nullish(whole(0)) },
    metadata: object<Cell["metadata"]>({ tags: optional(list(text)) }),
    outputs: optional(list(outputShape)),
  })),
  ...{ metadata: map(anything), nbformat: oneOf([4]), nbformat_minor: whole(5) },
});

/** @throws InputError if the file is no notebook of nbformat 4.5. */
export function readNotebook(path: string): Promise<Notebook> {
  return readJson(path, notebookShape, "save it with a new Jupyter, as a notebook of nbformat 4.5");
}

/** The notebook in one order, with texts by lines, and without what a cell says on standard error. */
export async function writeNotebook(path: string, { cells }: Notebook): Promise<void> {
  const notebook = { cells: cells.map(cleanCell), metadata, nbformat: 4, nbformat_minor: 5 };
  await writeWhole(path, [JSON.stringify(notebook, null, 1) + "\n"]);
}

function cleanCell({ cell_type, id, metadata: { tags }, source, execution_count, outputs }: Cell) {
  const common = { cell_type, id, metadata: tags ? { tags } : {}, source: lines(textOf(source)) };
  if (cell_type !== "code") return common;
  const { cell_type: type, ...rest } = common;
  return { cell_type: type, execution_count, ...rest, outputs: keptOutputs(outputs ?? []).map(cleanOutput) };
}

/** The outputs that remain: what is said on standard error is for whoever runs the notebook. */
export function keptOutputs(outputs: readonly Output[]): Output[] {
  return outputs.filter(({ name }) => name !== "stderr");
}

function cleanOutput({ output_type, execution_count, name, text, data = {} }: Output) {
  if (output_type === "stream") return { name, output_type, text: lines(textOf(text ?? "")) };
  const bundle = Object.entries(data).map(([type, content]) => {
    const isText = typeof content === "string" || Array.isArray(content);
    return [type, isText ? lines(textOf(content as Text)) : content] as const;
  }).sort(([a], [b]) => a < b ? -1 : 1);
  return {
    data: Object.fromEntries(bundle),
    ...output_type === "execute_result" ? { execution_count } : {},
    metadata: {},
    output_type,
  };
}

/** A text by lines, each with its end. */
const lines = (text: string) => text.match(/[^\n]*\n|[^\n]+/g) ?? [];

/** Tells whether a cell ends with a value to show: its last statement, which begins a line, is an expression. */
export function endsWithValue(source: string): boolean {
  const last = source.split("\n").findLast((line) => /^[^\s)}\]`/]/.test(line)) ?? "";
  return last !== "" &&
    !/^(import|export|const|let|var|function|async function|class|interface|type|for|if|while|try|console)\b/
      .test(last);
}
