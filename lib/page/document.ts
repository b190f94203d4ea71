/** The page as an HTML document: two boxes, and the model's card. */
import { type Fragment, html } from "../report/html.ts";
import { shell } from "../report/page.ts";

/**
 * What the page may load and do: files of its own folder, and nothing from anywhere else. WebAssembly is compiled, no
 * text is run. In a worker the same holds where the server sends it as a header, as `deno task serve` does.
 */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** The contents of a page. */
export interface PageContents {
  /** Name of the model. */
  readonly name: string;
  /** `true` if the texts are pairs. */
  readonly pairs: boolean;
  /** Number of labels. */
  readonly labels: number;
  /** `true` if a text may have several labels. */
  readonly multiLabel: boolean;
  /** The card. */
  readonly card: Fragment;
}

/** Writes index.html. */
export function pageDocument({ name, pairs, labels, multiLabel, card }: PageContents): string {
  const box = (id: string, label: string) =>
    html`<p><label for="${id}">${label}</label>
<textarea id="${id}" dir="auto" rows="5" spellcheck="false"></textarea></p>`;
  const head = html`<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">
<meta name="referrer" content="no-referrer">
<link rel="stylesheet" href="page.css">
<script type="module" src="page.js"></script>`;
  return shell(
    name,
    head,
    html`
      <a class="skip" href="#main">Skip to the content</a>
      <main id="main" tabindex="-1">
        <h1><bdi>${name}</bdi></h1>
        <p class="lead">A classifier of ${pairs
          ? "pairs of texts"
          : "texts"} with ${labels} labels${multiLabel &&
          ", several of which a text may have"}. It runs in this browser: no
      text leaves this machine.</p>
        <p id="state"
          role="status">This page needs scripts, a browser of 2025 or later, and a server, as browsers start no worker
      from a file: <code>deno task serve FOLDER</code>, or any host of files.</p>
        <progress id="loading" max="1" value="0" aria-label="Loading the model" hidden></progress>

        <div class="${multiLabel ? "columns several" : "columns"}">
          <div>
            <section aria-labelledby="text-heading">
              <h2 id="text-heading">${pairs ? "A pair of texts" : "A text"}</h2>
              <form id="form">
                <fieldset disabled>
      <legend class="unseen">${pairs ? "The pair" : "The text"} to label</legend>
      ${pairs ? [box("text", "First text"), box("pair", "Second text")] : box("text", "Text")}
      <p><button type="submit">Label it</button></p>
                </fieldset>
              </form>
              <p id="text-state" role="status"></p>
              <div id="result"></div>
              <div id="why-box" hidden>
                <fieldset>
                  <legend class="unseen">Explanation</legend>
                  <p><button type="button" id="why">Which words decided?</button>
      <label for="why-label">for the label</label> <select id="why-label" dir="auto"></select></p>
                </fieldset>
                <div id="explanation"></div>
              </div>
            </section>

            <section aria-labelledby="table-heading">
              <h2 id="table-heading">A table</h2>
              <fieldset disabled id="drop">
                <legend class="unseen">The table to label</legend>
                <p><label for="file">A CSV, TSV or JSON Lines file, chosen or dropped here:</label></p>
                <p><input type="file" id="file" accept=".csv,.tsv,.tab,.txt,.jsonl,.ndjson,.json,.gz"></p>
              </fieldset>
              <p id="table-state" role="status"></p>
              <fieldset id="table-options" hidden>
                <legend class="unseen">How the table is labelled</legend>
                <div id="columns"></div>
                <p><input type="checkbox" id="each"> <label for="each">a column for the probability of each label</label></p>
                <p><input type="checkbox" id="safe"> <label for="safe">for a spreadsheet: an apostrophe before what begins as a formula
      does (CSV and TSV)</label></p>
                ${multiLabel &&
                  html`<p><label for="separator">Between several labels of a row (CSV and TSV)</label>
                <input id="separator" value=";" size="3"></p>`}
                <p><button type="button" id="label">Label all rows</button>
      <button type="button" id="cancel" hidden>Cancel</button></p>
                <progress id="progress" max="1" value="0" aria-label="Labelling the table" hidden></progress>
              </fieldset>
              <div id="saved"></div>
            </section>
          </div>

          <section aria-labelledby="card-heading">
      <h2 id="card-heading">The model's card</h2>
      ${card}
          </section>
        </div>
      </main>
      <footer>
        <p>Made by bertlab (MIT). It runs with ONNX Runtime Web (MIT, Microsoft), tokenizers (Apache-2.0, Hugging Face),
      csv-stringify and valibot (MIT).</p>
      </footer>
    `,
  );
}
