/**
 * Packing: the tokens of a batch's sequences stand one after another in a list of S tokens, without padding between
 * them; attention alone sees them in R rows of T places, several sequences to a row (first fit, the longest first;
 * Krell et al. 2021). The list ends in padding up to one of a few sizes, since each size is compiled once.
 *
 * The rules for the sizes, each from the lengths alone, so that a resumed run finds the same ones:
 * - T: the length from the longest sequence to twice that, in steps of 16, with which all rows together have the fewest
 *   pairs of places, Σ R·T²: pairs are what attention computes.
 * - S: the fewest sizes (at most 8) with which at most 1.08 tokens are computed for each real one.
 */

/** The sizes of one packed batch, or of each of its equal parts. */
export interface PackedSize {
  /** Tokens of the list, padding at its end included. */
  readonly S: number;
  /** Rows of attention. */
  readonly R: number;
  /** Places of a row. */
  readonly T: number;
}

/** Sequences in a list and in rows. */
export interface Packing {
  /** [sequences] where each begins in the list. */
  readonly starts: Int32Array;
  /** [R·T] the token at each place of the rows; the list's last one where there is none. */
  readonly tokens: Int32Array;
  /** [S] the place of each token in the rows. */
  readonly places: Int32Array;
  /** [R·T] the number of the sequence at each place, from 1; 0 for padding or none. */
  readonly sequences: Int32Array;
}

/** A list's sizes are multiples of this. */
const grain = 16;
const mostSizes = 8;
const mostComputed = 1.08;

/**
 * Distributes sequences over rows of T places: the longest first, each into the first row with room.
 *
 * @throws RangeError if one is longer than a row.
 */
export function firstFit(lengths: readonly number[], T: number): number[][] {
  const rows: { left: number; members: number[] }[] = [];
  const longestFirst = lengths.map((_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  for (const i of longestFirst) {
    const length = lengths[i]!;
    if (length > T) throw new RangeError(`Cannot pack a sequence of ${length} tokens in rows of ${T}`);
    let row = rows.find(({ left }) => left >= length);
    if (!row) rows.push(row = { left: T, members: [] });
    row.left -= length;
    row.members.push(i);
  }
  return rows.map(({ members }) => members);
}

/**
 * Packs sequences of these lengths.
 *
 * @throws RangeError if they do not fit the size.
 */
export function pack(lengths: readonly number[], { S, R, T }: PackedSize): Packing {
  const rows = firstFit(lengths, T);
  const starts = new Int32Array(lengths.length);
  let real = 0;
  for (const [i, length] of lengths.entries()) {
    starts[i] = real;
    real += length;
  }
  if (rows.length > R || real > S || S > R * T) {
    throw new RangeError(
      `Cannot pack ${real} tokens in ${rows.length} rows of ${T}: there is room for ${S} in ${R} rows`,
    );
  }
  const tokens = new Int32Array(R * T).fill(S - 1);
  const places = new Int32Array(S);
  const sequences = new Int32Array(R * T);
  const put = (token: number, place: number) => {
    tokens[place] = token;
    places[token] = place;
  };
  let padding = real;
  for (let row = 0; row < R; row++) {
    let place = row * T;
    for (const i of rows[row] ?? []) {
      sequences.fill(i + 1, place, place + lengths[i]!);
      for (let t = 0; t < lengths[i]!; t++) put(starts[i]! + t, place++);
    }
    while (place < (row + 1) * T && padding < S) put(padding++, place++);
  }
  return { starts, tokens, places, sequences };
}

/** T of the rows for groups of sequences of `longest` tokens at most that are packed together, by their lengths. */
function rowLength(groups: readonly (readonly number[])[], longest: number): number {
  const least = roundUp(longest, 16);
  const sample = groups.length > 200
    ? groups.filter((_, i) => i % Math.ceil(groups.length / 200) === 0)
    : groups;
  let best = { T: least, pairs: Infinity };
  for (let T = least; T <= 2 * least; T += 16) {
    const pairs = sample.reduce((sum, group) => sum + firstFit(group, T).length * T * T, 0);
    if (pairs < best.pairs) best = { T, pairs };
  }
  return best.T;
}

/**
 * The sizes that groups of sequences need, ascending; a larger list has no fewer rows.
 *
 * @param groups lengths of the sequences that are packed together
 * @param others if there may be other groups: their most sequences, and the most tokens of one, for which a size is added
 */
export function packedSizes(
  groups: readonly (readonly number[])[],
  others?: { readonly sequences: number; readonly longest: number },
): PackedSize[] {
  const longest = groups.reduce((longest, group) => Math.max(longest, ...group), others?.longest ?? 1);
  const T = rowLength(groups, longest);
  const needs = groups.map((group) => ({ S: listLength(group), R: firstFit(group, T).length }));
  const real = groups.reduce((sum, group) => group.reduce((sum, length) => sum + length, sum), 0);
  const sizes = fewestSizes(needs.map(({ S }) => S), mostComputed * real).map((S): PackedSize => {
    const rows = needs.filter((need) => need.S <= S).map(({ R }) => R);
    return { S, R: Math.max(Math.ceil(S / T), ...rows), T };
  });
  const all = others && { S: roundUp(others.sequences * longest, grain), R: others.sequences, T };
  return all ? [...sizes, all] : sizes;
}

/** The smallest of some sizes in which all these groups fit, each by itself. @throws RangeError if there is none. */
export function fittingSize(
  groups: readonly (readonly number[])[],
  sizes: readonly PackedSize[],
): PackedSize {
  const S = Math.max(...groups.map(listLength));
  const found = sizes.find((size) =>
    size.S >= S && groups.every((group) => firstFit(group, size.T).length <= size.R)
  );
  if (!found) throw new RangeError(`Expected a size for ${S} tokens, found none`);
  return found;
}

function listLength(group: readonly number[]): number {
  return roundUp(Math.max(1, group.reduce((sum, length) => sum + length, 0)), grain);
}

/** The fewest sizes, ascending, that are together at most `limit` if each need takes the next size. */
function fewestSizes(needs: readonly number[], limit: number): number[] {
  const counts = new Map<number, number>();
  for (const need of needs) counts.set(need, (counts.get(need) ?? 0) + 1);
  const values = [...counts.keys()].sort((a, b) => a - b);
  const upTo = [0];
  for (const value of values) upTo.push(upTo.at(-1)! + counts.get(value)!);
  // least[i]: the least total of the first i values with so many sizes; from: where the last size's values begin
  let least = [0, ...values.map(() => Infinity)];
  const froms: number[][] = [];
  for (let sizes = 1; sizes <= mostSizes; sizes++) {
    const from = new Array<number>(values.length + 1).fill(0);
    least = least.map((_, i) => {
      let best = i === 0 ? 0 : Infinity;
      for (let begin = 0; begin < i; begin++) {
        const total = least[begin]! + values[i - 1]! * (upTo[i]! - upTo[begin]!);
        if (total < best) [best, from[i]] = [total, begin];
      }
      return best;
    });
    froms.push(from);
    if (least.at(-1)! <= limit) break;
  }
  const chosen: number[] = [];
  for (let end = values.length, at = froms.length - 1; end > 0; end = froms[at--]![end]!) {
    chosen.unshift(values[end - 1]!);
  }
  return chosen;
}

/** The multiple of `step` that is not below the value. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
