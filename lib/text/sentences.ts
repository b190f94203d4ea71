/**
 * Sentences of a document, for further pre-training (section 5.4). The paper splits English with spaCy and Chinese at
 * 。？！; here English is split by the Unicode rules for sentences (UAX 29), but not after titles and initials.
 */

/** The sentences of a document. */
export interface Sentences {
  /** In order, without blanks at their ends; a document without a boundary is one sentence, a blank one none. */
  readonly sentences: string[];
  /** Number of cuts in sentences longer than {@link longestSentence}. */
  readonly cuts: number;
}

/** Longest sentence in UTF-16 units (about 200 English words); a longer one is cut at a blank or a comma. */
export const longestSentence = 1000;

const segmenter = new Intl.Segmenter("en", { granularity: "sentence" });

/** A title or an initial after which the Unicode rules wrongly end a sentence: "Dr. " in "Dr. No". */
const abbreviation = /(?:^|[\s("'“‘])(?:Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|[A-HJ-Z])\.[ \t]*$/;

const chineseEnds = "。？！";
const chineseClosers = "”’」』）〕】》〉";

/**
 * Splits a document into sentences; line breaks end a sentence in both languages.
 *
 * @param language "en": Unicode's rules; "zh": after 。？！ and the closing quotes and brackets that follow
 */
export function splitSentences(text: string, language: "en" | "zh"): Sentences {
  const sentences: string[] = [];
  let cuts = 0;
  for (const found of language === "zh" ? chineseSentences(text) : englishSentences(text)) {
    const sentence = found.trim();
    let start = 0;
    while (sentence.length - start > longestSentence) {
      const end = cutPlace(sentence, start);
      sentences.push(sentence.slice(start, end).trim());
      start = end;
      cuts++;
    }
    if (sentence !== "") sentences.push(sentence.slice(start).trim());
  }
  return { sentences, cuts };
}

function* englishSentences(text: string): Generator<string> {
  let start = 0;
  for (const { segment, index } of segmenter.segment(text)) {
    if (abbreviation.test(segment.slice(-10))) continue;
    yield text.slice(start, index + segment.length);
    start = index + segment.length;
  }
  yield text.slice(start);
}

function* chineseSentences(text: string): Generator<string> {
  let start = 0;
  let ended = false;
  let quoted = false; // inside quotes whose two ends look alike
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    const ends = chineseEnds.includes(character);
    const closes = character === '"' ? quoted : chineseClosers.includes(character);
    if (ended && !ends && !closes) {
      yield text.slice(start, i);
      start = i;
      ended = false;
    }
    if (character === '"') quoted = !quoted;
    if (ends) ended = true;
    if (character === "\n" || character === "\r") {
      ended = true;
      quoted = false;
    }
  }
  yield text.slice(start);
}

/** Returns the end of a chunk: after the last blank or comma in its second half, else where it is full. */
function cutPlace(text: string, start: number): number {
  const full = start + longestSentence;
  for (let end = full; end > full - longestSentence / 2; end--) {
    if (/[\s,;，；、]/.test(text[end - 1]!)) return end;
  }
  const splitsCharacter = /[\uD800-\uDBFF]/.test(text[full - 1]!) && /[\uDC00-\uDFFF]/.test(text[full]!);
  return splitsCharacter ? full - 1 : full;
}
