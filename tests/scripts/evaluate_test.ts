import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { exampleTexts } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { labels, trainedClassifier } from "../classifier/trained_classifier.ts";

const evaluate = (...args: string[]) => runInTest(evaluateCommand, "--engine", "onnx", ...args);

async function write(folder: string, name: string, rows: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, ["text,label", ...rows].join("\n"));
  return path;
}

Deno.test("evaluate measures what the model says of a file", () =>
  inFolder(async (folder) => {
    await saveClassifier(folder, await trainedClassifier({ text: "hierarchical-mean" }));
    const texts = exampleTexts(40, 8, 5).map(({ text }) => text);
    const engine = onnxEngine({ threads: 1 });
    const classifier = await loadClassifier(folder, { engine });
    const said = await classifier.classify(texts);
    await classifier.dispose();
    // Every fourth text gets the label after the one that the model will say.
    const given = said.map(({ label }, n) => n % 4 ? label : labels[(labels.indexOf(label) + 1) % 3]!);
    const rows = texts.map((text, n) => `"${text}\n${"and so on ".repeat(40)}",${given[n]}`);
    const shown = [...rows.slice(0, 1), ",o", ...rows.slice(1)];
    const input = await write(folder, "test.csv", shown);
    const found = join(folder, "found.json");
    const { code, out, error } = await evaluate("--model", folder, "--input", input, "--output", found);
    assert.equal(code, 0, error);
    assert.equal(error, `1 row of ${input} with an empty text is left out (the first in line 4)`);

    const result = JSON.parse(await readFile(found, "utf8"));
    assert.equal(result.examples, 40);
    assert.equal(result.engine, "onnx");
    assert.deepEqual(result.classes.map(({ label }: { label: string }) => label), labels);
    const counts = labels.map((label) => given.filter((other) => other === label).length);
    assert.deepEqual(result.classes.map(({ count }: { count: number }) => count), counts);
    assert.deepEqual(result.confusion.map((row: number[]) => row.reduce((sum, n) => sum + n)), counts);
    assert.equal(result.surest_mistakes.length, 10);
    const probabilities = result.surest_mistakes.map(({ probability }: { probability: number }) =>
      probability
    );
    assert.deepEqual(probabilities, probabilities.toSorted((a: number, b: number) => b - a));
    for (const { line, text, label, predicted } of result.surest_mistakes) {
      assert.ok(text.length <= 300 && text.endsWith("…") && !text.includes("\n"), text);
      assert.ok(label !== predicted && (line === 2 || line % 2 === 1), `line ${line}`);
    }
    assert.match(
      out,
      /^40 texts of .*test\.csv: error \d+\.\d\d %, macro F1 0\.\d{4} over all 3 labels, 0\.\d{4} over the 2 labels that these texts have, loss .*, ECE .*, Brier 0\.\d+\n/,
    );
    assert.match(out, /\n\| label +\| precision \| recall \| +F1 \| texts \|\n/);
    assert.match(out, /\n\| label \\ predicted \| /);
    assert.match(out, /\nThe surest mistakes:\nline \d+: \w+ \(\d\d\.\d\d %\) instead of \w+: /);
    assert.match(out, /\nwrote .*found\.json$/);
  }));

Deno.test("a file without mistakes or with one class only is measured as any other", () =>
  inFolder(async (folder) => {
    await saveClassifier(folder, await trainedClassifier({}));
    const engine = onnxEngine({ threads: 1 });
    const classifier = await loadClassifier(folder, { engine });
    const [said] = await classifier.classify(["bo ku"]);
    await classifier.dispose();
    const input = await write(folder, "test.csv", [`bo ku,${said!.label}`]);
    const { code, out, error } = await evaluate("--model", folder, "--input", input);
    assert.equal(code, 0, error);
    assert.match(
      out,
      /^1 texts of .*: error 0\.00 %, macro F1 0\.3333 over all 3 labels, 1\.0000 over the one label that these texts have, /,
    );
    assert.doesNotMatch(out, /mistakes|predicted/);
  }));

Deno.test("what cannot be evaluated is one sentence", () =>
  inFolder(async (folder) => {
    await saveClassifier(folder, await trainedClassifier({}));
    const refused = async (rows: string[], message: RegExp, ...args: string[]) => {
      const input = await write(folder, "test.csv", rows);
      const { code, out, error } = await evaluate("--model", folder, "--input", input, ...args);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(error, message);
      assert.equal(error.split("\n").length, 1);
    };
    await refused(
      ["bo,o", "ku,neutral"],
      /test\.csv: the label "neutral" in line 3 does not occur in the model .*, which has "o", "u", "neither"$/,
    );
    await refused([",o"], /expected rows with a text and a label, found 1 without$/);
    await refused(
      ["bo,o"],
      /column "stars" is missing: found "text", "label"; name another with /,
      "--label-column",
      "stars",
    );
    const config = JSON.parse(await readFile(join(folder, "config.json"), "utf8"));
    delete config.id2label["2"];
    await writeFile(join(folder, "config.json"), JSON.stringify(config));
    await refused(
      ["bo,o"],
      /classifier\.weight should have 2 rows \(one a label of config\.json\).*: found \[3,16\]$/,
    );
  }));
