import assert from "node:assert/strict";
import { learnWordpieces } from "../../lib/text/wordpiece_vocabulary.ts";
import { Random } from "../../lib/random.ts";
import { vocabularyTokenizer } from "../../lib/text/tokenizer.ts";

const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

/** The corpus of Sennrich et al. 2016. */
const corpus = ["low ".repeat(5) + "Lower lower", "newest ".repeat(6), "widest widest widest."];

Deno.test("the pieces of a tiny corpus, in the order in which they are learnt", () => {
  const pieces = learnWordpieces(corpus);
  const characters = [".", "d", "e", "i", "l", "n", "o", "r", "s", "t", "w"];
  const inside = characters.slice(1).map((character) => `##${character}`);
  assert.deepEqual(pieces.slice(0, 26), [...specials, ...characters, ...inside]);
  // counts 9, 9, 7, 7, 6, 6, 6, 3, 3, 3, 2, 2; among equals the pair of the earlier pieces
  assert.deepEqual(
    pieces.slice(26),
    ["##es", "##est", "lo", "low", "ne", "##west", "newest", "wi", "##dest", "widest", "##er", "lower"],
  );
});

Deno.test("the tokenizer of the pieces reads words whole, spells unknown ones, and knows the special tokens", () => {
  const pieces = learnWordpieces(corpus);
  const tokenizer = vocabularyTokenizer(pieces);
  const read = (text: string) => Array.from(tokenizer.encode(text), (id) => pieces[id]);
  assert.equal(tokenizer.vocabSize, pieces.length);
  assert.deepEqual(tokenizer.ids, { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  assert.deepEqual(read("Newest, LOWER."), ["newest", "[UNK]", "lower", "."]);
  assert.deepEqual(read("slowest tot"), ["s", "##l", "##o", "##west", "t", "##o", "##t"]);
  assert.equal(tokenizer.files["vocab.txt"], pieces.join("\n") + "\n");
});

Deno.test("each text is spelt as it was, by pieces of the vocabulary only", () => {
  const random = new Random(1);
  const syllables = ["ka", "lo", "mi", "strä", "é", "中", "x9", "-", "Öl"];
  const word = () => Array.from({ length: 1 + random.below(4) }, () => syllables[random.below(9)]).join("");
  const texts = Array.from({ length: 200 }, () => Array.from({ length: 20 }, word).join(" "));
  const pieces = learnWordpieces(texts, { maxVocabulary: 300 });
  assert.equal(pieces.length, 300);
  assert.equal(new Set(pieces).size, 300);
  const tokenizer = vocabularyTokenizer(pieces);
  for (const text of texts) {
    const spelt = Array.from(tokenizer.encode(text), (id) => pieces[id]!.replace(/^##/, "")).join("");
    assert.equal(spelt, text.toLowerCase().normalize("NFD").replaceAll(/[\u0300-\u036f\s]/g, ""));
  }
});

Deno.test("the order of the texts does not matter", () => {
  const words = corpus.flatMap((text) => text.split(" "));
  assert.deepEqual(learnWordpieces(new Random(2).shuffle(words)), learnWordpieces(corpus));
});

Deno.test("limits: the vocabulary, rare pairs, characters, long words", () => {
  assert.deepEqual(learnWordpieces(corpus, { maxVocabulary: 28 }), learnWordpieces(corpus).slice(0, 28));
  assert.deepEqual(learnWordpieces(corpus, { minCount: 8 }).slice(26), ["##es", "##est"]);
  assert.deepEqual(learnWordpieces(["ab ab abc ! ! !"], { maxCharacters: 3 }), [
    ...specials,
    ..."!ab",
    "##a",
    "##b",
    "ab",
  ]);
  const short = learnWordpieces(["ab ab abc ! ! !"], { maxVocabulary: 9 }); // "b" and "##b" do not both fit
  assert.deepEqual(short, [...specials, "!", "a", "##a"]);
  assert.deepEqual(learnWordpieces(["a".repeat(101) + " b"]), [...specials, "b"]);
  assert.deepEqual(learnWordpieces([]), specials);
  assert.throws(() => learnWordpieces([], { maxVocabulary: 5 }), RangeError);
});

Deno.test("a vocabulary of thousands is learnt from a million letters", () => {
  const random = new Random(3);
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const letter = () => letters[Math.floor(26 * random.uniform() ** 2)]!;
  const words = Array.from(
    { length: 20_000 },
    () => Array.from({ length: 2 + random.below(8) }, letter).join(""),
  );
  const text = Array.from({ length: 200_000 }, () => words[Math.floor(20_000 * random.uniform() ** 3)]).join(
    " ",
  );
  assert.equal(learnWordpieces([text], { maxVocabulary: 4000 }).length, 4000);
});
