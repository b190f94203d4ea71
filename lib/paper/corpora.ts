/** Texts that a model is pre-trained on further (paper section 5.4): those of the task, of its domain, or of all. */
import { type Dataset, wholeText } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import { aDataset, requireArguments, textList } from "../storage/arguments.ts";
import { either, list, number, oneOf, text, whole } from "../storage/json.ts";

/** The paper's domains (section 5.4.2) and the data sets of each, by the paper's names. */
export const domains = {
  sentiment: ["IMDb", "Yelp P.", "Yelp F."],
  question: ["TREC", "Yahoo! Answers"],
  topic: ["AG's News", "DBPedia"],
} as const satisfies Record<string, readonly string[]>;

/** A corpus by what it is to the task, or by the paper's names of its data sets. */
export type Corpus = "within-task" | "in-domain" | "cross-domain" | readonly string[];

/** The data sets of a corpus for a task, by the paper's names: itself, those of its domain, or those of all domains. */
export function corpusSets(corpus: Corpus, task: string): readonly string[] {
  requireArguments("corpusSets", {
    corpus: [corpus, either("within-task, in-domain, cross-domain or a list of data sets", text, textList)],
    task: [task, text],
  });
  if (corpus === "within-task") return [task];
  if (corpus === "cross-domain") return Object.values(domains).flat();
  return corpus === "in-domain" ? domainOf(task) : corpus;
}

/** All data sets that share a domain with one of these. */
export function domainSets(sets: readonly string[]): readonly string[] {
  requireArguments("domainSets", { sets: [sets, textList] });
  return [...new Set(sets.flatMap(domainOf))];
}

/** The data sets of a set's domain; a set of no domain, such as Sogou, is alone in its own. */
function domainOf(set: string): readonly string[] {
  return Object.values(domains).find((sets: readonly string[]) => sets.includes(set)) ?? [set];
}

/**
 * The texts of a corpus. Under "clean" they are the training texts of its data sets, without those that also stand in
 * a development or test split of `unseen`; under "paper" all texts, as in the authors' code, which trains on test texts
 * and holds no development texts out, without the test texts of other data sets that occur in them (section 5.4.2: Yelp
 * P.'s in Yelp F.).
 *
 * @param sets the corpus' data sets
 * @param unseen data sets whose held-out texts must not be learnt from: those of the domains of `sets`
 */
export function corpusTexts(
  sets: readonly Dataset[],
  unseen: readonly Dataset[],
  protocol: "clean" | "paper",
): string[] {
  requireArguments("corpusTexts", {
    sets: [sets, list(aDataset)],
    unseen: [unseen, list(aDataset)],
    protocol: [protocol, oneOf(["clean", "paper"])],
  });
  return sets.flatMap((set) => {
    const forbidden = new Set(
      unseen.flatMap((other) => {
        if (protocol === "paper") return other.name === set.name ? [] : other.test;
        return [...other.dev, ...other.test];
      }).map(wholeText),
    );
    const texts = protocol === "paper" ? [...set.train, ...set.dev, ...set.test] : set.train;
    return texts.map(wholeText).filter((text) => !forbidden.has(text));
  });
}

/** The texts of within-task further pre-training (section 5.4.1). */
export function withinTask(data: Dataset, protocol: "clean" | "paper"): string[] {
  requireArguments("withinTask", { data: [data, aDataset], protocol: [protocol, oneOf(["clean", "paper"])] });
  return corpusTexts([data], [data], protocol);
}

/**
 * Parts texts into those to train on and those to measure on, at least one each; equal texts stay together.
 *
 * @param share share of the different texts that are held out, drawn by the seed
 * @throws InputError if there are fewer than two different texts.
 */
export function holdOut(
  texts: readonly string[],
  share: number,
  seed: number,
): { train: string[]; heldOut: string[] } {
  requireArguments("holdOut", {
    texts: [texts, textList],
    share: [share, number(0, 1)],
    seed: [seed, whole(0)],
  });
  const different = [...new Set(texts)];
  if (different.length < 2) {
    throw new InputError(
      `Cannot hold out documents to measure on: expected at least two different ones, found ${different.length}`,
    );
  }
  const count = Math.min(different.length - 1, Math.max(1, Math.round(share * different.length)));
  const held = new Set(new Random(fold(seed, 3)).shuffle(different).slice(0, count));
  return { train: texts.filter((text) => !held.has(text)), heldOut: [...held] };
}
