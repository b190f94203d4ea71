/**
 * Keyed randomness: every random number of a run is a pure function of a key, so that a resumed run, another
 * engine, or another machine draws the same ones.
 */

/** lowbias32 (Wellons 2018): a bijective 32-bit integer hash with low avalanche bias. */
export function lowbias32(value: number): number {
  let x = value >>> 0;
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** Derives a new 32-bit key from a key and any number of integers (step, site, epoch, …); the order matters. */
export function fold(key: number, ...values: number[]): number {
  let folded = lowbias32(key);
  for (const value of values) folded = lowbias32((folded ^ lowbias32((value + 0x9e3779b9) | 0)) >>> 0);
  return folded;
}

/** A stream of uniform numbers in [0, 1) from a 32-bit key. */
export class Random {
  #counter = 0;
  readonly #key: number;

  constructor(key: number) {
    this.#key = lowbias32(key);
  }

  /** Returns the next 32 random bits, as an unsigned integer. */
  bits(): number {
    return lowbias32((this.#key ^ lowbias32(this.#counter++)) >>> 0);
  }

  /** Returns a number uniform in [0, 1), with 32 bits of resolution. */
  uniform(): number {
    return this.bits() / 0x100000000;
  }

  /** Returns a whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  /** Returns a standard normal number (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Returns the same items in random order (Fisher–Yates), as a new array. */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
    }
    return shuffled;
  }
}
