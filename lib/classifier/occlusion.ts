/**
 * The parts of a text that a classifier's label rests on, by occlusion (Zeiler and Fergus 2014; for texts Li, Monroe and
 * Jurafsky 2016): each part is left out in turn, and the change of the label's probability is what it was worth.
 *
 *     change(part) = p(label | text) − p(label | text without the part)
 *
 * Any model can be asked so. It does not tell what several parts do together: of two words that say the same, each
 * alone may seem to be worth nothing. Of a text that is too long, leaving a part out lets others move into what is read.
 */
import { having, requireArguments } from "../storage/arguments.ts";
import { either, text as aText } from "../storage/json.ts";
import type { ClassifierText } from "./classification.ts";

/** A piece of a text. */
export interface TextPart {
  /** Its first UTF-16 unit. */
  readonly start: number;
  /** The one after its last. */
  readonly end: number;
}

/** The kind of the parts: words, sentences, or stretches of as many words as make the allowed number of parts. */
export type PartKind = "word" | "sentence" | "stretch";

/** A part of a text, and what it is worth. */
export interface ExplainedPart extends TextPart {
  /** The text in which it stands: the only or first one, or a pair's second. */
  readonly of: "text" | "pair";
  /** Its words. */
  readonly text: string;
  /** Change of the label's probability: above 0 where the part speaks for the label, below 0 where against it. */
  readonly change: number;
}

/** An explanation of a label. */
export interface Explanation {
  /** The label that is explained. */
  readonly label: string;
  /** Its probability with the whole text. */
  readonly probability: number;
  /** The kind of its parts. */
  readonly kind: PartKind;
  /** The parts in their order. */
  readonly parts: readonly ExplainedPart[];
}

/** A classifier that can be asked for explanations. */
export interface Explained {
  /** The classes' names. */
  readonly labels: readonly string[];
  /** Probabilities [N*C] of N texts. */
  probabilities(texts: readonly ClassifierText[], onTexts?: (done: number) => void): Promise<Float64Array>;
}

/** Most parts that a text is cut into, if not said otherwise, as each costs as much as a text. */
const usualParts = 100;
/** Fewer sentences tell too little. */
const fewestSentences = 4;

const words = new Intl.Segmenter("en", { granularity: "word" });
const sentences = new Intl.Segmenter("en", { granularity: "sentence" });

/** Returns a text's parts: its words or, where these are too many, its sentences or stretches of words. */
export function textParts(
  text: string,
  mostParts = usualParts,
): { readonly kind: PartKind; readonly parts: readonly TextPart[] } {
  const place = ({ index, segment }: Intl.SegmentData) => ({ start: index, end: index + segment.length });
  const found = Array.from(words.segment(text)).filter(({ isWordLike }) => isWordLike).map(place);
  const single = found.length > 0 ? found : Array.from(
    text.matchAll(/\S+/g),
    (match) => ({ start: match.index, end: match.index + match[0].length }),
  );
  if (single.length <= mostParts) return { kind: "word", parts: single };
  const whole = Array.from(sentences.segment(text)).filter(({ segment }) => segment.trim() !== "").map(place);
  if (whole.length >= fewestSentences && whole.length <= mostParts) return { kind: "sentence", parts: whole };
  const size = Math.ceil(single.length / mostParts);
  const starts = single.filter((_, n) => n % size === 0);
  const parts = starts.map(({ start }, n) => ({
    start,
    end: single[Math.min(single.length, (n + 1) * size) - 1]!.end,
  }));
  return { kind: "stretch", parts };
}

/** Options of {@linkcode explain}. */
export interface ExplainOptions {
  /** The label that is explained; the most probable one if not given. */
  readonly label?: string;
  /** Most parts that a text is cut into; 100 if not given. */
  readonly mostParts?: number;
  /** Told on the way how many variants of the text are done, and how many there are. */
  readonly onTexts?: (done: number, all: number) => void;
}

/** Explains the label of a text, or of a pair, whose texts are cut alike. */
export async function explain(
  classifier: Explained,
  given: ClassifierText,
  options: ExplainOptions = {},
): Promise<Explanation> {
  requireArguments("explain", {
    classifier: [classifier, having("a classifier, as loadClassifier() returns", "labels", "probabilities")],
    given: [
      given,
      either<unknown>("a text, or an object with a text and perhaps a pair", aText, having("", "text")),
    ],
    options: [options, having("an object with options")],
  });
  const { label, mostParts, onTexts } = options;
  const { text, pair } = typeof given === "string" ? { text: given, pair: undefined } : given;
  const own = textParts(text, mostParts);
  const other = pair === undefined ? undefined : textParts(pair, mostParts);
  const without = (whole: string, { start, end }: TextPart) => whole.slice(0, start) + whole.slice(end);
  const variants: ClassifierText[] = [
    given,
    ...own.parts.map((part) => ({ text: without(text, part), ...pair === undefined ? {} : { pair } })),
    ...(other?.parts ?? []).map((part) => ({ text, pair: without(pair!, part) })),
  ];
  const { labels } = classifier;
  const probabilities = await classifier.probabilities(
    variants,
    (done) => onTexts?.(done, variants.length),
  );
  const first = probabilities.subarray(0, labels.length);
  const asked = label === undefined ? -1 : labels.indexOf(label);
  const at = asked >= 0 ? asked : first.reduce((best, value, c) => value > first[best]! ? c : best, 0);
  const change = (variant: number) => rounded(first[at]! - probabilities[variant * labels.length + at]!);
  const explained = (of: "text" | "pair", whole: string, parts: readonly TextPart[], from: number) =>
    parts.map(({ start, end }, n): ExplainedPart => ({
      ...{ of, start, end, text: whole.slice(start, end), change: change(from + n) },
    }));
  return {
    label: labels[at]!,
    probability: rounded(first[at]!),
    kind: own.kind,
    parts: [
      ...explained("text", text, own.parts, 1),
      ...other ? explained("pair", pair!, other.parts, 1 + own.parts.length) : [],
    ],
  };
}

const rounded = (value: number) => Number(value.toFixed(6));
