/** Tokens computed for each real token: all batches at the maximum length, against batches of texts of like length. */
import { trainingBatches } from "../lib/training/batches.ts";
import { dataset, embeddedNames } from "../lib/data/dataset.ts";
import { resolveModel } from "../lib/bert/models.ts";
import { textStrategy } from "../lib/paper/long_text.ts";
import { readExamples } from "../lib/paper/reading.ts";
import { characterTokenizer, loadTokenizer } from "../lib/text/tokenizer.ts";

/** Measures every embedded data set; returns the numbers for the history. */
export async function benchPadding(
  { say }: { say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const results: Record<string, unknown> = {};
  for (const name of embeddedNames) {
    const data = await dataset(name);
    const texts = data.train.map(({ text }) => text);
    const tokenizer = data.language === "zh"
      ? characterTokenizer(texts)
      : await loadTokenizer(await resolveModel("minilm"));
    const ids = new Map(texts.map((text) => [text, tokenizer.encode(text)]));
    for (
      const [strategy, maxLength] of [["head+tail", 128], ["head+tail", 512], [
        "hierarchical-mean",
        128,
      ]] as const
    ) {
      const tokenized = { encode: (text: string) => ids.get(text)! };
      const text = textStrategy(strategy);
      const examples = readExamples(data.train, { tokenizer: tokenized, text, maxLength });
      const batches = trainingBatches(examples, {
        batchSize: 16,
        maxLength,
        tokenizerIds: tokenizer.ids,
        key: 1,
      });
      const real = Array.from(batches).reduce((sum, { realTokens }) => sum + realTokens, 0);
      const sizes = batches.shapes.map(({ B, K, T }) => B * K * T);
      const bucketed = sizes.reduce((sum, size) => sum + size) / real;
      const fractions = Math.max(...batches.shapes.map(({ K }) => K));
      const padded = batches.length * batches.shapes[0]!.B * fractions * maxLength / real;
      const shapes = new Set(sizes).size;
      const label = `${name}, ${strategy}, ${maxLength}`;
      say(
        `${label}: ${bucketed.toFixed(2)} tokens a real token bucketed (${shapes} shapes), ${
          padded.toFixed(2)
        } padded; ` +
          `ratio ${(bucketed / padded).toFixed(3)}`,
      );
      results[label] = { bucketed, padded, shapes };
    }
  }
  return results;
}
