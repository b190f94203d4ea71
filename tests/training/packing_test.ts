import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Random } from "../../lib/random.ts";
import { firstFit, fittingSize, pack, type PackedSize, packedSizes } from "../../lib/training/packing.ts";

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Checks all that a packing promises. */
function requirePacked(lengths: readonly number[], size: PackedSize): void {
  const { S, R, T } = size;
  const { starts, tokens, places, sequences } = pack(lengths, size);
  assert.deepEqual(
    [starts.length, tokens.length, places.length, sequences.length],
    [lengths.length, R * T, S, R * T],
  );
  assert.equal(new Set(places).size, S, "each token has a place of its own");
  places.forEach((place, token) => assert.equal(tokens[place], token));
  const real = sum(lengths);
  lengths.forEach((length, i) => {
    assert.equal(starts[i], sum(lengths.slice(0, i)), "one after another in the list");
    if (length === 0) return;
    const first = places[starts[i]!]!;
    assert.ok(first % T + length <= T, "in one row");
    for (let t = 0; t < length; t++) {
      assert.equal(places[starts[i]! + t], first + t, "without a gap");
      assert.equal(sequences[first + t], i + 1);
    }
  });
  assert.equal(sequences.filter((number) => number > 0).length, real, "no place but theirs has a number");
  const covered = new Set(places);
  tokens.forEach((token, place) => {
    if (!covered.has(place)) assert.deepEqual([token, sequences[place]], [S - 1, 0]);
  });
}

Deno.test("sequences are placed in rows, the longest first; padding takes what is left, then nothing", () => {
  const { starts, tokens, places, sequences } = pack([2, 4, 1], { S: 9, R: 2, T: 6 });
  assert.deepEqual([...starts], [0, 2, 6]);
  assert.deepEqual([...sequences], [2, 2, 2, 2, 1, 1, 3, 0, 0, 0, 0, 0]);
  assert.deepEqual([...tokens], [2, 3, 4, 5, 0, 1, 6, 7, 8, 8, 8, 8]);
  assert.deepEqual([...places], [4, 5, 0, 1, 2, 3, 6, 7, 8]);
});

Deno.test("each token of random sequences has one place, in its sequence's row", () => {
  const random = new Random(1);
  for (let round = 0; round < 300; round++) {
    const longest = 1 + random.below(60);
    const lengths = Array.from({ length: random.below(30) }, () => random.below(longest + 1));
    const T = longest + random.below(longest);
    const R = Math.max(1, firstFit(lengths, T).length) + random.below(3);
    const real = Math.max(1, sum(lengths));
    const S = real + random.below(R * T - real + 1);
    requirePacked(lengths, { S, R, T });
    // no room is left
    if (real === sum(lengths)) requirePacked(lengths, { S: real, R, T });
  }
});

Deno.test("first fit takes each row that has room before a new one", () => {
  const random = new Random(2);
  for (let round = 0; round < 100; round++) {
    const lengths = Array.from({ length: 1 + random.below(40) }, () => 1 + random.below(50));
    const T = 50 + random.below(50);
    const rows = firstFit(lengths, T);
    assert.deepEqual(rows.flat().sort((a, b) => a - b), [...lengths.keys()]);
    const used = rows.map((row) => sum(row.map((i) => lengths[i]!)));
    assert.ok(used.every((tokens) => tokens <= T));
    rows.forEach((row, r) => {
      for (const i of row) {
        for (let before = 0; before < r; before++) {
          // those that were placed earlier are longer, or as long and earlier
          const earlier = rows[before]!.filter((j) =>
            lengths[j]! > lengths[i]! || (lengths[j] === lengths[i] && j < i)
          );
          assert.ok(sum(earlier.map((j) => lengths[j]!)) + lengths[i]! > T, `${i} fits row ${before}`);
        }
      }
    });
  }
});

Deno.test("what does not fit is refused", () => {
  const message = "Cannot pack 12 tokens in 2 rows of 8: there is room for 11 in 2 rows";
  assert.throws(() => pack([6, 6], { S: 11, R: 2, T: 8 }), new RangeError(message));
  assert.throws(() => pack([6, 6], { S: 12, R: 1, T: 8 }), RangeError);
  assert.throws(() => pack([2], { S: 17, R: 2, T: 8 }), RangeError);
  assert.throws(
    () => pack([1, 9], { S: 10, R: 3, T: 8 }),
    new RangeError("Cannot pack a sequence of 9 tokens in rows of 8"),
  );
  assert.throws(
    () => fittingSize([[6, 6], [7, 7, 7]], [{ S: 16, R: 2, T: 8 }]),
    new RangeError("Expected a size for 32 tokens, found none"),
  );
});

/** Tokens computed for each real one if each group takes the smallest size that it fits. */
function computed(groups: readonly (readonly number[])[], sizes: readonly PackedSize[]): number {
  return sum(groups.map((group) => fittingSize([group], sizes).S)) / sum(groups.flat());
}

