/** Tests of a page of a small trained model in a browser, and of tables that it labels. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Classifier } from "../../lib/classifier/classifier.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { classifierOf } from "../../lib/classifier/tested.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { showClassifier } from "../../lib/notebook/show_classifier.ts";
import { exportPage } from "../../lib/page/export_page.ts";
import { servePage } from "../../lib/page/serve.ts";
import { Random } from "../../lib/random.ts";
import { readTable } from "../../lib/tables/table.ts";
import type { Browser } from "../../scripts/devtools.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { type ClassifierKind, trainedClassifier } from "../classifier/trained_classifier.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";
import { browserIfThere, OpenPage } from "./browser_page.ts";

/** Runs a test with a page of a small trained model in a browser; nothing may fail on it or be asked of others. */
export const onPage = (name: string, kind: ClassifierKind, check: (at: Place) => Promise<void>) =>
  test.slow(name, () =>
    inFolder(async (folder) => {
      await using browser = await browserIfThere(name);
      if (!browser) return;
      const [model, output] = [join(folder, "trained"), join(folder, "page")];
      await saveClassifier(model, await trainedClassifier(kind));
      await exportPage(model, output);
      await using server = await servePage(output);
      const page = await OpenPage.open(browser, server.url);
      await check({
        folder,
        model,
        browser,
        page,
        url: server.url,
        stop: () => server[Symbol.asyncDispose](),
      });
      page.requireQuiet(server.url);
    }));

/** Runs a test with the box of a cell of a notebook in a browser, which answers for a small trained model. */
export const onCell = (
  name: string,
  kind: ClassifierKind,
  check: (at: { readonly page: OpenPage; readonly classifier: Classifier }) => Promise<void>,
) =>
  test.slow(name, async () => {
    await using browser = await browserIfThere(name);
    if (!browser) return;
    const engine = await referenceEngine();
    const classifier = classifierOf(await trainedClassifier(kind), { engine });
    const shown = await showClassifier(classifier, { answer: true });
    const { "text/html": html } = await shown[jupyterDisplay]();
    const headers = { "content-type": "text/html; charset=utf-8" };
    await using server = Deno.serve({ port: 0, onListen: () => {} }, () => new Response(html, { headers }));
    const address = `http://127.0.0.1:${server.addr.port}/`;
    const page = await OpenPage.open(browser, address, "document.querySelector('button')");
    await check({ page, classifier });
    assert.deepEqual(page.faults, []);
    await classifier.dispose();
    engine.dispose();
  });

export interface Place {
  readonly folder: string;
  readonly model: string;
  readonly browser: Browser;
  readonly page: OpenPage;
  readonly url: string;
  stop(): PromiseLike<void>;
}

/** Texts of many lengths, with what a table has to quote. */
export function manyTexts(count: number): string[] {
  const random = new Random(4);
  return Array.from({ length: count }, (_, n) => {
    const words = Array.from(
      { length: 1 + random.below(40) },
      () => "bdgkmnpt"[random.below(8)]! + "oue"[random.below(3)]!,
    );
    if (n % 50 === 1) words.splice(1, 0, '", "', "\n");
    return n % 100 === 99 ? "" : words.join(" ");
  });
}

export const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;

/** Reads a cell of probabilities: one, several with ";" between or as a list, or none. */
const numbersOf = (cell: string) => cell.replaceAll(/[[\]]/g, "").split(/[;,]/).filter(Boolean).map(Number);

/** Makes sure that a saved table is predict's but for rounding. */
async function requireSame(saved: string, predicted: string): Promise<void> {
  const [found, expected] = [await readTable(saved), await readTable(predicted)];
  assert.deepEqual(found.columns, expected.columns);
  assert.equal(found.rows.length, expected.rows.length);
  expected.rows.forEach(({ values }, n) => {
    for (const [column, value] of values) {
      const own = found.rows[n]!.values.get(column)!;
      if (!/^probabilit(y|ies)/.test(column)) {
        assert.equal(own, value, `row ${n}, ${column}`);
        continue;
      }
      const numbers = numbersOf(value);
      assert.equal(numbersOf(own).length, numbers.length, `row ${n}, ${column}`);
      numbersOf(own).forEach((number, place) =>
        assert.ok(Math.abs(number - numbers[place]!) < 1e-4, `row ${n}, ${column}: ${own} and ${value}`)
      );
    }
  });
}

/** Labels a table on the page and by predict, and compares. */
export async function sameTable(
  { folder, model, page }: Place,
  { name, content, columns }: { readonly name: string; readonly content: string; readonly columns: string },
): Promise<void> {
  const [input, saved, predicted] = [
    join(folder, name),
    join(folder, `saved ${name}`),
    join(folder, `predicted ${name}`),
  ];
  await writeFile(input, content);
  await page.choose(input);
  await page.value(`document.getElementById("each").checked = true`);
  await mkdir(saved + ".d");
  const { name: given, content: own } = await page.save(saved + ".d");
  assert.equal(given, name.replace(/\.(\w+)$/, " labelled.$1"));
  await writeFile(saved, own);
  const { code, error } = await runInTest(
    predictCommand,
    ...[
      "--model",
      model,
      "--input",
      input,
      "--output",
      predicted,
      "--text-column",
      columns,
      "--probabilities",
    ],
    ...["--engine", "reference"],
  );
  assert.equal(code, 0, error);
  await requireSame(saved, predicted);
}
