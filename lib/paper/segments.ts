/**
 * Next sentences, one of BERT's two tasks of pre-training (section 5.4), by BERT's own recipe
 * (create_instances_from_document of google-research/bert). An example is a pair of segments [CLS] A [SEP] B [SEP]:
 * consecutive sentences of a document are gathered until they fill it, and parted at random into A and what follows.
 *
 * - In half of the examples B is what follows A.
 * - In the other half, and where there is one sentence only, B comes from another document at random, and the sentences
 *   that it displaces are put back.
 *
 * A tenth of the documents are cut into shorter examples, and what is too long loses wordpieces at either end. Without
 * next sentences an example is one segment.
 */
import { fold, Random } from "../random.ts";
import { splitSentences } from "../text/sentences.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { aTokenizer, manyTexts, requireArguments } from "../storage/arguments.ts";
import { oneOf } from "../storage/json.ts";

/** The examples of an epoch: a run of wordpieces for A and one for B (an empty one without pairs). */
export interface SegmentPlan {
  /** Start of A in `Documents.pieces`, by example. */
  readonly startA: Int32Array;
  /** End of A. */
  readonly endA: Int32Array;
  /** Start of B. */
  readonly startB: Int32Array;
  /** End of B. */
  readonly endB: Int32Array;
  /** 1 = B is random, 0 = B follows A, or there is none. */
  readonly isRandom: Int32Array;
}

/** Options of {@link planSegments}. */
export interface SegmentOptions {
  /** Tokens of an example at most, with [CLS] and each [SEP]. */
  readonly maxLength: number;
  /** Share of documents whose examples are cut short, to a random length from 2 wordpieces on. */
  readonly shortShare: number;
  /** Pairs, or single segments of consecutive sentences. */
  readonly nextSentence: boolean;
}

/**
 * All examples of an epoch, in the documents' order.
 *
 * @param key what is drawn for a document is a function of it and the document's place
 */
export function planSegments(documents: Documents, options: SegmentOptions, key: number): SegmentPlan {
  const { maxLength, shortShare, nextSentence } = options;
  const most = maxLength - (nextSentence ? 3 : 2);
  const examples: Segments[] = [];
  for (let document = 0; document < documents.documents.length - 1; document++) {
    const random = new Random(fold(key, document));
    const target = random.uniform() < shortShare ? 2 + random.below(most - 1) : most;
    const found = (nextSentence ? pairs : singles)(documents, document, target, random);
    for (const segments of found) {
      truncate(segments, most, random);
      examples.push(segments);
    }
  }
  const column = (place: number) => Int32Array.from(examples, (segments) => segments[place]!);
  return { startA: column(0), endA: column(1), startB: column(2), endB: column(3), isRandom: column(4) };
}

/** Starts and ends of A and B in the wordpieces, and 1 if B is random. */
type Segments = [startA: number, endA: number, startB: number, endB: number, isRandom: 0 | 1];

/** Runs of sentences of at least the target length together, split in two at random; half of them with a random B. */
function* pairs(all: Documents, document: number, target: number, random: Random): Generator<Segments> {
  const { sentences, documents } = all;
  const end = documents[document + 1]!;
  let first = documents[document]!;
  for (let last = first; last < end; last++) {
    if (last < end - 1 && sentences[last + 1]! - sentences[first]! < target) continue;
    const count = last + 1 - first;
    const split = first + (count >= 2 ? 1 + random.below(count - 1) : 1);
    const startA = sentences[first]!;
    const middle = sentences[split]!;
    if (count === 1 || random.uniform() < .5) {
      yield [startA, middle, ...randomSegment(all, document, target - (middle - startA), random), 1];
      last = split - 1; // the sentences that were not used are put back
    } else {
      yield [startA, middle, middle, sentences[last + 1]!, 0];
    }
    first = last + 1;
  }
}

/** Sentences of another document (of the same one if ten draws find no other), from a random one on. */
function randomSegment(
  { sentences, documents }: Documents,
  document: number,
  target: number,
  random: Random,
): [start: number, end: number] {
  let other = document;
  for (let tries = 0; tries < 10 && other === document; tries++) other = random.below(documents.length - 1);
  const end = documents[other + 1]!;
  const first = documents[other]! + random.below(end - documents[other]!);
  let last = first;
  while (last < end - 1 && sentences[last + 1]! - sentences[first]! < target) last++;
  return [sentences[first]!, sentences[last + 1]!];
}

/** Runs of sentences of at least the target length together. */
function* singles(
  { sentences, documents }: Documents,
  document: number,
  target: number,
): Generator<Segments> {
  const end = documents[document + 1]!;
  let first = documents[document]!;
  for (let last = first; last < end; last++) {
    if (last < end - 1 && sentences[last + 1]! - sentences[first]! < target) continue;
    yield [sentences[first]!, sentences[last + 1]!, 0, 0, 0];
    first = last + 1;
  }
}

/** truncate_seq_pair: the longer one loses wordpieces at either end, at random. */
function truncate(segments: Segments, most: number, random: Random): void {
  let [startA, endA, startB, endB] = segments;
  while (endA - startA + endB - startB > most) {
    const front = random.uniform() < .5;
    if (endA - startA > endB - startB) {
      if (front) startA++;
      else endA--;
    } else if (front) startB++;
    else endB--;
  }
  segments.splice(0, 4, startA, endA, startB, endB);
}

/** Documents of sentences as wordpieces, in three flat arrays; {@link packDocuments} makes them. */
export interface Documents {
  /** Wordpieces of all sentences, one after another. */
  readonly pieces: Int32Array;
  /** [sentences + 1] where each sentence starts in `pieces`, and where the last one ends. */
  readonly sentences: Int32Array;
  /** [documents + 1] which sentence each document starts with, and how many there are. */
  readonly documents: Int32Array;
}

/**
 * Packs documents, each of sentences as wordpieces without [CLS] and [SEP]; empty sentences and documents are left
 * out. Takes 4 bytes a wordpiece.
 */
export function packDocuments(documents: Iterable<Iterable<Int32Array>>): Documents {
  let pieces = new Int32Array(1024);
  let length = 0;
  const sentences = [0];
  const starts = [0];
  for (const document of documents) {
    for (const sentence of document) {
      if (sentence.length === 0) continue;
      if (length + sentence.length > pieces.length) {
        const larger = new Int32Array(2 * (length + sentence.length));
        larger.set(pieces);
        pieces = larger;
      }
      pieces.set(sentence, length);
      length += sentence.length;
      sentences.push(length);
    }
    if (sentences.length - 1 > starts.at(-1)!) starts.push(sentences.length - 1);
  }
  return {
    pieces: pieces.slice(0, length),
    sentences: Int32Array.from(sentences),
    documents: Int32Array.from(starts),
  };
}

/**
 * Splits texts into sentences and wordpieces; each text is a document.
 *
 * @returns the documents, and how many times a sentence was cut because it was too long
 */
export function encodeDocuments(
  texts: Iterable<string>,
  tokenizer: Pick<Tokenizer, "encode">,
  language: "en" | "zh",
): { documents: Documents; cuts: number } {
  requireArguments("encodeDocuments", {
    texts: [texts, manyTexts],
    tokenizer: [tokenizer, aTokenizer],
    language: [language, oneOf(["en", "zh"])],
  });
  let cuts = 0;
  const encoded = Iterator.from(texts).map((text) => {
    const split = splitSentences(text, language);
    cuts += split.cuts;
    return split.sentences.map((sentence) => tokenizer.encode(sentence));
  });
  const documents = packDocuments(encoded); // which counts the cuts
  return { documents, cuts };
}
