/**
 * The normalizer of SentencePiece's vocabularies, "Precompiled": a table of texts and what takes their places, as a
 * double array (Aoe 1989) over UTF-8 bytes.
 * Source: https://github.com/huggingface/spm_precompiled, src/lib.rs
 */

/** Graphemes of fewer bytes than this are looked up as a whole, before their characters. */
const longestGrapheme = 6;

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * Returns the normalizer of a table.
 *
 * @param charsmap in base64: the double array's length in bytes, its units of 32 bits, and the replacements, each with
 * a zero at its end
 * @throws RangeError if it is broken.
 */
export function charsmapNormalizer(charsmap: string): (text: string) => string {
  const bytes = bytesOf(charsmap);
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? NaN : view.getUint32(0, true);
  if (!(size >= 4 && size % 4 === 0 && 4 + size <= bytes.length)) {
    throw new RangeError("Expected a table of replacements");
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = bytes.subarray(4 + size);
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  const known = new Map<string, string | undefined>();

  /** Returns what takes the place of the shortest beginning that the table has; undefined if it has none. */
  const find = (key: Uint8Array): string | undefined => {
    let node = offset(units[0]!);
    for (const byte of key) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || ((unit & 0x800000ff) >>> 0) !== byte) return undefined;
      node ^= offset(unit);
      if ((unit >>> 8 & 1) === 0) continue;
      const start = (units[node] ?? 0) & 0x7fffffff;
      return decoder.decode(replacements.subarray(start, replacements.indexOf(0, start)));
    }
    return undefined;
  };
  const replaced = (part: string): string | undefined => {
    if (!known.has(part)) known.set(part, find(encoder.encode(part)));
    return known.get(part);
  };
  return (text) => {
    let result = "";
    for (const { segment } of graphemes.segment(text)) {
      const whole = encoder.encode(segment).length < longestGrapheme ? replaced(segment) : undefined;
      if (whole !== undefined) result += whole;
      else for (const character of segment) result += replaced(character) ?? character;
    }
    return result;
  };
}

/** Returns the bytes of a text in base64; none if it is no such text. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

function offset(unit: number): number {
  return unit >>> 10 << ((unit & 0x200) >>> 6);
}
