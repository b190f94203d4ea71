import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
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

Deno.test("a folder that is no model is one sentence", async () => {
  const { code, out, error } = await runInTest(exportCommand, "--model", "nowhere", "--output", "elsewhere");
  assert.deepEqual([code, out], [1, ""]);
  assert.equal(
    error,
    `Cannot find the model nowhere: there is no such folder ${resolve("nowhere")}; check the path`,
  );
});
