import assert from "node:assert/strict";
import {
  type Example,
  fingerprintOf,
  overlapNote,
  stratifiedOrder,
  stratifiedPart,
  stratifiedSplit,
} from "../../lib/data/examples.ts";

/** 70 of class 0, 20 of class 1, 10 of class 2. */
const examples = Array.from({ length: 100 }, (_, i): Example => {
  return { text: `text ${i}`, label: i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 2 };
});
const counts = (part: readonly Example[]) =>
  [0, 1, 2].map((c) => part.filter(({ label }) => label === c).length);

Deno.test("every prefix of the stratified order holds each class in its share, to one example", () => {
  const order = stratifiedOrder(examples, 1);
  assert.deepEqual(order.toSorted((a, b) => a - b), examples.map((_, i) => i));
  for (let size = 0; size <= 100; size++) {
    const found = counts(order.slice(0, size).map((place) => examples[place]!));
    [0.7, 0.2, 0.1].forEach((share, label) => {
      assert.ok(Math.abs(found[label]! - share * size) <= 1, `${found} of ${size}`);
    });
  }
});

Deno.test("a smaller part lies in a larger one, also in a part of a part; another seed draws others", () => {
  const part = (from: readonly Example[], size: number, seed = 3) => stratifiedPart(from, size, seed);
  const fifty = part(examples, 50);
  assert.deepEqual(counts(fifty), [35, 10, 5]);
  assert.ok(part(examples, 20).every((example) => fifty.includes(example)));
  assert.deepEqual(part(fifty, 20), part(examples, 20));
  assert.notDeepEqual(part(examples, 20), part(examples, 20, 4));
  assert.deepEqual(
    fifty,
    fifty.toSorted((a, b) => examples.indexOf(a) - examples.indexOf(b)),
    "the order is kept",
  );
  assert.deepEqual(part(examples, 1000), examples);
});

Deno.test("a stratified split uses each example once", () => {
  const { train, dev, test } = stratifiedSplit(examples, { dev: 10, test: 30 }, 0);
  assert.deepEqual([counts(train), counts(dev), counts(test)], [[42, 12, 6], [7, 2, 1], [21, 6, 3]]);
  assert.deepEqual(new Set([...train, ...dev, ...test]).size, 100);
});

Deno.test("the fingerprint changes with a text, a label, a class name, the order and the split", () => {
  const [a, b] = [{ text: "a", label: 0 }, { text: "b\ud800", label: 1 }];
  const prints = [
    fingerprintOf(["x", "y"], { train: [a, b], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [b, a], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a], dev: [b], test: [] }),
    fingerprintOf(["x", "y"], { train: [a], dev: [], test: [b] }),
    fingerprintOf(["x", "z"], { train: [a, b], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a, { ...b, label: 0 }], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a, { ...b, text: "c" }], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a, { ...b, pair: "c" }], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a, { ...b, pair: "" }], dev: [], test: [] }),
    fingerprintOf(["x", "y"], { train: [a, { ...b, text: "b", pair: "\ud800c" }], dev: [], test: [] }),
  ];
  assert.equal(new Set(prints).size, prints.length);
  assert.ok(prints.every((print) => /^[0-9a-f]{64}$/.test(print)));
  assert.equal(prints[0], fingerprintOf(["x", "y"], { train: [{ ...a }, { ...b }], dev: [], test: [] }));
});

Deno.test("test texts that also stand in train or dev are told", () => {
  const of = (...texts: string[]) => texts.map((text): Example => ({ text, label: 0 }));
  assert.equal(overlapNote({ train: of("a"), dev: of("b"), test: of("c") }), "");
  assert.equal(
    overlapNote({ train: of("a"), dev: of("b"), test: of("c", "b") }),
    "1 of the 2 test texts also stands word for word in train or dev, and is kept",
  );
  assert.equal(
    overlapNote({ train: of("a"), dev: of("b"), test: of("a", "b", "b") }),
    "3 of the 3 test texts also stand word for word in train or dev, and are kept",
  );
  const pair = (text: string, pair: string): Example => ({ text, pair, label: 0 });
  assert.equal(overlapNote({ train: [pair("a", "b")], dev: [], test: [pair("a", "c")] }), "");
});
