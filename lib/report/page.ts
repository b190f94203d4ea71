/** The common parts of all pages: the frame with its landmarks, tables, and lists. */
import { type Fragment, html, type Markup } from "./html.ts";

/** A page of a report. */
export interface Page {
  /** The title for the browser's tab and for search results. */
  readonly title: string;
  /** Name of the file, such as `table2.html`. */
  readonly file: string;
  /** The content between header and footer. */
  readonly main: Fragment;
}

/** The common frame of a report's pages. */
export interface Frame {
  /** Names of the pages in the navigation, by file. */
  readonly pages: Readonly<Record<string, string>>;
  /** Content at the end of each page. */
  readonly footer: Fragment;
}

/** Writes a page as an HTML document that needs nothing outside its folder. */
export function document({ title, file, main }: Page, { pages, footer }: Frame): string {
  const links = Object.entries(pages).map(([target, name]) =>
    html`<li><a href="${target}" aria-current="${target === file ? "page" : "false"}">${name}</a></li>`
  );
  return shell(
    title,
    html`<link rel="stylesheet" href="report.css">
<script src="plotly.min.js" defer></script>
<script src="charts.js" defer></script>`,
    html`
      <a class="skip" href="#main">Skip to the content</a>
      <header>
        <nav aria-label="Pages of this report">
          <ul>${links}</ul>
        </nav>
      </header>
      <main id="main" tabindex="-1">
      ${main}
      </main>
      <footer>${footer}</footer>
    `,
  );
}

/** Writes a page that leads to another one at once. */
export function redirect(title: string, target: string): string {
  return shell(
    title,
    html`<meta http-equiv="refresh" content="0; url=${target}">`,
    html`
      <main>
        <h1>${title}</h1>
        <p><a href="${target}">${title}</a></p>
      </main>
    `,
  );
}

/** Writes a whole HTML document from the contents of its head and its body. */
export function shell(title: string, head: Fragment, body: Fragment): string {
  return html`
    <!DOCTYPE html>
    <html lang="en">
      <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title}</title>
    <link rel="icon" href="data:,">
    ${head}
      </head>
      <body>
    ${body}
      </body>
    </html>
  `.text.trim() + "\n";
}

/** A table to show. */
export interface DataGrid {
  /** The caption above the table, also its name for a screen reader. */
  readonly caption: string;
  /** Headings of the columns. */
  readonly head: readonly Fragment[];
  /** The lines; the first cell of each is its heading. */
  readonly rows: readonly (readonly Fragment[])[];
  /** Number of columns on the left that are text (default 1); the others are numbers, aligned to the right. */
  readonly texts?: number;
  /** Further columns that are text, by their places from 0. */
  readonly words?: readonly number[];
}

/** Writes a table in a box of its own, which scrolls if the screen is too narrow; nothing if it has no lines. */
export function grid({ caption, head, rows, texts = 1, words = [] }: DataGrid): Fragment {
  if (rows.length === 0) return null;
  const kind = (column: number) => column >= texts && !words.includes(column) ? "number" : "words";
  const line = (row: readonly Fragment[]) =>
    html`<tr>${
      row.map((cell, n) =>
        n === 0 ? html`<th scope="row">${cell}</th>` : html`<td class="${kind(n)}">${cell}</td>`
      )
    }</tr>\n`;
  return html`
    <div class="scroll" role="region" tabindex="0" aria-label="${caption}">
      <table>
        <caption><span>${caption}</span></caption>
        <thead>
          <tr>${head.map((cell, n) => html`<th scope="col" class="${kind(n)}">${cell}</th>`)}</tr>
        </thead>
        <tbody>
        ${rows.map(line)}
        </tbody>
      </table>
    </div>
  `;
}

/** Writes a list of sentences; nothing if there are none. */
export const list = (items: readonly Fragment[]): Fragment =>
  items.length > 0 && html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>\n`;

/** Writes content that is folded under its summary until a reader opens it. */
export const folded = (summary: string, content: Fragment): Markup =>
  html`<details><summary>${summary}</summary>\n${content}</details>\n`;

/** Writes a time to the minute: "2026-11-22 20:19 UTC". */
export const minute = (date: Date): string => `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
