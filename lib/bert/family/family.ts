/**
 * Description of a family of models: what a kind of model has of its own beside BERT. In memory every model has BERT's
 * names and keys, so that all else works for all families; files have the names of Hugging Face's classes.
 */
import type { Shape } from "../../storage/json.ts";
import type { BertConfig, HiddenAct, ModernConfig } from "./model_config.ts";

/** The head that a single layer's [CLS] state goes through before the classifier: dropout, activation(W h + b). */
export interface ClassifierHead {
  /** The part of Hugging Face's classes that it belongs to: one of the classifier is in no other model. */
  readonly of: "encoder" | "classifier";
  /** The activation. */
  readonly activation: "tanh" | HiddenAct;
  /** `true` if the [CLS] state is dropped out before. */
  readonly dropout?: true;
  /** `true` if there are no biases, a LayerNorm follows, and the head of masked words is the same. */
  readonly norm?: true;
}

/** What a family has of its own. */
export interface Family {
  /** Name for readers. */
  readonly title: string;
  /** Beginning of Hugging Face's class names. */
  readonly className: string;
  /** Module that holds the encoder in these classes, which files of the encoder alone leave out. */
  readonly base: string;
  /** Names of parameters and modules, ours and the files', the first that fits; "*" is the number of a layer. */
  readonly names: readonly (readonly [ours: string, theirs: string])[];
  /** Names of config.json's keys that are not BERT's; null for a key that its files do not have. */
  readonly configKeys?: Readonly<Partial<Record<keyof BertConfig, string | null>>>;
  /** Hugging Face's defaults of config.json that are not BERT's. */
  readonly defaults?: Readonly<Partial<BertConfig>>;
  /** The row of a text's first token in the table of positions; 0 if not given. */
  readonly firstPosition?: (config: BertConfig) => number;
  /** Segment types: a row for each text of a pair, the first row for both, or no table. */
  readonly segments: "read" | "first" | "none";
  /** The head before the classifier. */
  readonly head: ClassifierHead;
  /** Activation of the head of masked words; `hidden_act` if not given. */
  readonly wordsActivation?: HiddenAct;
  /** `true` if it is pre-trained on next sentences, too. */
  readonly nextSentences?: true;
  /** Reads and writes what an encoder of its own depends on, and names its parameters; BERT's encoder if not given. */
  readonly modern?: {
    readonly shape: Shape<object>;
    read(file: object, layers: number): ModernConfig;
    write(config: BertConfig): Record<string, unknown>;
    shapes(config: BertConfig): Iterable<readonly [name: string, shape: number[]]>;
  };
  /** `true` if nothing is dropped between the attention and its LayerNorm. */
  readonly keepsAttention?: true;
}

/** Returns a parameter's name in the family's files. */
export function fileName(family: Family, name: string): string {
  return renamed(name, family.names) ?? name;
}

/** Returns our name of a parameter in the family's files, which may leave out the module that holds the encoder. */
export function ownName({ names, base }: Family, name: string): string {
  const back = names.map(([ours, theirs]) => [theirs, ours] as const);
  return renamed(name, back) ?? renamed(`${base}.${name}`, back) ?? name;
}

/** Puts another beginning to a name that has one of these; undefined if it has none. */
function renamed(name: string, pairs: readonly (readonly [from: string, to: string])[]): string | undefined {
  for (const [from, to] of pairs) {
    const pattern = `^${from.split("*").map((part) => RegExp.escape(part)).join(String.raw`(\d+)`)}(?=\\.|$)`;
    const found = new RegExp(pattern).exec(name);
    if (found) return to.replace("*", () => found[1]!) + name.slice(found[0].length);
  }
  return undefined;
}
