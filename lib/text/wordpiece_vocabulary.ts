/**
 * Learns a WordPiece vocabulary from texts, for models that start from nothing. As in Hugging Face's WordPieceTrainer,
 * the most frequent pair of neighbouring pieces becomes a piece, again and again (byte-pair encoding, Sennrich et al.
 * 2016, with "##" before pieces inside a word). Google's own trainer was never published.
 */
import { countWords } from "./tokenizer.ts";
import { specialPieces } from "./tokenizer_files.ts";

/** Options of {@link learnWordpieces}. */
export interface VocabularyOptions {
  /** Largest V, special tokens included; 8,000 if not given. */
  readonly maxVocabulary?: number;
  /** Fewest occurrences of a pair that becomes a piece; 2 if not given. */
  readonly minCount?: number;
  /** Largest number of different characters, the most frequent ones; 1,000 if not given. */
  readonly maxCharacters?: number;
}

/** Longest word in characters; BERT's tokenizers make a longer one [UNK]. */
const longestWord = 100;

/** Limit of the ids, so that left * mostPieces + right is a pair's number. */
const mostPieces = 2 ** 24;

/** A word as ids of pieces, and how often it occurs. */
interface Word {
  ids: number[];
  readonly count: number;
}

/**
 * Learns a vocabulary for `vocabularyTokenizer`: special tokens, characters, then pieces in the order in which they
 * were learnt. It depends on the words' counts alone: of equally frequent pairs the one with smaller ids comes first. A
 * character of a longer word has both forms ("a", "##a"), so that each word of known characters can be spelt; words
 * with other characters are left out.
 *
 * @param texts the texts to count, training texts only
 */
export function learnWordpieces(
  texts: Iterable<string>,
  { maxVocabulary = 8000, minCount = 2, maxCharacters = 1000 }: VocabularyOptions = {},
): string[] {
  if (!(maxVocabulary > specialPieces.length && maxVocabulary < mostPieces)) {
    throw new RangeError(
      `Expected a vocabulary of more than ${specialPieces.length} pieces, found ${maxVocabulary}`,
    );
  }
  const counts = [...countWords(texts)].map(([word, count]) => ({ characters: [...word], count }))
    .filter(({ characters }) => characters.length <= longestWord);
  const room = maxVocabulary - specialPieces.length;
  const pieces = [...specialPieces, ...characterPieces(counts, Math.min(room, maxCharacters), room)];
  const idOf = new Map(pieces.map((piece, id) => [piece, id]));
  const words: Word[] = [];
  for (const { characters, count } of counts) {
    const ids = characters.map((character, place) => idOf.get(place === 0 ? character : `##${character}`));
    if (ids.every((id) => id !== undefined)) words.push({ ids, count });
  }
  const pairs = new Pairs(words);
  while (pieces.length < maxVocabulary) {
    const pair = pairs.mostFrequent();
    if (!pair || pair.count < minCount) break;
    const piece = pieces[pair.left]! + pieces[pair.right]!.slice(2);
    const known = idOf.get(piece);
    const id = known ?? pieces.push(piece) - 1;
    idOf.set(piece, id);
    pairs.merge(pair.left, pair.right, id);
  }
  return pieces;
}

/** Returns the forms of the most frequent characters that fit, in the order of their code points. */
function characterPieces(
  words: readonly { readonly characters: readonly string[]; readonly count: number }[],
  most: number,
  room: number,
): string[] {
  const counts = new Map<string, number>();
  const inside = new Set<string>();
  for (const { characters, count } of words) {
    for (const character of characters) {
      counts.set(character, (counts.get(character) ?? 0) + count);
      if (characters.length > 1) inside.add(character);
    }
  }
  const byCode = (a: string, b: string) => a.codePointAt(0)! - b.codePointAt(0)!;
  const frequent = [...counts.keys()].sort((a, b) => counts.get(b)! - counts.get(a)! || byCode(a, b));
  let size = 0;
  const fitting = frequent.slice(0, most).filter((character) =>
    (size += inside.has(character) ? 2 : 1) <= room
  ).sort(byCode);
  return [...fitting, ...fitting.filter((character) => inside.has(character)).map((one) => `##${one}`)];
}

/** Counts of neighbouring pieces, kept up to date while pairs are merged. */
class Pairs {
  readonly #words: readonly Word[];
  readonly #counts = new Map<number, number>();
  /** Words that hold, or once held, a pair. */
  readonly #places = new Map<number, Set<number>>();
  /** Pairs by decreasing count, which may have fallen since. */
  readonly #queue: { key: number; count: number }[] = [];

  constructor(words: readonly Word[]) {
    this.#words = words;
    words.forEach((_, place) => this.#change(place, 1));
    for (const key of this.#counts.keys()) this.#enqueue(key);
  }

  /** Returns the most frequent pair, the one with the smallest ids among equals. */
  mostFrequent(): { left: number; right: number; count: number } | undefined {
    for (let top = this.#queue[0]; top; top = this.#queue[0]) {
      const { key, count } = top;
      const now = this.#counts.get(key) ?? 0;
      if (now === count) return { left: Math.floor(key / mostPieces), right: key % mostPieces, count };
      this.#dequeue();
      if (now > 0) this.#enqueue(key);
    }
    return undefined;
  }

  /** Replaces neighbours by one piece in all words, from the left. */
  merge(left: number, right: number, merged: number): void {
    const changed = new Set<number>();
    const key = left * mostPieces + right;
    for (const place of this.#places.get(key) ?? []) {
      const word = this.#words[place]!;
      this.#change(place, -1);
      const ids: number[] = [];
      for (let i = 0; i < word.ids.length; i++) {
        if (word.ids[i] === left && word.ids[i + 1] === right) {
          ids.push(merged);
          i++;
        } else ids.push(word.ids[i]!);
      }
      word.ids = ids;
      for (const pair of this.#change(place, 1)) changed.add(pair);
    }
    this.#places.delete(key);
    for (const pair of changed) this.#enqueue(pair);
  }

  /** Adds or subtracts the pairs of a word, and returns them. */
  #change(place: number, sign: 1 | -1): number[] {
    const { ids, count } = this.#words[place]!;
    const keys = ids.slice(1).map((right, i) => ids[i]! * mostPieces + right);
    for (const key of keys) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + sign * count);
      if (sign < 0) continue;
      const places = this.#places.get(key);
      if (places) places.add(place);
      else this.#places.set(key, new Set([place]));
    }
    return keys;
  }

  #before(a: { key: number; count: number }, b: { key: number; count: number }): boolean {
    return a.count > b.count || (a.count === b.count && a.key < b.key);
  }

  #enqueue(key: number): void {
    const queue = this.#queue;
    const item = { key, count: this.#counts.get(key)! };
    let place = queue.length;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#before(item, queue[parent]!)) break;
      queue[place] = queue[parent]!;
      place = parent;
    }
    queue[place] = item;
  }

  #dequeue(): void {
    const queue = this.#queue;
    const item = queue.pop()!;
    if (queue.length === 0) return;
    let place = 0;
    for (let child = 1; child < queue.length; child = 2 * place + 1) {
      if (child + 1 < queue.length && this.#before(queue[child + 1]!, queue[child]!)) child++;
      if (!this.#before(queue[child]!, item)) break;
      queue[place] = queue[child]!;
      place = child;
    }
    queue[place] = item;
  }
}
