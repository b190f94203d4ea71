import assert from "node:assert/strict";
import { describe } from "../../lib/data/describe.ts";
import type { Dataset } from "../../lib/data/examples.ts";

const words = { encode: (text: string) => new Int32Array(text.split(" ").length) };

Deno.test("a description has counts, classes, lengths and what to know", () => {
  const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1500];
  const data: Dataset = {
    name: "toy",
    language: "en",
    labels: ["no", "yes"],
    train: lengths.map((length, i) => ({ text: Array(length).fill("w").join(" "), label: i < 7 ? 0 : 1 })),
    dev: [],
    test: Array.from({ length: 1234 }, () => ({ text: "w", label: 0 })),
    fingerprint: "0123456789abcdef",
    source: "made up",
    note: "nothing",
  };
  assert.equal(
    describe(data, words, 10),
    `toy (en): made up
  train 10, dev 0, test 1,234
  2 classes: no 70.0 %, yes 30.0 %
  wordpieces of a training text: mean 155, median 5, 90 % up to 9, longest 1,500; 20.0 % over 8
  nothing
  fingerprint 0123456789ab`,
  );
  assert.equal(describe({ ...data, note: "" }).split("\n").length, 4, "no lengths without a tokenizer");
});
