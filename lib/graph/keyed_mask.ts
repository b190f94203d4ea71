/**
 * Dropout masks as a pure function, the same on every engine.
 *
 * Element e of n: with h = ⌈n/2⌉ and siteKey = lowbias32(key ⊕ lowbias32(site)), the 32-bit word
 * lowbias32((e mod h) ⊕ siteKey) gives its low half to e < h and its high half to the others; the element is kept
 * when that 16-bit number is at least round(65536 · rate).
 */
import { lowbias32 } from "../random.ts";

/** Returns the number below which an element's 16 random bits drop it. */
export function dropThreshold(rate: number): number {
  return Math.round(rate * 0x10000);
}

/** Returns the hash of a site's number, which is its part of the key. */
export function siteConstant(site: number): number {
  return lowbias32(site);
}

/** Returns the mask of one site as 0 and 1, `size` elements. */
export function keyedMask(key: number, site: number, size: number, rate: number): Uint8Array {
  const mask = new Uint8Array(size);
  const half = Math.ceil(size / 2);
  const threshold = dropThreshold(rate);
  const siteKey = lowbias32((key ^ siteConstant(site)) >>> 0);
  for (let i = 0; i < half; i++) {
    const word = lowbias32((i ^ siteKey) >>> 0);
    mask[i] = (word & 0xffff) >= threshold ? 1 : 0;
    if (half + i < size) mask[half + i] = (word >>> 16) >= threshold ? 1 : 0;
  }
  return mask;
}
