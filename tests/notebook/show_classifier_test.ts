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

Deno.test("a classifier of several labels shows those over their thresholds", async () => {
  const own = ["no", "one", "two", "both"];
  const given = [[], ["a"], ["u"], ["a", "u"]];
  const classifier = {
    ...{ labels: ["a", "u"], thresholds: [.3, .6] },
    classify: (texts: readonly unknown[]) =>
      Promise.resolve(texts.map((text) => {
        const labels = given[own.indexOf(text as string)]!;
        const probabilities = Float64Array.of(
          labels.includes("a") ? .4 : .2,
          labels.includes("u") ? .9 : .5,
        );
        const label = probabilities[0]! > probabilities[1]! ? "a" : "u";
        return { label, probability: Math.max(...probabilities), probabilities, labels };
      })),
  };
  const { "text/markdown": table } = await (await showClassifier(classifier, { texts: own }))
    [jupyterDisplay]();
  const cells = table!.trim().split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  assert.deepEqual(cells[0], ["text", "labels", "probabilities"]);
  assert.deepEqual(cells.slice(2).map((row) => row[2]), ["", "40.0 %", "90.0 %", "40.0 %, 90.0 %"]);
  assert.deepEqual(cells.slice(2).map((row) => row[1]), ["none", "a", "u", "a, u"]);
  const shown = await showClassifier(classifier);
  assert.match((await shown[jupyterDisplay]())["text/markdown"]!, /\| u +\| 60\.0 % +\|/);
});

Deno.test("a classifier's box in a cell asks this process, and its page holds no markup of labels", async () => {
  const classifier = await trained;
  const shown = await showClassifier(classifier, { texts, answer: true });
  const { "text/html": html } = await shown[jupyterDisplay]();
  assert.doesNotMatch(html!, /<(img|b)\b/);
  assert.match(
    html!,
    /<\/table><p>A box for texts appears here where scripts run [^]*<\/p><\/div>\n<script>/,
  );
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
