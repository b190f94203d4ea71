import "../../lib/engine/no_telemetry.ts";
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AutoTokenizer, env } from "@huggingface/transformers";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { exampleTexts } from "../helpers/example_model.ts";
import { hasTransformers } from "../golden/transformers.ts";
import { assertClose, exportTrained, hasOnnxRuntime, runCards } from "./exported_classifier.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { type ClassifierKind, ownLogits, trainedClassifier } from "./trained_classifier.ts";
import { slowUnless } from "../helpers/slow.ts";

env.allowRemoteModels = false;

/** Pairs of 1 to 40 words: in all, and each of them, shorter and longer than an input. */
const pairs = [[1, 1], [3, 2], [7, 1], [1, 7], [4, 4], [20, 20], [40, 2], [2, 40], [8, 40]].map((
  [words, others],
  n,
) => ({
  text: exampleTexts(1, words!, n)[0]!.text,
  pair: exampleTexts(1, others!, 100 + n)[0]!.text,
}));

/** Number of pairs that fit into one input. */
const shortPairs = 2;

for (const kind of [{ text: "tail" }, { text: "hierarchical-attention" }, { features: "last 4 concat" }]) {
  const name = Object.values(kind).join();
  const test = slowUnless(kind.text === "tail");
  test(`the card's JavaScript gives our logits of pairs: ${name}`, () =>
    inFolder(async (folder) => {
      const exported = join(folder, "exported");
      const run = await exportTrained(exported, { ...kind, pairs: true });
      const expected = await ownLogits(run, pairs);
      const card = await readFile(join(exported, "README.md"), "utf8");
      const [short, long] = [...card.matchAll(/```js\n(.*?)```/gs)].map(([, code]) =>
        code!.replace('"./exported"', JSON.stringify(exported))
      );
      await writeFile(
        join(folder, "long.mjs"),
        long!.replace('console.log(await logitsOf("A text.", "Its pair."));', "export { logitsOf, model };"),
      );
      const { logitsOf, model } = await import(`file://${join(folder, "long.mjs")}`);
      const found: number[][] = [];
      for (const { text, pair } of pairs) found.push(await logitsOf(text, pair));
      assertClose(found, expected, name);
      await model.dispose();

      for (const [n, { text, pair }] of pairs.slice(0, shortPairs).entries()) {
        const code = short!.replace('"A text."', JSON.stringify(text))
          .replace('"Its pair."', JSON.stringify(pair))
          .replace("console.log(logits.tolist()[0]);", "export { logits, model };");
        await writeFile(join(folder, `short${n}.mjs`), code);
        const { logits, model } = await import(`file://${join(folder, `short${n}.mjs`)}`);
        assertClose([logits.tolist()[0]], [expected[n]!], text);
        await model.dispose();
      }
    }));
}

Deno.test("the card of a classifier of pairs says what it reads, and where the libraries differ", () =>
  inFolder(async (folder) => {
    const exported = join(folder, "exported");
    await exportTrained(exported, { text: "tail", pairs: true });
    const card = await readFile(join(exported, "README.md"), "utf8");
    const note =
      "Of a pair of more than 13 wordpieces the training cut the longer text first; transformers.js, whose pipeline " +
      "takes no pairs, cuts the second text and the final [SEP]: use the code of README.md for such pairs.";
    for (
      const part of [`- ${note}\n`, "Pairs of texts, at most 16", "text_pair", "tokenizer(text, pair, trunc"]
    ) {
      assert.ok(card.includes(part), part);
    }
    assert.ok(!card.includes("pipeline("), "no pipeline is shown");
    const tokenizer = await AutoTokenizer.from_pretrained(exported);
    const settings = JSON.parse(await readFile(join(exported, "tokenizer_config.json"), "utf8"));
    assert.equal(settings.truncation_side, "right");
    const { ids: special } = await loadTokenizer(exported);
    const { input_ids: ids } = tokenizer("bo", { text_pair: pairs.at(-1)!.pair, truncation: true });
    assert.notEqual(
      Number(ids.data[15]),
      special.sep,
      "transformers.js cuts pairs as Python does now: correct the card",
    );
  }));

const pairTest = "the card's Python gives our logits of pairs of any length";
Deno.test({
  name: pairTest,
  ignore: !hasOnnxRuntime(pairTest),
  fn: () =>
    inFolder(async (folder) => {
      const cases: ClassifierKind[] = [{ text: "tail" }, { text: "hierarchical-attention" }, {
        features: "last 4 max",
      }];
      const folders = cases.map((_, i) => join(folder, `${i}`));
      for (const [i, exported] of folders.entries()) {
        await exportTrained(exported, { ...cases[i]!, pairs: true });
      }
      const results = runCards(folders, pairs.map(({ text, pair }) => [text, pair] as const));
      const torch = hasTransformers(`${pairTest}, by PyTorch`);
      for (const [i, found] of results.entries()) {
        const expected = await ownLogits(await trainedClassifier({ ...cases[i]!, pairs: true }), pairs);
        assertClose(found.onnxruntime, expected, `onnxruntime, ${i}`);
        const own = torch && !cases[i]!.features;
        assert.deepEqual(Object.keys(found), ["onnxruntime", ...own ? ["transformers"] : []]);
        if (own) assertClose(found.transformers!, expected, `transformers, ${i}`);
      }
    }),
});
