/** The messages between the page and its worker. */
import type { Explanation } from "../../classifier/occlusion.ts";
import type { ReadText } from "../../classifier/read_parts.ts";
import type { ReadingSettings } from "../onnx_classifier.ts";

/** The file model/page.json, by which a page knows its model. */
export interface PageModel {
  /** Changes when any file of the page does. */
  readonly version: string;
  /** How texts are read. */
  readonly settings: ReadingSettings;
  /** Length of model/model.onnx. */
  readonly bytes: number;
  /** Names of the tokenizer's files in model/. */
  readonly tokenizerFiles: readonly string[];
}

/** A text or a pair of them. */
export interface GivenText {
  readonly text: string;
  readonly pair?: string;
}

/** The answer on a text. */
export interface TextAnswer {
  /** Probabilities [C]. */
  readonly probabilities: readonly number[];
  /** What is read of the text; absent for a pair. */
  readonly reads?: ReadText;
  /** Seconds that it took. */
  readonly seconds: number;
}

/** A table that was looked at. */
export interface TableAnswer {
  readonly rows: number;
  readonly columns: readonly string[];
  /** A sentence on its layout; "" if it is the usual one. */
  readonly note: string;
}

/** How a table is labelled. */
export interface TableWork {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly string[];
  readonly textColumns: readonly string[];
  /** A column for each class. */
  readonly probabilities: boolean;
  /** For spreadsheets. */
  readonly safe: boolean;
  /** The text between several labels of a row. */
  readonly labelSeparator: string;
}

/** A labelled table. */
export interface LabelledTable {
  readonly content: Blob;
  /** Name to save it by. */
  readonly name: string;
  readonly rows: number;
  readonly notes: readonly string[];
}

/** What the page asks for, by kind, and what it gets. */
export interface Works {
  readonly classify: { readonly asked: GivenText; readonly answer: TextAnswer };
  readonly explain: {
    readonly asked: GivenText & { readonly label: string };
    readonly answer: Explanation;
  };
  readonly look: { readonly asked: { readonly file: File }; readonly answer: TableAnswer };
  readonly label: { readonly asked: TableWork; readonly answer: LabelledTable };
}

/** A message to the worker. */
export type Request =
  | { readonly kind: "cancel" }
  | {
    [Kind in keyof Works]: { readonly id: number; readonly kind: Kind } & Works[Kind]["asked"];
  }[keyof Works];

/** A message from the worker. */
export type Reply =
  | { readonly kind: "loading"; readonly done: number; readonly all: number }
  | { readonly kind: "ready"; readonly model: PageModel; readonly threads: number; readonly seconds: number }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "progress"; readonly id: number; readonly done: number; readonly all: number }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "cancelled"; readonly id: number }
  | { readonly kind: "error"; readonly id: number; readonly message: string };
