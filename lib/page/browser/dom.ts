/** Elements of the page. Texts become text nodes and never markup, whatever stands in them. */
/// <reference lib="dom" />

/** Finds an element of the page. */
export function find<Found extends HTMLElement>(id: string): Found {
  return document.getElementById(id) as Found;
}

/** Makes an element with attributes and contents. */
export function make(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  ...contents: readonly (Node | string)[]
): HTMLElement {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...contents);
  return element;
}

/** Makes a label's name, which may run from right to left in a line that does not. */
export const named = (label: string): HTMLElement => make("bdi", {}, label);

/** Writes a share in percent. */
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;

/** Writes a change of a probability in points, with its sign. */
export const points = (change: number): string =>
  `${change < 0 ? "−" : "+"}${(100 * Math.abs(change)).toFixed(1)}`;

/** Writes seconds as a person tells them. */
export function time(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 6000 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** Writes an amount and its noun: "1 text", "2 texts". */
export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** Makes a table of texts and numbers; all columns but the first are numbers. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  const line = (cells: readonly (Node | string)[]) =>
    make(
      "tr",
      {},
      ...cells.map((cell, n) =>
        n === 0 ? make("th", { scope: "row" }, cell) : make("td", { class: "number" }, cell)
      ),
    );
  return make(
    "div",
    { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
    make(
      "table",
      {},
      make("caption", {}, make("span", {}, caption)),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...head.map((text, n) => make("th", { scope: "col", class: n === 0 ? "words" : "number" }, text)),
        ),
      ),
      make("tbody", {}, ...rows.map(line)),
    ),
  );
}
