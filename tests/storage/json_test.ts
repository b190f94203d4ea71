import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  list,
  map,
  object,
  optional,
  parseJson,
  readJson,
  readJsonIfThere,
  text,
  whole,
} from "../../lib/storage/json.ts";
import { loadTokenizer, vocabularyTokenizer } from "../../lib/text/tokenizer.ts";
import { specialPieces } from "../../lib/text/tokenizer_files.ts";
import { inFolder } from "../helpers/in_folder.ts";

const shape = object<{ words: Readonly<Record<string, number>>; names?: readonly string[] }>({
  words: map(whole(0, 9)),
  names: optional(list(text)),
});

Deno.test("the error of a JSON file names it, the place, what was expected and found, and what to do", () => {
  const cases: [string, string][] = [
    ["[1]", "use it.json as it is not an object: found [1]"],
    ["{}", 'use it.json as "words" is missing'],
    [
      '{"words": {"constructor": 1.5}}',
      'use it.json as "words.constructor" is not a whole number from 0 to 9: found 1.5',
    ],
    [
      '{"words": {"__proto__": "3"}}',
      'use it.json as "words.__proto__" is not a whole number from 0 to 9: found "3"',
    ],
    ['{"words": {}, "names": ["a", null]}', 'use it.json as "names.1" is not a text: found null'],
    ['{"words": {"a": 1, "b": 2, "a": 1}}', 'use it.json as an object in it has two values of "a"'],
    [
      `{"words": {}, "other": ${"[".repeat(101)}${"]".repeat(101)}}`,
      "use it.json as it is nested 102 deep: expected at most 100",
    ],
    ["", "read it.json as it is not JSON: Unexpected end of JSON input"],
  ];
  for (const [content, why] of cases) {
    throws(() => parseJson(content, "it.json", shape, "write it again"), {
      name: "InputError",
      message: `Cannot ${why}; write it again`,
    });
  }
});

Deno.test("what fits is read as it stands, unknown fields and words of JavaScript included", () => {
  const content = '{"words": {"constructor": 1, "prototype": 2, "a\\"b{:": 3}, "more": [{"x": null}]}';
  deepStrictEqual(parseJson<unknown>(content, "it.json", shape), JSON.parse(content));
});

Deno.test("a file that is not UTF-8 is refused, one with a byte order mark is read, and none is none", () =>
  inFolder(async (folder) => {
    const path = join(folder, "it.json");
    strictEqual(await readJsonIfThere(path, shape, "write it"), undefined);
    await rejects(readJson(path, shape, "write it"), {
      name: "InputError",
      message: `Cannot read ${path} as there is no such file; write it`,
    });
    await writeFile(path, Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d));
    await rejects(readJson(path, shape, "write it"), /^InputError: Cannot read .*it\.json: .*; write it$/);
    await writeFile(path, '\ufeff{"words": {}}');
    deepStrictEqual(await readJson(path, shape, "write it"), { words: {} });
  }));

Deno.test("a word of a thousand characters takes as long for each of them as a short one", () =>
  inFolder(async (folder) => {
    const { files } = vocabularyTokenizer([...specialPieces, "a", "##a", "##aa"]);
    const json = JSON.parse(files["tokenizer.json"] as string);
    const load = async (most: number) => {
      json.model.max_input_chars_per_word = most;
      await writeFile(join(folder, "tokenizer.json"), JSON.stringify(json));
      await writeFile(
        join(folder, "tokenizer_config.json"),
        '{"tokenizer_class": "PreTrainedTokenizerFast"}',
      );
      return await loadTokenizer(folder);
    };
    const { encode } = await load(1000);
    strictEqual(encode("a".repeat(999)).length, 500);
    deepStrictEqual([...encode("a".repeat(1001))], [1]);
    // Each piece is looked for among the vocabulary's lengths alone; among the word's, this would take an hour.
    ok(encode(`${"a".repeat(1000)} `.repeat(1000)).length === 501 * 1000);
    await rejects(
      load(1e9),
      /"model\.max_input_chars_per_word" is not a whole number from 1 to 1000: found 1000000000/,
    );
  }));
