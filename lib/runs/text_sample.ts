/** Samples of a run's texts, for estimates: what lies on this machine is read, and nothing is fetched. */
import { resolveModel } from "../bert/models.ts";
import { dataset, embeddedNames } from "../data/dataset.ts";
import { type Example, stratifiedOrder, wholeText } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import { textStrategy } from "../paper/long_text.ts";
import { readExamples } from "../paper/reading.ts";
import { characterTokenizer, loadTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import type { EncodedExample } from "../training/text_tensors.ts";
import type { Configuration } from "./configuration.ts";

/** Texts of a sample at most. */
const most = 500;

/** Models with MiniLM's vocabulary, which stands in for theirs. */
const sameVocabulary = ["bert-base-uncased", "bert-large-uncased"];

/**
 * Makes a function that returns a sample of the training texts of an embedded data set as a run reads them, or
 * undefined if it cannot be had. It keeps what it has read.
 */
export function textSampler(): (
  data: string,
  configuration: Configuration,
) => Promise<readonly EncodedExample[] | undefined> {
  const kept = new Map<string, Promise<unknown>>();
  const once = <Value>(key: readonly unknown[], make: () => Promise<Value>): Promise<Value> => {
    const found = kept.get(JSON.stringify(key)) as Promise<Value> | undefined ?? make();
    kept.set(JSON.stringify(key), found);
    return found;
  };
  return (data, { model, architecture: { tokens }, text, maxFractions, maxLength }) =>
    once([data, model, tokens, text, maxFractions, maxLength], () =>
      ifHere(async () => {
        if (!embeddedNames.includes(data)) return undefined;
        const tokenizer = await once([model, tokens], () => ifHere(() => tokenizerOf(model, tokens)));
        if (tokenizer === undefined) return undefined;
        const texts = await once([data], () => ifHere(() => someTexts(data)));
        if (texts === undefined) return undefined;
        const own = tokenizer === "characters" ? characterTokenizer(texts.map(wholeText)) : tokenizer;
        return readExamples(texts, {
          tokenizer: own,
          text: textStrategy(text, { maxFractions }),
          maxLength,
        });
      }));
}

/** The tokenizer of a run's model; undefined if its wordpieces are learnt from all texts. */
async function tokenizerOf(
  model: string,
  tokens: Configuration["architecture"]["tokens"],
): Promise<Tokenizer | "characters" | undefined> {
  if (model === "new" && tokens !== "wordpieces") return tokens === "characters" ? tokens : undefined;
  const named = model === "new" ? "minilm" : model;
  const folder = await ifHere(() => resolveModel(named, { offline: true }));
  if (folder === undefined && !sameVocabulary.includes(named)) return undefined;
  return await loadTokenizer(folder ?? await resolveModel("minilm", { offline: true }));
}

async function someTexts(name: string): Promise<Example[]> {
  const { train } = await dataset(name, { offline: true, say: () => {} });
  return stratifiedOrder(train, 0).slice(0, most).map((place) => train[place]!);
}

/** What is made; undefined if something for it is not on this machine. */
async function ifHere<Value>(make: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await make();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}