/** The fewest sizes with which 1.08 tokens are computed for a real one, of all choices among what groups need. */
function fewest(groups: readonly (readonly number[])[]): number {
  const needs = groups.map((group) => 16 * Math.ceil(sum(group) / 16));
  const values = [...new Set(needs)].sort((a, b) => a - b);
  let least = Infinity;
  for (let choice = 1 << (values.length - 1); choice < 1 << values.length; choice++) { // the largest always
    const chosen = values.filter((_, i) => choice >> i & 1);
    const total = sum(needs.map((need) => chosen.find((value) => value >= need)!));
    if (total <= 1.08 * sum(groups.flat())) least = Math.min(least, chosen.length);
  }
  return least;
}

Deno.test("sizes are the fewest with which 1.08 tokens are computed for a real one", () => {
  const random = new Random(3);
  const counts = new Set<number>();
  for (let round = 0; round < 60; round++) {
    const spread = 10 + random.below(400);
    const groups = Array.from(
      { length: 12 },
      () => Array.from({ length: 1 + random.below(3) }, () => 150 + random.below(spread)),
    );
    const sizes = packedSizes(groups);
    assert.equal(sizes.length, fewest(groups));
    assert.ok(computed(groups, sizes) <= 1.08);
    counts.add(sizes.length);
  }
  assert.ok(counts.size >= 4, `as many as ${[...counts]}`);
});

Deno.test("at most 8 sizes compute at most 1.08 tokens for a real one, 1.1 where few texts differ most", () => {
  const random = new Random(4);
  const normal = () => sum(Array.from({ length: 12 }, () => random.uniform())) - 6;
  const within = (length: number) => Math.round(Math.min(512, Math.max(8, length)));
  const distributions: Record<string, () => number> = {
    constant: () => 100,
    uniform: () => within(512 * random.uniform()),
    "log-normal": () => within(Math.exp(4.5 + .8 * normal())),
    exponential: () => within(-60 * Math.log(1 - random.uniform())),
    "short or long": () => random.uniform() < .8 ? 20 : 512,
    "nearly all long": () => random.uniform() < .05 ? 20 : 512,
  };
  for (const [name, draw] of Object.entries(distributions)) {
    for (const B of [8, 16, 24, 32]) {
      const groups = Array.from({ length: 300 }, () => Array.from({ length: B }, draw));
      const sizes = packedSizes(groups);
      const found = computed(groups, sizes);
      const limit = name === "exponential" && B === 8 ? 1.1 : 1.08;
      assert.ok(sizes.length <= 8 && found <= limit, `${name}, ${B}: ${found} with ${sizes.length}`);
      sizes.forEach(({ S, R, T }, i) => {
        assert.ok(S % 16 === 0 && T % 16 === 0 && S <= R * T);
        assert.ok(T >= Math.max(...groups.flat()) && T < 2 * Math.max(...groups.flat()) + 32);
        if (i > 0) assert.ok(S > sizes[i - 1]!.S && R >= sizes[i - 1]!.R && T === sizes[0]!.T);
      });
      for (const group of groups.slice(0, 20)) requirePacked(group, fittingSize([group], sizes));
    }
  }
});

Deno.test("sizes depend on the lengths alone, and where others are expected all texts of the longest fit", () => {
  const random = new Random(5);
  const groups = Array.from({ length: 50 }, () => Array.from({ length: 8 }, () => 1 + random.below(60)));
  assert.deepEqual(packedSizes(groups), packedSizes(groups));
  const sizes = packedSizes(groups, { sequences: 8, longest: 128 });
  assert.deepEqual(sizes.at(-1), { S: 1024, R: 8, T: sizes[0]!.T });
  requirePacked(new Array(8).fill(128), fittingSize([new Array(8).fill(128)], sizes));
  assert.deepEqual(packedSizes([[0]]), [{ S: 16, R: 1, T: 16 }], "a list without a text");
  assert.deepEqual(packedSizes([]), []);
});

const table: Record<string, number[]> = JSON.parse(
  await readFile(new URL("../golden/text_lengths.json", import.meta.url), "utf8"),
);

for (const [name, counts] of Object.entries(table)) {
  Deno.test(`batches of 24 texts of ${name} compute at most 1.08 tokens for a real one`, () => {
    for (const longest of [64, 128, 512]) {
      const lengths: number[] = [];
      for (let i = 0; i < counts.length; i += 2) {
        for (let text = 0; text < counts[i + 1]!; text++) lengths.push(Math.min(longest, counts[i]!));
      }
      const groups = [1, 2, 3, 4].flatMap((key) => {
        const order = new Random(key).shuffle(lengths);
        return Array.from(
          { length: Math.ceil(order.length / 24) },
          (_, b) => order.slice(24 * b, 24 * b + 24),
        );
      });
      const sizes = packedSizes(groups);
      const found = computed(groups, sizes);
      assert.ok(found <= 1.08, `at ${longest}: ${found}`);
      assert.ok(
        sizes.length <= (name === "imdb" && longest === 512 ? 4 : 8),
        `at ${longest}: ${sizes.length} sizes`,
      );
    }
  });
}
