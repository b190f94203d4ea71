/** Groups of mails that belong together: threads, and texts that are nearly the same. */
import { nearlySamePairs, sketchOf } from "./near_duplicates.ts";

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

/** Returns the sketch of a mail's words; addresses of pages do not count. */
function sketch(text: string): number[] {
  return sketchOf(wordsOf(text.replace(/\bhttps?:\S+/gi, " ")), shingleWords, " ");
}
