/**
 * The tokenizer.json of byte-level BPE (RoBERTa's, ModernBERT's) and Unigram (XLM-R's, CamemBERT's): the parts that
 * texts are read by, checked. What is not read is refused by name.
 */
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import {
  anything,
  checkJson,
  either,
  fitting,
  flag,
  list,
  map,
  nullish,
  number,
  object,
  oneOf,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";
import type { PlacedToken } from "./tokenizer_files.ts";

/** Byte-level BPE (Sennrich et al. 2016, over bytes). */
export interface BpeJson {
  readonly type: "BPE";
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs in the order in which they are merged, with a blank between their parts or as lists. */
  readonly merges: readonly (string | readonly string[])[];
  readonly unk_token?: string | null;
  readonly ignore_merges?: boolean | null;
  readonly fuse_unk?: boolean | null;
}

/** A unigram language model (Kudo 2018). */
export interface UnigramJson {
  readonly type: "Unigram";
  /** Pieces with their log probabilities, by id. */
  readonly vocab: readonly (readonly [piece: string, score: number])[];
  readonly unk_id: number;
}

/** A normalizer or a pre-tokenizer: a type and its settings. */
export type Step = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The parts of such a tokenizer.json. */
export interface SubwordJson {
  readonly added_tokens: readonly PlacedToken[];
  readonly normalizer?: Step | null;
  readonly pre_tokenizer: Step;
  readonly post_processor?: Step | null;
  readonly model: BpeJson | UnigramJson;
}

const id = whole(0, 9_999_999);
const none = <Value>(expected: string, shape: Shape<Value>, fits: (value: Value) => boolean) =>
  nullish(fitting(shape, expected, fits));

const bpeShape = object({
  type: oneOf(["BPE"]),
  vocab: map(id),
  merges: list(either<string | readonly string[]>("a pair of pieces", text, list(text))),
  unk_token: nullish(text),
  ignore_merges: nullish(flag),
  fuse_unk: nullish(flag),
  dropout: none("null, as nothing is left to chance", number(), (rate) => rate === 0),
  continuing_subword_prefix: none("empty", text, (prefix) => prefix === ""),
  end_of_word_suffix: none("empty", text, (suffix) => suffix === ""),
  byte_fallback: none("false", flag, (is) => !is),
}) as Shape<BpeJson>;

const unigramShape = object({
  type: oneOf(["Unigram"]),
  vocab: fitting(
    list(anything),
    "a list of pieces with their scores",
    (pieces) =>
      pieces.length > 0 &&
      pieces.every((pair) =>
        Array.isArray(pair) && pair.length === 2 && typeof pair[0] === "string" && Number.isFinite(pair[1])
      ),
  ),
  unk_id: id,
  byte_fallback: none("false", flag, (is) => !is),
}) as unknown as Shape<UnigramJson>;

const inner = nullish(list(object({ type: text })));
const step = object({
  type: text,
  ...{ normalizers: inner, pretokenizers: inner, processors: inner },
}) as unknown as Shape<Step>;

const subwordShape = object({
  added_tokens: list(object({
    ...{ id, content: text, single_word: flag, lstrip: flag },
    ...{ rstrip: flag, normalized: flag, special: flag },
  })),
  normalizer: nullish(step),
  pre_tokenizer: step,
  post_processor: nullish(step),
  model: object({ type: oneOf(["BPE", "Unigram"]) }),
});

/** Checks a parsed tokenizer.json of a model of pieces that is not WordPiece. @throws InputError if it has another shape. */
export function checkSubwordJson(json: unknown, path: string, advice: string): SubwordJson {
  const { model, ...rest } = checkJson(json, path, subwordShape, advice) as SubwordJson;
  const shape: Shape<{ model: BpeJson | UnigramJson }> = object({
    model: model.type === "BPE" ? bpeShape : unigramShape as Shape<BpeJson | UnigramJson>,
  });
  const checked = { ...rest, ...checkJson({ model }, path, shape, advice) };
  if (checked.model.type === "Unigram" && checked.model.unk_id >= checked.model.vocab.length) {
    throw new InputError(
      `Cannot use ${path} as its "unk_id" is no piece: found ${checked.model.unk_id}; ${advice}`,
    );
  }
  return checked;
}

/** Returns the steps of a sequence, or the step itself; a sequence in a sequence is a step that nothing reads. */
export function stepsOf(step: Step | null | undefined, key: string): Step[] {
  if (step == null) return [];
  return step.type === "Sequence" ? (step[key] ?? []) as Step[] : [step];
}

/** Returns the ids by piece. */
export function vocabOf(model: BpeJson | UnigramJson): Record<string, number> {
  return model.type === "BPE"
    ? model.vocab
    : Object.fromEntries(model.vocab.map(([piece], id) => [piece, id]));
}

/**
 * Returns how many special tokens part the texts of a pair: [CLS] A [SEP] B [SEP], or with two of them.
 *
 * @throws InputError if the post-processor puts others around texts.
 */
export function separatorsOf(
  { post_processor }: SubwordJson,
  { cls, sep }: { readonly cls: string; readonly sep: string },
  path: string,
  advice: string,
): 1 | 2 {
  const steps = stepsOf(post_processor, "processors").filter(({ type }) => type !== "ByteLevel");
  const [only] = steps;
  const found = steps.length === 1 ? partsOf(only!) : undefined;
  const single = [cls, "A", sep].join();
  if (found && found.single === single) {
    if (found.pair === [cls, "A", sep, "B", sep].join()) return 1;
    if (found.pair === [cls, "A", sep, sep, "B", sep].join()) return 2;
  }
  throw new InputError(
    `Cannot use ${path} as its "post_processor" does not put ${shown(cls)} and ${
      shown(sep)
    } around a text, and one or two ${shown(sep)} between the texts of a pair; ${advice}`,
  );
}

function partsOf(step: Step): { single: string; pair: string } | undefined {
  const token = (pair: unknown) => Array.isArray(pair) ? String(pair[0]) : "";
  const [cls, sep] = [token(step.cls), token(step.sep)];
  const single = [cls, "A", sep].join();
  if (step.type === "RobertaProcessing") return { single, pair: [single, sep, "B", sep].join() };
  if (step.type === "BertProcessing") return { single, pair: [single, "B", sep].join() };
  if (step.type !== "TemplateProcessing") return undefined;
  const template = (parts: unknown) =>
    Array.isArray(parts)
      ? parts.map((part) => part?.SpecialToken?.id ?? part?.Sequence?.id ?? "").join()
      : "";
  return { single: template(step.single), pair: template(step.pair) };
}
