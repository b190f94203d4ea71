import assert from "node:assert/strict";
import { explain, textParts } from "../../lib/classifier/occlusion.ts";
import { classifierOf } from "../../lib/classifier/tested.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { fold, Random } from "../../lib/random.ts";
import { tinyModel } from "../helpers/example_model.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const wordsOf = (text: string, most?: number) => {
  const { kind, parts } = textParts(text, most);
  return [kind, ...parts.map(({ start, end }) => text.slice(start, end))];
};

Deno.test("a text's parts are its words, and of a long text its sentences or stretches of words", () => {
  assert.deepEqual(wordsOf("It's good, isn't it?"), ["word", "It's", "good", "isn't", "it"]);
  assert.deepEqual(wordsOf("مرحبا بالعالم!"), ["word", "مرحبا", "بالعالم"]);
  assert.equal(wordsOf("今天天气很好。").slice(1).join(""), "今天天气很好");
  assert.deepEqual(wordsOf(":-) !!"), ["word", ":-)", "!!"]);
  assert.deepEqual(wordsOf(" "), ["word"]);
  assert.deepEqual(wordsOf("One two. Three! Four? Five six.", 4), [
    "sentence",
    "One two. ",
    "Three! ",
    "Four? ",
    "Five six.",
  ]);
  assert.deepEqual(wordsOf("a b c d e f g", 3), ["stretch", "a b c", "d e f", "g"]);
});

/** A classifier whose probability is the share of the words that are "good": what each word is worth can be counted. */
const share = {
  labels: ["bad", "good"],
  probabilities: (texts: readonly (string | { readonly text: string; readonly pair?: string })[]) =>
    Promise.resolve(Float64Array.from(texts.flatMap((given) => {
      const { text, pair = "" } = typeof given === "string" ? { text: given } : given;
      const words = `${text} ${pair}`.split(" ").filter((word) => word !== "");
      const good = words.filter((word) => word === "good").length / words.length;
      return [1 - good, good];
    }))),
};

Deno.test("a part is worth what the probability changes by when it is left out", async () => {
  const { label, probability, kind, parts } = await explain(share, "good good plain");
  assert.deepEqual([label, probability, kind], ["good", .666667, "word"]);
  assert.deepEqual(parts.map(({ text, start, end, change }) => [text, start, end, change]), [
    ["good", 0, 4, Number((2 / 3 - 1 / 2).toFixed(6))],
    ["good", 5, 9, Number((2 / 3 - 1 / 2).toFixed(6))],
    ["plain", 10, 15, Number((2 / 3 - 1).toFixed(6))],
  ]);
  const other = await explain(share, "good good plain", { label: "bad" });
  assert.deepEqual(other.parts.map(({ change }) => change), parts.map(({ change }) => -change));
});

Deno.test("the texts of a pair are explained together", async () => {
  const { parts } = await explain(share, { text: "good", pair: "plain words" }, { label: "good" });
  assert.deepEqual(parts.map(({ of, text }) => [of, text]), [["text", "good"], ["pair", "plain"], [
    "pair",
    "words",
  ]]);
  assert.deepEqual(parts.map(({ change }) => change), [.333333, -.166667, -.166667]);
});

/**
 * Texts of six words of which one, at any place, decides: "mo" is of class "o", "mu" of class "u". Without either a text
 * is of class "neither"; else a model could take all that has no "mo" for "u", and no word would speak for that.
 */
function decidedTexts(count: number, seed: number) {
  return Array.from({ length: count }, (_, index) => {
    const random = new Random(fold(seed, index));
    const label = index % 3;
    const words = Array.from({ length: 6 }, () => "bdgkpt"[random.below(6)]! + "e");
    if (label < 2) words[random.below(6)] = ["mo", "mu"][label]!;
    return { text: words.join(" "), label };
  });
}

Deno.test("the word that decides by construction is the one that is marked", async () => {
  const data = {
    ...{
      name: "decided",
      language: "en" as const,
      labels: ["o", "u", "neither"],
      source: "made up",
      note: "",
      fingerprint: "1",
    },
    ...{ train: decidedTexts(384, 1), dev: decidedTexts(32, 2), test: decidedTexts(32, 3) },
  };
  const engine = onnxEngine({ threads: 1 });
  const run = await fineTune(
    await tinyModel(data, { dropout: 0 }),
    data,
    tinySettings({ epochs: 6, maxLength: 20 }),
    { engine },
  );
  assert.equal(run.test!.errorRate, 0);
  const classifier = classifierOf(run, { engine });
  for (const { text, label } of data.test.filter(({ label }) => label < 2)) {
    const { parts, ...found } = await explain(classifier, text);
    assert.equal(found.label, data.labels[label]);
    const [most] = parts.toSorted((a, b) => b.change - a.change);
    assert.equal(most!.text, ["mo", "mu"][label], `${text}: ${JSON.stringify(parts)}`);
    assert.ok(most!.change > .2);
  }
  await classifier.dispose();
  engine.dispose();
});
