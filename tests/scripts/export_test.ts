import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { exportCommand } from "../../scripts/export.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { trainedClassifier } from "../classifier/trained_classifier.ts";

Deno.test("export writes the folder, says where, and what differs in other libraries", () =>
  inFolder(async (folder) => {
    const [trained, exported] = [join(folder, "trained"), join(folder, "exported")];
    await saveClassifier(trained, await trainedClassifier({ text: "hierarchical-max" }));
    const { code, out, error } = await runInTest(exportCommand, "--model", trained, "--output", exported);
    assert.equal(code, 0, error);
    assert.equal(out, `wrote ${exported}, with ${join(exported, "onnx", "model.onnx")} (0.1 MB)`);
    assert.deepEqual(error.split("\n"), [
      "Python's AutoModelForSequenceClassification gives these logits only for texts of one fraction, at most 14 " +
      "wordpieces.",
      "The libraries' pipelines cannot feed onnx/model.onnx, whose inputs are [batch, fractions, sequence]: use the " +
      "code of README.md.",
    ]);
    assert.ok((await readdir(exported)).includes("README.md"));
  }));

Deno.test("export --page writes a page, and measures what weights of fewer bits change", () =>
  inFolder(async (folder) => {
    const [trained, page, test] = ["trained", "page", "test.csv"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await saveClassifier(trained, await trainedClassifier({}));
    await writeFile(test, "text,label\nbo mo,o\nmu mu,u\n");
    const all = ["--model", trained, "--output", page, "--page", "--weights", "int8", "--test", test];
    const { code, out, error } = await runInTest(exportCommand, ...all);
    assert.equal(code, 0, error);
    assert.match(
      error,
      /^Weights in int8: on 2 test texts the error is \d+\.00 %, and \d+\.00 % with the weights as/,
    );
    assert.match(
      out,
      /^wrote the page .* \(1\d\.\d MB, of which the model 0\.\d MB\); see it with: deno task serve /,
    );
    const html = await readFile(join(page, "index.html"), "utf8");
    assert.doesNotMatch(html, /https?:|<script(?! type="module" src="page\.js">)| style=/);
    for (const name of ["page.js", "worker.js"]) {
      const script = await readFile(join(page, name), "utf8");
      assert.doesNotMatch(script, /from"node:|\bBuffer\.from\(\[239/); // nothing of Node is left
    }
    const again = await runInTest(exportCommand, ...all);
    assert.match(again.error, /^Cannot write into .* as index\.html is there already/);
  }));

Deno.test("options of a page without --page are one sentence", async () => {
  const { error } = await runInTest(exportCommand, "--model", "a", "--output", "b", "--weights", "int8");
  assert.equal(error, "Cannot use --weights without --page: add --page, or leave it out");
  const page = await runInTest(exportCommand, "--model", "a", "--output", "b", "--page", "--test", "t.csv");
  assert.match(
    page.error,
    /^Cannot use --test with weights in f32, which change no label: give --weights f16 or/,
  );
});

Deno.test("a folder that is no model is one sentence", async () => {
  const { code, out, error } = await runInTest(exportCommand, "--model", "nowhere", "--output", "elsewhere");
  assert.deepEqual([code, out], [1, ""]);
  assert.equal(
    error,
    `Cannot find the model nowhere: there is no such folder ${resolve("nowhere")}; check the path`,
  );
});
