/** Tokens computed for each real token: all batches at the maximum length, against batches of texts of like length. */
import { encodeExamples, paddingStatistics, trainingBatches } from "../lib/training/batches.ts";
import { dataset, embeddedNames } from "../lib/data/dataset.ts";
import { resolveModel } from "../lib/bert/models.ts";
import { textStrategy } from "../lib/paper/long_text.ts";
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
      const { pieces } = textStrategy(strategy);
      const examples = encodeExamples(
        data.train,
        ({ text }) => ({ pieces: pieces(ids.get(text)!, maxLength) }),
      );
      const batches = trainingBatches(examples, {
        batchSize: 16,
        maxLength,
        tokenizerIds: tokenizer.ids,
        key: 1,
      });
      const { bucketed, padded, shapes } = paddingStatistics(examples, batches, maxLength);
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
