import assert from "node:assert/strict";
import { readParts } from "../../lib/classifier/read_parts.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import { characterTokenizer } from "../../lib/text/tokenizer.ts";

/** Every word is two pieces: "b" and "##e". */
const text = Array.from({ length: 12 }, (_, n) => "bdgkmnptsfvw"[n] + "e").join(" ");
const tokenizer = characterTokenizer([text, "中文"]);
const parts = (given: string, name: string, maxFractions = 2) => {
  const read = readParts(given, { tokenizer, text: textStrategy(name, { maxFractions }), maxLength: 8 });
  return {
    ...read,
    parts: read.parts.map(({ start, end, fraction }) => [given.slice(start, end), fraction]),
  };
};

Deno.test("the parts of a text that is cut are those whose wordpieces are kept", () => {
  assert.deepEqual(parts(text, "head"), {
    ...{ wordpieces: 24, read: 6, fractions: 1 },
    parts: [["be de ge", 0], ["ke me ne pe te se fe ve we", undefined]],
  });
  assert.deepEqual(parts(text, "tail").parts, [["be de ge ke me ne pe te se", undefined], ["fe ve we", 0]]);
  assert.deepEqual(parts(text, "head+tail").parts, [["be", 0], ["de ge ke me ne pe te se fe", undefined], [
    "ve we",
    0,
  ]]);
});

Deno.test("the parts of a text that is read in fractions tell the fraction", () => {
  assert.deepEqual(parts(text, "hierarchical-max").parts, [
    ["be de ge", 0],
    ["ke me ne", 1],
    ["pe te se fe ve we", undefined],
  ]);
});

Deno.test("a Chinese text's parts are characters, and a short text is one part", () => {
  assert.deepEqual(parts("中文中文中文中文", "head").parts, [["中文中文中文", 0], ["中文", undefined]]);
  assert.deepEqual(parts("be de", "tail").parts, [["be de", 0]]);
  assert.deepEqual(parts("", "head").parts, []);
});
