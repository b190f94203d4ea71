/**
 * Writes text_lengths.json: of each embedded data set, how many training texts have how many tokens, [CLS] and [SEP]
 * included, at most 512: [length, texts, length, texts, …].
 *
 * Run: deno run -A tests/golden/make_text_lengths.ts
 */
import { writeFile } from "node:fs/promises";
import { resolveModel } from "../../lib/bert/models.ts";
import { dataset, embeddedNames } from "../../lib/data/dataset.ts";
import { characterTokenizer, loadTokenizer } from "../../lib/text/tokenizer.ts";

const lengths: Record<string, number[]> = {};
for (const name of embeddedNames) {
  const data = await dataset(name);
  const texts = data.train.map(({ text }) => text);
  const tokenizer = data.language === "zh"
    ? characterTokenizer(texts)
    : await loadTokenizer(await resolveModel("minilm"));
  const counts = new Array<number>(513).fill(0);
  for (const text of texts) counts[Math.min(512, tokenizer.encode(text).length + 2)]!++;
  lengths[name] = [...counts.entries()].filter(([, texts]) => texts > 0).flat();
}
await writeFile(new URL("text_lengths.json", import.meta.url), JSON.stringify(lengths) + "\n");
