import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { characterTokenizer, loadTokenizer, type Tokenizer } from "../../lib/text/tokenizer.ts";
import { inFolder } from "../helpers/in_folder.ts";

interface Golden {
  vocabulary: string[];
  cases: [text: string, ids: number[]][];
}

async function golden(name: string): Promise<Golden> {
  return JSON.parse(await readFile(new URL(`../golden/wordpieces/${name}.json`, import.meta.url), "utf8"));
}

/** Runs with a folder of these files, named as a model would be. */
async function withFolder<Result>(
  files: Readonly<Record<string, string | Uint8Array>>,
  run: (folder: string) => Promise<Result>,
  name = "model",
): Promise<Result> {
  return await inFolder(async (parent) => {
    const folder = join(parent, name);
    await mkdir(folder);
    for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content);
    return await run(folder);
  });
}

const uncased = await golden("uncased");
const cased = await golden("cased");
const vocabularyFile = (pieces: string[]) => pieces.join("\n") + "\n";

function assertGolden(tokenizer: Tokenizer, { vocabulary, cases }: Golden): void {
  const named = (ids: Iterable<number>) => Array.from(ids, (id) => vocabulary[id]);
  for (const [text, ids] of cases) {
    assert.deepEqual(named(tokenizer.encode(text)), named(ids), JSON.stringify(text));
  }
}

Deno.test("wordpieces are those of Hugging Face's tokenizers: lower-casing", async () => {
  assert.ok(uncased.cases.length >= 45);
  const tokenizer = await withFolder({ "vocab.txt": vocabularyFile(uncased.vocabulary) }, loadTokenizer);
  assertGolden(tokenizer, uncased);
  assertGolden(tokenizer, uncased); // remembered words too
});

Deno.test("wordpieces are those of Hugging Face's tokenizers: cased", async () => {
  const vocabulary = vocabularyFile(cased.vocabulary);
  const config = { "vocab.txt": vocabulary, "tokenizer_config.json": '{"do_lower_case": false}' };
  assertGolden(await withFolder(config, loadTokenizer), cased);
});

Deno.test("a folder with only vocab.txt lower-cases unless its vocabulary has capitals, whatever its name", async () => {
  const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "A"];
  const encoded = (name: string, files: Record<string, string> = {}) =>
    withFolder({ "vocab.txt": pieces.join("\r\n"), ...files }, async (folder) => {
      return [...(await loadTokenizer(folder)).encode("A")];
    }, name);
  assert.deepEqual(await encoded("bert-uncased"), [6]);
  assert.deepEqual(await encoded("bert-cased", { "tokenizer_config.json": '{"do_lower_case": true}' }), [5]);
  pieces[6] = "b";
  assert.deepEqual(await encoded("showcased"), [5]);
  assert.deepEqual(await encoded("cased", { "tokenizer_config.json": '{"do_lower_case": false}' }), [1]);
});

Deno.test("a folder with only vocab.txt treats accents and Chinese characters as tokenizer_config.json says", async () => {
  const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "e", "é", "世", "界", "世界"];
  const encoded = (config: Record<string, unknown>, text: string) => {
    const files = { "vocab.txt": pieces.join("\n"), "tokenizer_config.json": JSON.stringify(config) };
    return withFolder(files, async (folder) => [...(await loadTokenizer(folder)).encode(text)]);
  };
  assert.deepEqual(await encoded({}, "É"), [5]);
  assert.deepEqual(await encoded({ strip_accents: null }, "É"), [5]);
  assert.deepEqual(await encoded({ strip_accents: false }, "É"), [6]);
  assert.deepEqual(await encoded({ do_lower_case: false }, "é"), [6]);
  assert.deepEqual(await encoded({ do_lower_case: false, strip_accents: true }, "é"), [5]);
  assert.deepEqual(await encoded({}, "世界"), [7, 8]);
  assert.deepEqual(await encoded({ tokenize_chinese_chars: false }, "世界"), [9]);
});

