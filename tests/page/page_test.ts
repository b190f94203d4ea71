import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { exportPage } from "../../lib/page/export_page.ts";
import { servePage } from "../../lib/page/serve.ts";
import { readTable } from "../../lib/tables/table.ts";
import { trainedClassifier } from "../classifier/trained_classifier.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { browserIfThere, OpenPage, type View, views } from "./browser_page.ts";
import { cell, manyTexts, onCell, onPage, sameTable } from "./on_page.ts";

onPage("a page labels 2,000 rows of a CSV as predict does", { text: "head+tail" }, async (at) => {
  const rows = manyTexts(2000).map((text, n) => `${n},${cell(text)}`);
  await sameTable(at, { name: "many.csv", content: `id,text\n${rows.join("\n")}\n`, columns: "text" });
  const { page, folder } = at;
  const expected = (await readTable(join(folder, "predicted many.csv"))).rows;
  for (const { values } of expected.filter(({ values }) => values.get("text") !== "").slice(0, 10)) {
    const found = await page.label(values.get("text")!);
    for (const [label, percent] of Object.entries(found)) {
      assert.ok(Math.abs(percent / 100 - Number(values.get(`probability_${label}`))) < 1e-4);
    }
  }
});

onPage(
  "a page that reads in fractions labels JSON Lines as predict does",
  { text: "hierarchical-mean" },
  async (at) => {
    const rows = manyTexts(100).map((text, id) => JSON.stringify({ text, id, more: { id } }));
    await sameTable(at, { name: "some.jsonl", content: rows.join("\n"), columns: "text" });
    const { page } = at;
    await page.label(manyTexts(8).join(" "));
    const said = await page.value(`document.querySelector("#result details").textContent`);
    assert.match(said, /wordpieces; the model reads 42 wordpieces in 3 fractions/);
  },
);

onPage("a page of pairs labels TSV as predict does", { pairs: true }, async (at) => {
  const rows = manyTexts(100).map((text, n) => `${cell(text)}\t${"bo mu be"} ${n}`);
  await sameTable(at, { name: "pairs.tsv", content: `text\tpair\n${rows.join("\n")}`, columns: "text,pair" });
  assert.deepEqual(Object.keys(await at.page.label("bo be", "mu mu")).sort(), ["neither", "o", "u"]);
});

onPage(
  "a page has no findings of axe-core, wide and narrow, light and dark",
  {},
  async ({ page, folder }) => {
    await page.label("bo ".repeat(30));
    await page.explain();
    await page.value(`for (const one of document.querySelectorAll("details")) one.open = true`);
    await writeFile(join(folder, "t.csv"), "text\nbo be\n");
    await page.choose(join(folder, "t.csv"));
    assert.deepEqual(await page.findings(), []);
    await page.value(`document.getElementById("text").value = "مرحبا بالعالم 你好"`);
    const { direction } = await page.value(
      `({ direction: getComputedStyle(document.getElementById("text")).direction })`,
    );
    assert.equal(direction, "rtl");
    for (const view of views as View[]) {
      await page.picture(
        join(folder, `${view.width} ${view.scheme}.png`),
        view,
      );
    }
  },
);

onPage("a long table is cancelled, and the page goes on", {}, async ({ page, folder }) => {
  const rows = manyTexts(20_000).map(cell);
  await writeFile(join(folder, "long.csv"), `text\n${rows.join("\n")}\n`);
  await page.choose(join(folder, "long.csv"));
  await page.value(`document.getElementById("label").click()`);
  await page.until(`document.getElementById("progress").value > 0`);
  await page.value(`document.getElementById("cancel").click()`);
  await page.until(`/^Cancelled/.test(document.getElementById("table-state").textContent)`);
  assert.equal(await page.value(`document.getElementById("download")`), null);
  assert.equal(Object.keys(await page.label("bo be")).length, 3);
});

onPage("a page opens again without its server", {}, async ({ browser, page, url, stop }) => {
  const before = await page.label("bo be mu");
  await page.value("navigator.serviceWorker.ready.then(() => true)"); // it has all files by then
  await stop();
  const again = await OpenPage.open(browser, url);
  assert.deepEqual(await again.label("bo be mu"), before);
  assert.deepEqual(again.faults, []);
});

