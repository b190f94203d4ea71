import assert from "node:assert/strict";
import { jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { showClassifier } from "../../lib/notebook/show_classifier.ts";
import { trainClassifier } from "../../lib/notebook/train.ts";
import { exampleDataset, tinyArchitecture } from "../helpers/example_model.ts";

const labels = ["<img src=x onerror=alert(1)>", "u"];
const trained = trainClassifier({ ...exampleDataset({ count: 24 }), labels }, {
  ...{ model: "new", architecture: tinyArchitecture, maxLength: 20, batchSize: 16, epochs: 1 },
  engine: "reference",
});
const texts = ["bo mo <b>", "mu mu"];

Deno.test("a classifier shows a table of texts where no script runs", async () => {
  const classifier = await trained;
  const found = await classifier.classify(texts);
  const shown = await showClassifier(classifier, { texts });
  const { "text/html": html, "text/markdown": table } = await shown[jupyterDisplay]();
  assert.equal(html, undefined);
  const lines = table!.split("\n");
  assert.equal(lines.length, 4);
  assert.ok(lines[3]!.includes(`${(100 * found[1]!.probability).toFixed(1)} %`), `${table}`);
  assert.doesNotMatch(table!, /<b>|<img/);
});

Deno.test("a classifier's box in a cell asks this process, and its page holds no markup of labels", async () => {
  const classifier = await trained;
  const shown = await showClassifier(classifier, { texts, answer: true });
  const { "text/html": html } = await shown[jupyterDisplay]();
  assert.doesNotMatch(html!, /<(img|b)\b/);
  const { url } = JSON.parse(/const options = (.*);/.exec(html!)![1]!);
  const ask = async (asked: object) => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(asked) });
    return await response.json();
  };
  const [expected] = await classifier.classify(["mu bo"]);
  const answer = await ask({ text: "mu bo" });
  assert.deepEqual(answer.labels, labels);
  answer.probabilities.forEach((p: number, c: number) =>
    assert.ok(Math.abs(p - expected!.probabilities[c]!) < 1e-6)
  );
  const { label, parts } = await ask({ text: "mu bo", explain: true });
  assert.equal(label, expected!.label);
  assert.deepEqual(parts.map(({ text }: { text: string }) => text), ["mu", "bo"]);
  assert.match((await ask({ text: 1 })).error, /^Cannot use the question/);
  assert.equal((await fetch(new URL("/", url))).status, 404);
});
