/** WordNet's data files: a line a synset (wndb(5WN) describes the format). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The parts of speech, each with a file of its own. */
export const partsOfSpeech = ["noun", "verb", "adj", "adv"] as const;

/** A meaning, the words for it and its gloss. */
export interface Synset {
  /** Its offset in the file, which pointers name. */
  readonly id: string;
  /** The number of its lexicographer file: 18 is noun.person. */
  readonly lexicographerFile: number;
  /** The words for it, with blanks for underscores. */
  readonly words: readonly string[];
  /** Synsets that it is a kind of (pointers `@`). */
  readonly hypernyms: readonly string[];
  /** Synsets that it is an instance of (pointers `@i`); only names have any. */
  readonly instanceOf: readonly string[];
  /** The gloss: the definition without a leading field label such as "(law)", then its examples, without quotes. */
  readonly sentences: readonly string[];
}

/** Reads the synsets of a file in their order, which is that of their offsets. */
export async function readSynsets(
  folder: string,
  partOfSpeech: typeof partsOfSpeech[number],
): Promise<Synset[]> {
  const file = await readFile(join(folder, "dict", `data.${partOfSpeech}`), "utf8");
  return file.split("\n").filter((line) => /^\d/.test(line)).map(parseSynset);
}

/** Parses `offset lexfile type words(hex) {word id} pointers {symbol offset type source/target} [frames] | gloss` */
export function parseSynset(line: string): Synset {
  const bar = line.indexOf(" | ");
  const fields = line.slice(0, bar).split(" ");
  const pointersAt = 4 + 2 * parseInt(fields[3]!, 16);
  const words = fields.slice(4, pointersAt).filter((_, place) => place % 2 === 0);
  const pointers = (symbol: string) =>
    Array.from({ length: Number(fields[pointersAt]) }, (_, i) => pointersAt + 1 + 4 * i)
      .filter((at) => fields[at] === symbol)
      .map((at) => fields[at + 1]!);
  return {
    id: fields[0]!,
    lexicographerFile: Number(fields[1]),
    words: words.map((word) => word.replaceAll("_", " ")),
    hypernyms: pointers("@"),
    instanceOf: pointers("@i"),
    sentences: sentencesOf(line.slice(bar + 3)),
  };
}

/** Splits `(label) definition; "example"; "example"`: a quotation mark after ; or : starts an example. */
function sentencesOf(gloss: string): string[] {
  return gloss
    .trim()
    .replace(/^(?:\([^)]*\)[\s:]*)+(?=.)/, "")
    .split(/[;:]\s*(?=")/)
    .map((part) =>
      part.replaceAll('"', "").replaceAll("`", "'").replace(/\s+/g, " ").replace(/[\s;:,]+$/, "")
    )
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