onPage("a file that cannot be read is one sentence", {}, async ({ page, folder }) => {
  await writeFile(join(folder, "broken.csv"), 'text,label\n"a,b\n');
  assert.match(
    await page.choose(join(folder, "broken.csv")),
    /^Cannot read broken\.csv as the quotes in the row/,
  );
  await writeFile(join(folder, "x.parquet"), "PAR1");
  assert.match(
    await page.choose(join(folder, "x.parquet")),
    /^Cannot read x\.parquet on this page: save it as CSV/,
  );
});

test.slow("a browser without WebAssembly is told in a sentence", () =>
  inFolder(async (folder) => {
    await using browser = await browserIfThere("a page without WebAssembly");
    if (!browser) return;
    const [model, output] = [join(folder, "trained"), join(folder, "page")];
    await saveClassifier(model, await trainedClassifier({}));
    await exportPage(model, output);
    const script = join(output, "worker.js");
    await writeFile(script, `delete globalThis.WebAssembly;${await readFile(script, "utf8")}`);
    await using server = await servePage(output);
    const page = await OpenPage.open(browser, server.url);
    assert.equal(
      await page.text("state"),
      "Cannot run the model as this browser has no WebAssembly, or forbids it here",
    );
    assert.deepEqual(page.faults, []);
  }));

onCell("the box of a notebook's cell labels a text and marks its words", {}, async ({ page, classifier }) => {
  assert.doesNotMatch(await page.value("document.body.innerText"), /appears here/);
  await page.value(`document.querySelector("textarea").value = "bo mu"`);
  await page.value(`document.querySelector("button").click()`);
  await page.until(`document.querySelector("strong")`);
  const [found] = await classifier.classify(["bo mu"]);
  const percent = `${(100 * found!.probability).toFixed(1)} %`;
  assert.equal(
    await page.value(`document.querySelector("strong").textContent`),
    `${found!.label} ${percent}`,
  );
  await page.value(`document.querySelectorAll("button")[1].click()`);
  await page.until(`document.querySelector("[title$=points]")`);
  assert.equal(await page.value(`document.querySelectorAll("[title$=points]").length`), 2);
});

test.slow("hostile labels, texts, names of files and results change nothing on a page", () =>
  inFolder(async (folder) => {
    await using browser = await browserIfThere("a page of hostile labels");
    if (!browser) return;
    const evil = `<img src=x onerror="globalThis.evil=1">`;
    const hostile = [evil, `</script><script>globalThis.evil=1</script>`, `=HYPERLINK("http://x/")\u202e "'`];
    const run = await trainedClassifier({});
    const [model, output] = [join(folder, "trained"), join(folder, `page ${evil.replaceAll("/", "")}`)];
    const config = { ...run.model.config, id2label: { ...hostile }, label2id: undefined };
    const classes = hostile.map((label) => ({ label, precision: 1, recall: 1, f1: 1, count: 1 }));
    const split = { examples: 3, error_rate: 0, macro_f1: 1, ece: 0, ece_calibrated: 0, classes };
    await saveClassifier(model, { ...run, model: { ...run.model, config: config as never } }, 1, {
      "result.json": JSON.stringify({ model: evil, test: split }),
    });
    await exportPage(model, output);
    await using server = await servePage(output);
    const page = await OpenPage.open(browser, server.url);
    const text = `${evil} bo be`;
    assert.deepEqual(Object.keys(await page.label(text)).sort(), [...hostile].sort());
    await page.explain();
    const name = `${evil.replaceAll("/", "")}.csv`;
    await writeFile(join(folder, name), `text,${cell(evil)}\n${cell(text)},1\n`);
    assert.match(await page.choose(join(folder, name)), /1 row/);
    await mkdir(join(folder, "saved"));
    await page.value(`document.getElementById("safe").checked = true`);
    const { content } = await page.save(join(folder, "saved"));
    assert.ok(content.startsWith(`text,${cell(evil)},label,probability`), content);
    assert.deepEqual(await page.findings(), []);
    assert.equal(await page.value("globalThis.evil"), undefined);
    assert.equal(
      await page.value(`document.querySelectorAll("img, script:not([src]), [onerror]").length`),
      0,
    );
    page.requireQuiet(server.url);
    assert.ok((await readFile(join(output, "index.html"), "utf8")).includes("&lt;img src=x"));
  }));
