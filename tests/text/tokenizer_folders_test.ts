/** The ids of small model folders are those of transformers' AutoTokenizer, or the folder is refused. */
import { deepStrictEqual, doesNotMatch, match, ok, rejects } from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadTokenizer, type Tokenizer } from "../../lib/text/tokenizer.ts";
import { inFolder } from "../helpers/in_folder.ts";

interface Golden {
  texts: string[];
  folders: Record<string, { files: Record<string, string>; ids: number[][] }>;
}

const { texts, folders }: Golden = JSON.parse(
  await readFile(new URL("../golden/tokenizer_folders.json", import.meta.url), "utf8"),
);

/** Folders that are refused, with the reason. */
const refused: Record<string, RegExp> = {
  "json is cased, config is silent":
    /tokenizer\.json as it says "do_lower_case": false, and tokenizer_config\.json,/,
  "json keeps accents, config is silent": /tokenizer\.json as it says "strip_accents": false, and/,
};

/** The one folder read otherwise, as the vocabulary is cased and nothing says that texts are to be lower-cased. */
const capitals = "vocab with capitals alone";

function load(files: Readonly<Record<string, string | Uint8Array>>): Promise<Tokenizer> {
  return inFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return await loadTokenizer(folder);
  });
}

Deno.test("there are at least 25 folders and 60 texts", () => {
  ok(Object.keys(folders).length >= 25 && texts.length >= 60);
});

Deno.test("a vocabulary with capitals is cased, whatever its folder is called; a note says so", async () => {
  const tokenizer = await load(folders[capitals]!.files);
  texts.forEach((text, index) => {
    deepStrictEqual([...tokenizer.encode(text)], folders["vocab, cased"]!.ids[index], JSON.stringify(text));
  });
  match(
    tokenizer.notes.join("\n"),
    /^.* does not say whether it is cased: .* has capitals, .*"do_lower_case" is false/,
  );
});

Deno.test("tokenizers of other classes are refused by name", async () => {
  const { "vocab alone": vocab, "json alone": json } = folders;
  const config = (entries: object) => ({ "tokenizer_config.json": JSON.stringify(entries) });
  const japanese = { tokenizer_class: "BertJapaneseTokenizer" };
  const refuse = (files: Record<string, string>, message: RegExp) =>
    rejects(load(files), (error: Error) => error.name === "InputError" && message.test(error.message));
  const named = (file: string, name: string) =>
    new RegExp(`${file} as its "tokenizer_class" is ${name}: expected Bert`);
  for (const { files } of [vocab!, json!]) {
    await refuse(
      { ...files, ...config(japanese) },
      named("tokenizer_config\\.json", "BertJapaneseTokenizer"),
    );
    await refuse(
      { ...files, ...config({ tokenizer_class: "MyTokenizer" }) },
      named("tokenizer_config\\.json", "MyTokenizer"),
    );
    await refuse(
      { ...files, "config.json": JSON.stringify(japanese) },
      named("/config\\.json", "BertJapaneseTokenizer"),
    );
    await refuse(
      { ...files, ...config({ auto_map: { AutoTokenizer: ["a.B", null] } }) },
      /"auto_map" names code/,
    );
  }
  await refuse(
    { ...vocab!.files, ...config({ tokenizer_class: "PreTrainedTokenizerFast" }) },
    /neither tokenizer\.json nor/,
  );
});

Deno.test("files that contradict each other get a note", async () => {
  const notes = async (name: string) => (await load(folders[name]!.files)).notes.join("\n");
  match(
    await notes("json lower-cases, config does not"),
    /tokenizer\.json has its own "lowercase": left out/,
  );
  match(await notes("json with other limits"), /its own "clean_text", "max_input_chars_per_word": left out/);
  match(
    await notes("json and another vocab"),
    /vocab\.txt has other pieces than tokenizer\.json, which counts\.$/,
  );
  deepStrictEqual(await notes("json and vocab"), "");
  // Records keep the notes, and are published.
  const noted = [
    "json lower-cases, config does not",
    "json with other limits",
    "json and another vocab",
    capitals,
  ];
  for (const name of noted) doesNotMatch(await notes(name), /bertlab-test/, name);
});

for (const [name, { files, ids }] of Object.entries(folders)) {
  if (name === capitals) continue;
  Deno.test(`ids are those of AutoTokenizer: ${name}`, async () => {
    const reason = refused[name];
    const tokenizer = await load(files).catch((error: Error) => {
      if (!reason) throw error;
      ok(error.name === "InputError" && reason.test(error.message), error.message);
    });
    if (!tokenizer) return;
    ok(!reason, "it is refused");
    const again = await load(tokenizer.files);
    texts.forEach((text, index) => {
      deepStrictEqual([...tokenizer.encode(text)], ids[index], JSON.stringify(text));
      deepStrictEqual([...again.encode(text)], ids[index], `saved and loaded again: ${JSON.stringify(text)}`);
    });
    deepStrictEqual(again.notes, [], "a saved folder does not contradict itself");
    deepStrictEqual([again.files, again.ids, again.vocabSize], [
      tokenizer.files,
      tokenizer.ids,
      tokenizer.vocabSize,
    ]);
  });
}
