/** Texts that are nearly the same, found by sketches: a text's smallest hashes of shingles stand for it (Broder 1997). */
import { lowbias32 } from "../../random.ts";

/** Hashes in a sketch. */
const sketchSize = 32;
/** Smallest common share of two sketches whose texts are nearly the same. */
const nearlySame = 0.5;

/**
 * Returns a text's sketch: the smallest hashes of its shingles.
 *
 * @param parts the text's words or characters
 * @param run parts in a shingle, the run of parts that is compared
 * @param separator what stands between the parts
 */
export function sketchOf(parts: readonly string[], run: number, separator = ""): number[] {
  const hashes = new Set<number>();
  for (let start = 0; start === 0 || start + run <= parts.length; start++) {
    hashes.add(hashOf(parts.slice(start, start + run).join(separator)));
  }
  return [...hashes].sort((a, b) => a - b).slice(0, sketchSize);
}

/** Yields pairs of places whose sketches have enough in common, measured by the larger of the two. */
export function* nearlySamePairs(sketches: readonly number[][]): Generator<[number, number]> {
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
