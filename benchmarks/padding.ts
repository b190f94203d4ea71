/**
 * Tokens and pairs of places that training computes for each that it needs: with each text padded to the maximum
 * length, and with the texts of a batch packed.
 */
import { resolveModel } from "../lib/bert/models.ts";
import { dataset, embeddedNames } from "../lib/data/dataset.ts";
import { textStrategy } from "../lib/paper/long_text.ts";
import { readExamples } from "../lib/paper/reading.ts";
import { characterTokenizer, loadTokenizer } from "../lib/text/tokenizer.ts";
import { trainingBatches } from "../lib/training/batches.ts";
import { type EncodedExample, sequenceLengths } from "../lib/training/text_tensors.ts";

/** The tokens and pairs of places that four epochs of batches of 24 texts compute. */
export interface PackingMeasure {
  /** Tokens computed for each real one, padded to the maximum length. */
  readonly padded: number;
  /** Tokens computed for each real one, packed. */
  readonly packed: number;
  /** Different sizes of a packed batch: programs that are compiled. */
  readonly sizes: number;
  /** T, places of a packed row. */
  readonly T: number;
  /** Pairs of places, R T² of all rows, for each pair of tokens of one sequence. */
  readonly pairs: number;
}

/** Measures packed batches of texts. */
export function measurePacking(examples: readonly EncodedExample[], maxLength: number): PackingMeasure {
  const epochs = trainingBatches(examples, {
    batchSize: 24,
    maxLength,
    tokenizerIds: { cls: 0, sep: 0, pad: 0 },
  }, [1, 2, 3, 4]);
  const shapes = epochs.flatMap((epoch) => epoch.shapes);
  const lengths = examples.flatMap(sequenceLengths);
  const ofAll = (value: (length: number) => number) =>
    epochs.length * lengths.reduce((sum, length) => sum + value(length), 0);
  const real = ofAll((length) => length);
  return {
    padded: ofAll(() => maxLength) / real,
    packed: epochs.reduce((sum, { computed }) => sum + computed.tokens, 0) / real,
    sizes: new Set(shapes.map(({ S }) => S)).size,
    T: shapes[0]!.T,
    pairs: epochs.reduce((sum, { computed }) => sum + computed.pairs, 0) / ofAll((length) => length ** 2),
  };
}

/** Measures every embedded data set; returns the numbers for the history. */
export async function benchPadding(
  { say }: { say: (line: string) => void },
): Promise<Record<string, PackingMeasure>> {
  const results: Record<string, PackingMeasure> = {};
  for (const name of embeddedNames) {
    const data = await dataset(name);
    const texts = data.train.map(({ text }) => text);
    const tokenizer = data.language === "zh"
      ? characterTokenizer(texts)
      : await loadTokenizer(await resolveModel("minilm"));
    const ids = new Map(texts.map((text) => [text, tokenizer.encode(text)]));
    for (const maxLength of [64, 128, 512]) {
      const examples = readExamples(data.train, {
        tokenizer: { encode: (text: string) => ids.get(text)! },
        text: textStrategy("head+tail"),
        maxLength,
      });
      const measure = measurePacking(examples, maxLength);
      const { padded, packed, sizes, T, pairs } = measure;
      const label = `${name}, ${maxLength}`;
      say(
        `${label}: ${padded.toFixed(2)} tokens a real token padded, ${
          packed.toFixed(3)
        } packed in lists of ${sizes} ` +
          `sizes; rows of ${T}, ${pairs.toFixed(2)} pairs of places a pair of tokens`,
      );
      results[label] = measure;
    }
  }
  return results;
}
