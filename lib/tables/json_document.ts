/** JSON files as rows: JSON Lines, and files that are one list of objects, bare or in an object such as {"data": […]}. */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { jsonRows, parseExactly, type Row, rowOf } from "./rows.ts";

/** Longest document (256 million characters) that is read whole. */
const longestDocument = 1 << 28;

/** Yields the rows of a JSON file; those of a list are numbered by their place instead of their line. */
export async function* jsonFileRows(name: string, pieces: AsyncGenerator<string>): AsyncGenerator<Row> {
  let head = "", isBegun = false, isEnded = false;
  for await (const piece of upTo(pieces)) {
    head += piece;
    if (head.length > longestDocument) break;
    // Only the new piece is searched, as a document on one line comes in thousands of them.
    let rest: string = isBegun ? piece : piece.trimStart();
    if (!isBegun && rest.startsWith("[")) break;
    isBegun ||= rest !== "";
    if (!isEnded) {
      const end = rest.search(/[\r\n]/);
      isEnded = end >= 0;
      rest = isEnded ? rest.slice(end) : "";
    }
    if (isEnded && rest.trim() !== "") break; // a line, and something after it
  }
  const all = followedBy(head, pieces);
  const [first = ""] = head.trimStart().split(/\r\n|\n|\r/, 1);
  const isOnly = head.trim() === first.trim();
  if (first.startsWith("[") || isOnly && first.length < longestDocument && isDocument(parsed(first), name)) {
    yield* documentRows(name, await whole(name, all));
  } else if (first.startsWith("{") && parsed(first) === undefined && !isOnly) {
    // Either one document over many lines, or a broken line: the document tells.
    const text = await whole(name, all);
    if (parsed(text) === undefined) yield* jsonRows(name, followedBy(text, pieces));
    else yield* documentRows(name, text);
  } else {
    yield* jsonRows(name, all);
  }
}

async function* followedBy(head: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield head;
  yield* rest;
}

/** Yields pieces without closing what they come from when the loop ends early. */
async function* upTo(pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  for (;;) {
    const next = await pieces.next();
    if (next.done) return;
    yield next.value;
  }
}

async function whole(name: string, pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) {
    text += piece;
    if (text.length <= longestDocument) continue;
    throw new InputError(
      `Cannot read ${name} as it is one JSON document of more than ${
        longestDocument >> 20
      } million characters: expected ` +
        'an object a line, as jq -c ".[]" writes them',
    );
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

function* documentRows(name: string, text: string): Generator<Row> {
  let found: unknown;
  try {
    found = parseExactly(text);
  } catch (error) {
    const { message } = error as Error;
    const [first = ""] = text.trimStart().split(/\r\n|\n|\r/, 1);
    if (Array.isArray(parsed(first))) {
      throw new InputError(`Cannot read ${name} as its first line is a list: expected an object a line`);
    }
    throw new InputError(`Cannot read ${name} as JSON: ${message.slice(0, 100)}; it may be cut off`);
  }
  const key = wrappedIn(found);
  const list = Array.isArray(found) ? found : key && (found as Record<string, unknown>)[key];
  if (!Array.isArray(list)) {
    throw new InputError(
      `Cannot read ${name}: expected a list of objects, an object with such a list under "data", or an object a line, ` +
        `found ${described(found)}`,
    );
  }
  for (const [place, item] of list.entries()) yield rowOf(item, name, place + 1);
}

/** Returns a document that is no list of rows in words, and what to do about it. */
function described(found: unknown): string {
  if (typeof found !== "object" || found === null) return "no object";
  const names = Object.keys(found);
  const named = names.slice(0, 5).map((name) => `"${shown(name)}"`).join(", ");
  const lists = names.filter((name) => Array.isArray((found as Record<string, unknown>)[name]));
  return `an object with ${named || "no fields"}; ` +
    (lists.length > 1 && lists.every((name) => haveObjects((found as Record<string, unknown>)[name]))
      ? "write each of these lists into a file of its own"
      : isByColumn(found)
      ? 'pandas writes rows with to_json(orient="records")'
      : "write the rows so");
}

/** Tells whether an object that is alone in its file is a document, with lists or objects in it, and no row. */
function isDocument(found: unknown, name: string): boolean {
  const mayBeRow = /\.(jsonl|ndjson)(\.gz)?$/i.test(name);
  return wrappedIn(found) !== undefined || !mayBeRow && isByColumn(found);
}

function isByColumn(found: unknown): boolean {
  if (typeof found !== "object" || found === null || Array.isArray(found)) return false;
  const values = Object.values(found);
  return values.length > 1 && values.every((value) => typeof value === "object" && value !== null);
}

function haveObjects(list: unknown): boolean {
  return Array.isArray(list) &&
    list.every((item) => typeof item === "object" && item !== null && !Array.isArray(item));
}

/** Returns the name in an object under which there is a list of objects: "data", or the only name. */
function wrappedIn(found: unknown): string | undefined {
  if (typeof found !== "object" || found === null || Array.isArray(found)) return undefined;
  const names = Object.keys(found);
  const name = names.includes("data") ? "data" : names.length === 1 ? names[0]! : "";
  return haveObjects((found as Record<string, unknown>)[name]) ? name : undefined;
}
