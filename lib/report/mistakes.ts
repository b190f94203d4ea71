/** The test examples that an experiment's runs get wrong with the most confidence. */
import type { Configuration } from "../runs/configuration.ts";
import { type Dataset, wholeText } from "../data/examples.ts";
import { usedPart } from "../runs/used_part.ts";
import { argmax } from "../results/metrics.ts";
import { shortened } from "../wording.ts";
import { type Predictions, readPredictions, type RunRecord } from "../results/records.ts";

/** An example that the runs get wrong. */
export interface ConfidentMistake {
  /** Its place in the test split, from 1. */
  readonly example: number;
  /** The true class. */
  readonly expected: string;
  /** The class with the highest mean probability. */
  readonly predicted: string;
  /** This class's mean probability over the runs. */
  readonly probability: number;
  /** Number of runs that predict a wrong class. */
  readonly wrong: number;
  /** The beginning of the text, if it may be shown. */
  readonly text?: string;
}

/** The mistakes on one test set. */
export interface TestSetMistakes {
  /** Name of the data set. */
  readonly data: string;
  /** Number of runs that are averaged. */
  readonly runs: number;
  /** The most confident mistakes. */
  readonly mistakes: readonly ConfidentMistake[];
  /** The reason why there are no texts, if there are none. */
  readonly withoutTexts?: string;
}

/** Finds a data set on this machine; undefined if it would have to be fetched. */
export type FindDataset = (name: string) => Promise<Dataset | undefined>;

/** Data sets of letters, whose writers did not mean them for this use. */
const letters = new Set(["mails", "mailing-lists"]);

const most = 5;
const longest = 300;

/** Finds the most confident mistakes of an experiment's runs, on each test set by itself. */
export async function confidentMistakes(
  records: readonly RunRecord[],
  folder: string,
  find: FindDataset,
): Promise<TestSetMistakes[]> {
  const groups = new Map<string, { record: RunRecord; runs: Predictions[] }>();
  for (const record of records) {
    const predictions = await readPredictions(folder, record);
    if (!predictions) continue;
    const key = JSON.stringify([record.data.name, predictions.labels, predictions.expected]);
    const group = groups.get(key) ?? { record, runs: [] };
    group.runs.push(predictions);
    groups.set(key, group);
  }
  const found: TestSetMistakes[] = [];
  for (const { record, runs } of groups.values()) {
    const mistakes = worst(runs);
    const data = record.data.name;
    const texts = mistakes.length === 0 ? [] : await testTexts(record, find);
    found.push({
      data,
      runs: runs.length,
      mistakes: mistakes.map((mistake) =>
        typeof texts === "string" ? mistake : { ...mistake, text: beginning(texts[mistake.example - 1]!) }
      ),
      ...typeof texts === "string" ? { withoutTexts: texts } : {},
    });
  }
  return found;
}

/** Finds the most confident mistakes by the mean probabilities over runs of the same test set. */
function worst(runs: readonly Predictions[]): ConfidentMistake[] {
  const { labels, expected } = runs[0]!;
  const means = runs[0]!.probabilities.map((_, place) =>
    runs.reduce((sum, { probabilities }) => sum + probabilities[place]!, 0) / runs.length
  );
  const predicted = argmax(means, labels.length);
  const each = runs.map(({ probabilities }) => argmax(probabilities, labels.length));
  return expected
    .map((label, n): ConfidentMistake => ({
      example: n + 1,
      expected: labels[label]!,
      predicted: labels[predicted[n]!]!,
      probability: means[n * labels.length + predicted[n]!]!,
      wrong: each.filter((guesses) => guesses[n] !== label).length,
    }))
    .filter((_, n) => predicted[n] !== expected[n])
    .sort((a, b) => b.probability - a.probability || a.example - b.example)
    .slice(0, most);
}

/** Returns the texts of a run's test split, or a sentence why they are not shown. */
async function testTexts({ data, configuration }: RunRecord, find: FindDataset): Promise<string[] | string> {
  if (letters.has(data.name)) {
    return "These texts are letters of other people, with names and addresses, so they are not shown.";
  }
  const whole = await find(data.name);
  if (whole === undefined) return "The texts are not shown, as the data set is not on this machine.";
  const part = usedPart(whole, configuration as unknown as Configuration);
  return part.fingerprint === data.fingerprint
    ? part.test.map(wholeText)
    : "The texts are not shown, as the data set on this machine is not the one of the runs.";
}

/** Returns the beginning of a text on one line. */
function beginning(text: string): string {
  return shortened(text.replaceAll("<br />", " "), longest);
}
