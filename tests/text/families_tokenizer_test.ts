/** Byte-level BPE and Unigram tokenizers against transformers' AutoTokenizer, and what is not read. */
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { continuationPieces, vocabularyOf } from "../../lib/paper/masked_words.ts";
import { readExamples } from "../../lib/paper/reading.ts";
import { textStrategy } from "../../lib/paper/long_text.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { sequence } from "../../lib/training/sequence_tensors.ts";
import { familyFolder, familyNames, loadGoldenFamily } from "../golden/families.ts";
import { inFolder } from "../helpers/in_folder.ts";

for (const family of familyNames) {
  Deno.test(`${family}: ids of texts and pairs are those of AutoTokenizer`, async () => {
    const { texts, encoded, pairs } = await loadGoldenFamily(family);
    const tokenizer = await loadTokenizer(familyFolder(family));
    ok(texts.length >= 60);
    const again = await inFolder(async (folder) => {
      for (const [name, content] of Object.entries(tokenizer.files)) {
        await writeFile(join(folder, name), content);
      }
      return await loadTokenizer(folder);
    });
    texts.forEach((text, index) => {
      deepStrictEqual([...tokenizer.encode(text)], encoded[index], JSON.stringify(text));
      deepStrictEqual(
        [...again.encode(text)],
        encoded[index],
        `saved and loaded again: ${JSON.stringify(text)}`,
      );
      deepStrictEqual([...tokenizer.encode(text)], encoded[index], `from memory: ${JSON.stringify(text)}`);
    });
    deepStrictEqual([again.files, again.ids, again.between], [
      tokenizer.files,
      tokenizer.ids,
      tokenizer.between,
    ]);
    const reading = { tokenizer, text: textStrategy("head"), maxLength: 40 };
    for (const { texts: [text, pair], ids } of pairs) {
      const [read] = readExamples([{ text, pair, label: 0 }], reading);
      deepStrictEqual(
        [...sequence(read!.pieces[0]!, read!.second, tokenizer.ids).ids],
        ids,
        `${text} | ${pair}`,
      );
    }
  });
}

Deno.test("a pair is cut so that both separators fit", async () => {
  const tokenizer = await loadTokenizer(familyFolder("roberta"));
  const [read] = readExamples([{ text: "a film ".repeat(20), pair: "bad ".repeat(20), label: 0 }], {
    ...{ tokenizer, text: textStrategy("head"), maxLength: 16 },
  });
  const { ids } = sequence(read!.pieces[0]!, read!.second, tokenizer.ids);
  deepStrictEqual([ids.length, ids[7], ids[8], ids[15]], [16, 2, 2, 2]);
});

Deno.test("words begin where the tokenizer's mark is", async () => {
  const tokenizer = await loadTokenizer(familyFolder("xlm-roberta"));
  const pieces = vocabularyOf(tokenizer);
  const inside = continuationPieces(pieces, tokenizer.wordStart);
  deepStrictEqual([tokenizer.wordStart, inside[pieces.indexOf("▁")]], ["▁", 0]);
  ok(pieces.some((piece, id) => inside[id] === 1 && /^\p{L}+$/u.test(piece)));
});

Deno.test("what is not read is refused by name", () =>
  inFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    const whole = JSON.parse(await readFile(join(familyFolder("roberta"), "tokenizer.json"), "utf8"));
    const config = JSON.parse(await readFile(join(familyFolder("roberta"), "tokenizer_config.json"), "utf8"));
    const refuse = async (changes: object, message: RegExp, settings: object = config) => {
      await writeFile(at("tokenizer.json"), JSON.stringify({ ...whole, ...changes }));
      await writeFile(at("tokenizer_config.json"), JSON.stringify(settings));
      await rejects(loadTokenizer(folder), (error: Error) => {
        match(error.message, message);
        return error.name === "InputError";
      });
    };
    await refuse({ normalizer: { type: "Nmt" } }, /its normalizer "Nmt" is not read; take/);
    await refuse({ pre_tokenizer: { type: "Digits" } }, /its pre-tokenizer "Digits" is not read; take/);
    await refuse(
      { model: { ...whole.model, byte_fallback: true } },
      /"model\.byte_fallback" is not false: found true/,
    );
    await refuse({ post_processor: null }, /its "post_processor" does not put <s> and <\/s> around a text/);
    await refuse({}, /its "tokenizer_class" is GPT2Tokenizer: expected Roberta/, {
      tokenizer_class: "GPT2Tokenizer",
    });
    await refuse({}, /its vocabulary has no \[CLS\]/, { ...config, cls_token: "[CLS]" });
    await refuse({}, /"auto_map" names code/, { ...config, auto_map: { AutoTokenizer: ["a.B", null] } });
  }));
