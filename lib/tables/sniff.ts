/** The separator of delimited text, found out from its first rows. */
import { type Quotes, Splitter } from "./delimited.ts";

/** Characters of a file that the separator is found out from. */
export const sampleSize = 1 << 16;

/** Separators that are tried. */
const candidates = [",", "\t", ";", "|"];

/** The beginning of a text. */
interface Sample {
  readonly text: string;
  /** `true` if it is the whole text. */
  readonly isWhole: boolean;
  /** The meaning of its quotes. */
  readonly quotes?: Quotes;
}

/** A separator that the first rows show. */
export interface Sniffed {
  readonly separator: string;
  /** Length of a first line such as "sep=;", with its end; 0 without one. */
  readonly skip: number;
}

/**
 * Finds the separator of delimited text: that of a first line such as "sep=;", by which Excel tells; else the usual one
 * of the format if the header and all rows have it alike; else the one with which most rows are as the header.
 *
 * @param usual the usual separator of the format
 */
export function sniff(sample: Sample, usual: string): Sniffed {
  const said = /^"?sep=([^\r\n"])"?(?:\r\n|\n|\r)/i.exec(sample.text);
  if (said) return { separator: said[1]!, skip: said[0].length };
  const own = fit(sample, usual);
  if (own.width > 1 && own.share === 1) return { separator: usual, skip: 0 };
  let [separator, share] = [usual, own.width > 1 ? own.share : 1 / 2];
  for (const other of candidates) {
    const found = fit(sample, other);
    if (other !== usual && found.width > 1 && found.share > share) [separator, share] = [other, found.share];
  }
  return { separator, skip: 0 };
}

/** Returns the number of the header's values, and the share of rows that have as many. */
function fit(
  { text, isWhole, quotes }: Sample,
  separator: string,
): { width: number; share: number } {
  const widths: number[] = [];
  try {
    for (const { values } of new Splitter("", separator, quotes !== "none").records(text, isWhole)) {
      widths.push(values.length);
    }
  } catch {
    // Quotes that are not balanced: the rows before them tell enough.
  }
  const [width = 0, ...others] = widths;
  const alike = others.filter((other) => other === width).length;
  return { width, share: others.length === 0 ? 1 : alike / others.length };
}