Deno.test("truncation and padding of tokenizer.json are neither used nor saved", async () => {
  const made = characterTokenizer(["abc"]);
  const json = JSON.parse(made.files["tokenizer.json"] as string);
  json.truncation = { max_length: 2, strategy: "LongestFirst", stride: 0, direction: "Right" };
  json.padding = {
    strategy: { Fixed: 8 },
    direction: "Right",
    pad_id: 0,
    pad_type_id: 0,
    pad_token: "[PAD]",
  };
  const files = { ...made.files, "tokenizer.json": JSON.stringify(json) };
  const loaded = await withFolder(files, loadTokenizer);
  assert.equal(loaded.encode("abc abc").length, 6);
  const saved = JSON.parse(loaded.files["tokenizer.json"] as string);
  assert.deepEqual([saved.truncation, saved.padding], [null, null]);
});

Deno.test("saved files give the same tokenizer again", async () => {
  const first = await withFolder({ "vocab.txt": vocabularyFile(uncased.vocabulary) }, loadTokenizer);
  assert.deepEqual(Object.keys(first.files).sort(), ["tokenizer.json", "tokenizer_config.json", "vocab.txt"]);
  const second = await withFolder(first.files, loadTokenizer);
  assertGolden(second, uncased);
  assert.deepEqual(second.ids, first.ids);
  assert.equal(second.vocabSize, uncased.vocabulary.length);
  assert.deepEqual(second.files, first.files);
});

Deno.test("texts of any kind: lone surrogates, a megabyte without and with blanks", async () => {
  const tokenizer = await withFolder({ "vocab.txt": vocabularyFile(uncased.vocabulary) }, loadTokenizer);
  assert.deepEqual(tokenizer.encode("a\ud800 \udc00b\udfff"), tokenizer.encode("a b"));
  assert.deepEqual(tokenizer.encode("\ud83d"), new Int32Array(0));
  assert.deepEqual(tokenizer.encode("x".repeat(1_000_000)), Int32Array.of(tokenizer.ids.unk));
  const words = tokenizer.encode("hello, world! ".repeat(80_000));
  assert.deepEqual(words.subarray(-4), tokenizer.encode("hello, world!"));
  assert.equal(words.length, 320_000);
  assert.equal(tokenizer.encode("世界".repeat(500_000)).length, 1_000_000);
});

Deno.test("a character vocabulary: special tokens, then the most frequent characters, in a fixed order", async () => {
  const made = characterTokenizer(["山山山水水", "ab山 b\u{20000}\u{20000}"], { maxVocabulary: 10 });
  const pieces = (made.files["vocab.txt"] as string).trim().split("\n");
  assert.deepEqual(pieces.slice(0, 5), ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
  assert.deepEqual(pieces.slice(5), ["山", "水", "\u{20000}", "##b", "a"]);
  assert.deepEqual(made.ids, { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  assert.equal(made.vocabSize, 10);
  assert.deepEqual([...made.encode("水山 火 AB b\u{20000}\u{20000}")], [6, 5, 1, 9, 8, 1, 7, 7]);
  const loaded = await withFolder(made.files, loadTokenizer);
  assert.deepEqual(loaded.encode("水山 火 AB"), made.encode("水山 火 AB"));
  assert.throws(() => characterTokenizer([""], { maxVocabulary: 5 }), RangeError);
});

Deno.test("errors name the folder and what is missing", async () => {
  const load = (files: Record<string, string>) => withFolder(files, loadTokenizer);
  await assert.rejects(load({}), {
    name: "InputError",
    message:
      /^Cannot load the tokenizer of .*model: found neither tokenizer\.json nor vocab\.txt; put the files/,
  });
  await assert.rejects(
    load({ "tokenizer.json": "{" }),
    /^InputError: Cannot read .*tokenizer\.json as it is not JSON: /,
  );
  const json = JSON.parse(characterTokenizer(["a"]).files["tokenizer.json"] as string);
  json.model.type = "BPE";
  await assert.rejects(
    load({ "tokenizer.json": JSON.stringify(json) }),
    /tokenizer\.json as "model\.type" is not WordPiece: found "BPE"; .* only BERT's are read$/,
  );
  await assert.rejects(
    load({ "vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n" }),
    /its vocabulary has no \[MASK\]; take/,
  );
});
