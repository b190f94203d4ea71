/** Groups of mails that belong together: threads, and texts that are nearly the same. */
import { lowbias32 } from "../../random.ts";

/** The parts of a mail that tell its group. */
export interface Groupable {
  /** Its own Message-ID and those it refers to. */
  readonly ids: readonly string[];
  /** The subject without `Re:`; if there is none, the body's first line stands for it. */
  readonly subject: string;
  /** Its text. */
  readonly body: string;
}

/** Words in a shingle, the run of words that is compared. */
const shingleWords = 4;
/** Hashes in a sketch: a text's smallest hashes of shingles stand for it (Broder 1997). */
const sketchSize = 32;
/** Smallest common share of two sketches whose texts are nearly the same. */
const nearlySame = 0.5;

/** Returns each mail's group number: the place of the group's first mail. */
export function groupMails(mails: readonly Groupable[]): number[] {
  const parents = mails.map((_, place) => place);
  const root = (place: number): number => {
    while (parents[place] !== place) place = parents[place] = parents[parents[place]!]!;
    return place;
  };
  const join = (a: number, b: number) => {
    const [low, high] = [root(a), root(b)].sort((x, y) => x - y);
    parents[high!] = low!;
  };
  const firsts = new Map<string, number>();
  const joinBy = (key: string, place: number) => {
    const first = firsts.get(key);
    if (first === undefined) firsts.set(key, place);
    else join(first, place);
  };
  mails.forEach(({ ids, subject, body }, place) => {
    for (const id of ids) joinBy(`id ${id}`, place);
    const words = wordsOf(subject || body.split("\n", 1)[0]!).join(" ");
    if (words !== "" && words !== "no subject") joinBy(`subject ${words}`, place);
  });
  for (const [a, b] of nearlySamePairs(mails.map(({ body }) => sketch(body)))) join(a, b);
  return parents.map((_, place) => root(place));
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** Returns the smallest hashes of all runs of words. */
function sketch(text: string): number[] {
  const words = wordsOf(text.replace(/\bhttps?:\S+/gi, " "));
  const hashes = new Set<number>();
  for (let start = 0; start === 0 || start + shingleWords <= words.length; start++) {
    hashes.add(hashOf(words.slice(start, start + shingleWords).join(" ")));
  }
  return [...hashes].sort((a, b) => a - b).slice(0, sketchSize);
}

/** Yields pairs that have enough in common, measured by the larger of their sketches. */
function* nearlySamePairs(sketches: readonly number[][]): Generator<[number, number]> {
  const holders = new Map<number, number[]>();
  for (const [place, hashes] of sketches.entries()) {
    const shared = new Map<number, number>();
    for (const hash of hashes) {
      const earlier = holders.get(hash) ?? [];
      for (const other of earlier) shared.set(other, (shared.get(other) ?? 0) + 1);
      earlier.push(place);
      holders.set(hash, earlier);
    }
    for (const [other, count] of shared) {
      if (count >= nearlySame * Math.max(hashes.length, sketches[other]!.length)) yield [other, place];
    }
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return lowbias32(hash);
}
