/** A data set described in a few lines: counts, classes, lengths. */
import { type Dataset, type Example, wholeText } from "./examples.ts";
import { oneLine } from "../printable.ts";
import { percent } from "../wording.ts";
import { aDataset, aTokenizer, requireArguments } from "../storage/arguments.ts";
import { optional, whole } from "../storage/json.ts";

/**
 * Describes a data set for a terminal or a notebook.
 *
 * @param data the data set
 * @param tokenizer if given, the training texts are encoded and their lengths in wordpieces are included
 * @param maxLength tokens of a sequence with [CLS] and [SEP]: the share of longer texts is included
 */
export function describe(
  data: Dataset,
  tokenizer?: { encode(text: string): Int32Array },
  maxLength = 512,
): string {
  requireArguments("describe", {
    data: [data, aDataset],
    tokenizer: [tokenizer, optional(aTokenizer)],
    maxLength: [maxLength, whole(1)],
  });
  const { name, language, train, dev, test, source, note, fingerprint } = data;
  const counts = [["train", train], ["dev", dev], ["test", test]] as const;
  const lines = [
    `${name} (${language}): ${source}`,
    counts.map(([split, examples]) => `${split} ${grouped(examples.length)}`).join(", "),
    `${data.labels.length} ${data.multiLabel ? "labels, several a text" : "classes"}: ${
      shares(data).join(", ")
    }`,
  ];
  if (tokenizer && train.length > 0) lines.push(lengths(train, tokenizer, maxLength));
  if (note) lines.push(note);
  lines.push(`fingerprint ${fingerprint.slice(0, 12)}`);
  return lines.map(oneLine).join("\n  ");
}

const grouped = (count: number) => count.toLocaleString("en-US");
/** Returns the classes' shares of the training texts. */
function shares({ labels, train }: Dataset): string[] {
  const counts = labels.map(() => 0);
  for (const { label, classes = [label] } of train) for (const c of classes) counts[c]! += 1;
  return labels.map((name, label) => `${name} ${percent(counts[label]! / train.length)}`);
}

function lengths(
  examples: readonly Example[],
  tokenizer: { encode(text: string): Int32Array },
  maxLength: number,
): string {
  const sorted = examples.map((example) => tokenizer.encode(wholeText(example)).length).sort((a, b) => a - b);
  const quantile = (share: number) => grouped(sorted[Math.ceil(share * sorted.length) - 1]!);
  const mean = sorted.reduce((sum, length) => sum + length, 0) / sorted.length;
  const longer = sorted.filter((length) => length > maxLength - 2).length / sorted.length;
  return `wordpieces of a training text: mean ${mean.toFixed(0)}, median ${quantile(0.5)}, 90 % up to ${
    quantile(0.9)
  }, longest ${quantile(1)}; ${percent(longer)} over ${maxLength - 2}`;
}
