/**
 * Masked words, one of BERT's two tasks of pre-training (section 5.4), by BERT's own recipe
 * (create_masked_lm_predictions of google-research/bert): 15 % of an example's wordpieces are drawn, to be guessed from
 * the others. Of these
 *
 * - 80 % become [MASK],
 * - 10 % become a random wordpiece,
 * - 10 % stay as they are.
 *
 * Unlike the recipe: special tokens are never the random wordpiece, and [UNK] is not masked.
 */
import type { Random } from "../random.ts";
import type { SpecialIds, Tokenizer } from "../text/tokenizer.ts";

/** Options of {@linkcode maskWords}. */
export interface MaskingOptions {
  /** Ids of the special tokens: they are never masked, and never the random token in another's place. */
  readonly tokenizerIds: SpecialIds;
  /** V: random tokens are drawn from below it. */
  readonly vocabSize: number;
  /** Share of an example's tokens that are masked; .15 if not given. */
  readonly maskedShare?: number;
  /** Masked tokens of an example at most; 20 if not given. */
  readonly maxMasks?: number;
  /** [V] 1 = a piece inside a word ("##s"): words are masked as a whole; see {@linkcode continuationPieces}. */
  readonly wholeWords?: Uint8Array;
}

/** Masks a row in place; returns the masked places in order, with what was there. */
export function maskWords(
  row: Int32Array,
  options: MaskingOptions,
  random: Random,
): [place: number, label: number][] {
  const { tokenizerIds, vocabSize } = options;
  const specials = Object.values(tokenizerIds);
  const randomToken = () => {
    let token = random.below(vocabSize);
    while (specials.includes(token)) token = random.below(vocabSize);
    return token;
  };
  const most = masksOf(row.length, options);
  const masked: [place: number, label: number][] = [];
  for (const word of random.shuffle(wordsOf(row, specials, options))) {
    if (masked.length + word.length > most) continue;
    for (const place of word) {
      masked.push([place, row[place]!]);
      if (random.uniform() < .8) row[place] = tokenizerIds.mask;
      else if (random.uniform() < .5) row[place] = randomToken();
    }
  }
  return masked.sort(([a], [b]) => a - b);
}

/** Returns the number of an example's masked tokens: their share, rounded as in Python, from 1 to `maxMasks`. */
export function masksOf(
  tokens: number,
  { maskedShare = .15, maxMasks = 20 }: Pick<MaskingOptions, "maskedShare" | "maxMasks">,
): number {
  const exact = tokens * maskedShare;
  const rounded = Math.round(exact);
  const toEven = rounded - exact === .5 && rounded % 2 === 1 ? rounded - 1 : rounded;
  return Math.min(maxMasks, Math.max(1, toEven));
}

/** The places of what is masked together: each wordpiece that is not special, or all of a word. */
function wordsOf(
  row: Int32Array,
  specials: readonly number[],
  { wholeWords }: MaskingOptions,
): number[][] {
  const words: number[][] = [];
  row.forEach((id, place) => {
    if (specials.includes(id)) return;
    const word = words.at(-1);
    if (wholeWords?.[id] && word?.at(-1) === place - 1) word.push(place);
    else words.push([place]);
  });
  return words;
}

/**
 * [V] 1 = a piece inside a word, for `wholeWords`, from a vocabulary by id.
 *
 * @param wordStart mark of the pieces that words begin with; if not given, those inside words are marked, by "##"
 */
export function continuationPieces(pieces: readonly string[], wordStart?: string): Uint8Array {
  return Uint8Array.from(
    pieces,
    (piece) => (wordStart === undefined ? piece.startsWith("##") : !piece.startsWith(wordStart)) ? 1 : 0,
  );
}

/** A tokenizer's vocabulary by id. */
export function vocabularyOf(tokenizer: Tokenizer): string[] {
  const text = tokenizer.files["tokenizer.json"]! as string;
  const { vocab } =
    (JSON.parse(text) as { model: { vocab: Record<string, number> | [string, number][] } }).model;
  const pieces = new Array<string>(tokenizer.vocabSize).fill("");
  if (Array.isArray(vocab)) vocab.forEach(([piece], id) => pieces[id] = piece);
  else for (const [piece, id] of Object.entries(vocab)) pieces[id] = piece;
  return pieces;
}
