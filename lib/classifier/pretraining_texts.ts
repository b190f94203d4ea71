/** The texts of further pre-training within a task: none of them stands in a split that it is measured on. */
import { type Dataset, wholeText } from "../data/examples.ts";
import { corpusTexts } from "../paper/corpora.ts";

/** Returns a text as it is compared: blanks around its words do not count. */
const plain = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/**
 * The training texts, and those without labels that do not stand among them; none of them stands in dev or test,
 * whatever the blanks around its words.
 *
 * @param leftOut further texts that are left out
 */
export function preTrainingTexts(
  data: Dataset,
  unlabelled: readonly string[],
  leftOut: readonly string[] = [],
): { labelled: string[]; unlabelled: string[] } {
  const unseen = new Set([...[...data.dev, ...data.test].map(wholeText), ...leftOut].map(plain));
  const labelled = corpusTexts([data], [data], "clean").filter((text) => !unseen.has(plain(text)));
  const known = new Set([...unseen, ...labelled.map(plain)]);
  return { labelled, unlabelled: unlabelled.filter((text) => !known.has(plain(text))) };
}

/**
 * Returns a sentence on the test texts that a model has learnt from without their labels, where the test split was read
 * after its pre-training; "" if there are none.
 */
export function preTrainedNote(data: Dataset, unlabelled: readonly string[]): string {
  const texts = preTrainingTexts({ ...data, test: [] }, unlabelled);
  const seen = new Set([...texts.labelled, ...texts.unlabelled].map(plain));
  const count = data.test.filter((example) => seen.has(plain(wholeText(example)))).length;
  if (count === 0) return "";
  return `${count} of the ${data.test.length} test texts ${
    count === 1 ? "was" : "were"
  } pre-trained on, without ` +
    "labels: a search reads the test texts only at its end, so leave them out of --train and --unlabelled";
}
