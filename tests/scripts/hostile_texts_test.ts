/** Labels and texts that are markup, formulas or commands of a terminal, from a table to every place that shows them. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { describe } from "../../lib/data/describe.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { datasetFromFiles } from "../../lib/notebook/data.ts";
import { displayable, jupyterDisplay } from "../../lib/notebook/displayable.ts";
import { LiveCurve } from "../../lib/notebook/live.ts";
import { showConfusion } from "../../lib/notebook/show.ts";
import { trainClassifier } from "../../lib/notebook/train.ts";
import { escapeMarkdown } from "../../lib/printable.ts";
import { evaluateCommand } from "../../scripts/evaluate.ts";
import { exportCommand } from "../../scripts/export.ts";
import { predictCommand } from "../../scripts/predict.ts";
import { trainCommand } from "../../scripts/train.ts";
import { tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { writeModel } from "./train_files.ts";

const hostile = [
  "a|b",
  "<img src=x onerror=alert(1)>",
  "[x](javascript:alert(1))",
  "`rm`",
  "two\n# lines",
  "\x1b[2J\u202eescape",
  "**bold** _it_ $x$ &lt; \\| ~~no~~",
  "</td></table><script>alert(2)</script>",
];

/** A label as the pages are to show it: on one line, with what a terminal would obey escaped. */
const onOneLine = (label: string) =>
  label.replace("\n", " ").replace("\x1b", "\\u001b").replace("\u202e", "\\u202e");

/** The cells of a table's line as CommonMark reads them; undefined if something in it is markup. */
function cellsOf(line: string): string[] | undefined {
  const cells = line.replaceAll(/\\([!-/:-@[-`{-~])/g, (_, sign) => `\u{f0000}${sign.charCodeAt(0)};`).split(
    "|",
  );
  if (cells.some((cell) => /[`*_[\]<>~&$\\]/.test(cell))) return undefined;
  return cells.slice(1, -1).map((cell) =>
    cell.trim().replaceAll(/\u{f0000}(\d+);/gu, (_, code) => String.fromCharCode(Number(code)))
  );
}

const csv = (rows: readonly (readonly string[])[]) =>
  rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")).join("\n") + "\n";

async function writeHostile(path: string): Promise<string> {
  const rows = Array.from(
    { length: 6 },
    () => hostile.map((label, n) => [`be bo ${label} ${"bdgkmnpt"[n]}`, label]),
  );
  await writeFile(path, csv([["text", "label"], ...rows.flat()]));
  return path;
}

/** No control character but line ends and tabs, and no element that a label brings. */
const noCommands = (text: string) => assert.doesNotMatch(text, /[^\P{C}\n\t]/u);

Deno.test("hostile labels and texts are only text in report.html, the model card and notebooks", () =>
  inFolder(async (folder) => {
    const [model, trained, exported] = ["tiny", "trained", "exported <b>`x`"].map((name) =>
      join(folder, name)
    );
    await writeModel(model!);
    const data = await writeHostile(join(folder, "data.csv"));
    const small = ["--batch-size", "8", "--max-length", "16", "--engine", "reference", "--epochs", "1"];
    const training = await runInTest(
      trainCommand,
      ...["--train", data, "--test", data, "--output", trained!, "--model", model!, ...small],
    );
    assert.equal(training.code, 0, training.error);

    const page = await readFile(join(trained!, "report.html"), "utf8");
    assert.doesNotMatch(page, /<(img|script|b)\b|javascript:[^a]|href="javascript/i);
    for (const label of hostile.slice(0, 4)) {
      const shown = label.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
      assert.ok(page.includes(`<th scope="row">${shown}</th>`), label);
    }

    const exporting = await runInTest(exportCommand, "--model", trained!, "--output", exported!);
    assert.equal(exporting.code, 0, exporting.error);
    const card = await readFile(join(exported!, "README.md"), "utf8");
    const rows = card.split("\n").filter((line) => /^\| \d+ \|/.test(line)).map(cellsOf);
    const { id2label } = JSON.parse(await readFile(join(exported!, "config.json"), "utf8"));
    assert.deepEqual(Object.values<string>(id2label).sort(), hostile.toSorted());
    assert.deepEqual(rows, Object.values<string>(id2label).map((label, n) => [`${n}`, onOneLine(label)]));
    assert.deepEqual(card.match(/^# .*$/gm), ["# exported \\<b\\>\\`x\\`"]);
    noCommands(card);

    const { "text/markdown": confusion } = await showConfusion(
      hostile,
      hostile.map(() => hostile.map(() => 1)),
    )
      [jupyterDisplay]();
    const lines = confusion!.split("\n");
    assert.deepEqual(cellsOf(lines[0]!)!.slice(1), hostile.map(onOneLine));
    lines.slice(2).forEach((line, n) => {
      const [first] = cellsOf(line.replaceAll("**1**", "1"))!;
      assert.equal(first, onOneLine(hostile[n]!));
    });

    const classifier = await loadClassifier(trained!, { engine: await referenceEngine() });
    assert.deepEqual(classifier.labels.toSorted(), hostile.toSorted());
    await classifier.dispose();
  }));

Deno.test("a notebook shows hostile texts that were classified as they stand", () =>
  inFolder(async (folder) => {
    const data = await datasetFromFiles({ train: await writeHostile(join(folder, "<i>data|.csv")) });
    noCommands(describe(data));
    noCommands(Deno.inspect(data));
    const settings = { architecture: tinyArchitecture, model: "new", maxLength: 8, batchSize: 16, epochs: 1 };
    const run = await trainClassifier(data, { ...settings, engine: "reference" });
    noCommands(Deno.inspect(run));
    const found = await run.classify(hostile);
    const { "text/markdown": table, "text/plain": plain } = await found[jupyterDisplay]();
    for (const [n, line] of table!.split("\n").slice(2).entries()) {
      const { label, probability } = found[n]!;
      assert.deepEqual(cellsOf(line), [onOneLine(hostile[n]!), onOneLine(label), probability.toFixed(3)]);
    }
    noCommands(plain!);
  }));

Deno.test("lines on a terminal have no control characters of labels and names, and are not long", () =>
  inFolder(async (folder) => {
    const model = await writeModel(join(folder, "tiny"));
    const data = await writeHostile(join(folder, "data.csv"));
    const long = "x".repeat(5000);
    const rare = [...Array.from({ length: 60 }, () => ["be", "o"]), ["bo", `u\x9b31m\n${long}`], ["bu", "e"]];
    await writeFile(join(folder, "rare.csv"), csv([["text", "label"], ...rare]));
    const trained = join(folder, "trained");
    const small = ["--batch-size", "8", "--max-length", "16", "--engine", "reference", "--epochs", "1"];
    for (const train of [data, join(folder, "rare.csv")]) {
      const { code, out, error } = await runInTest(
        trainCommand,
        ...["--train", train, "--dev", train, "--output", trained, "--model", model, "--overwrite", ...small],
      );
      assert.equal(code, 0, error);
      noCommands(out + error);
      for (const line of `${out}\n${error}`.split("\n")) assert.ok(line.length <= 500, line);
    }
    const evaluating = await runInTest(
      evaluateCommand,
      ...["--model", trained, "--input", join(folder, "rare.csv"), "--engine", "reference"],
    );
    noCommands(evaluating.out + evaluating.error);
    const columns = ["text", "label", "probability", `probability_u\x9b31m\n${long}`];
    await writeFile(join(folder, "names.csv"), csv([columns, ["be", "", "", ""]]));
    const { code, error } = await runInTest(
      predictCommand,
      ...["--model", trained, "--input", join(folder, "names.csv"), "--output", join(folder, "out.csv")],
      ...["--probabilities", "--engine", "reference"],
    );
    assert.equal(code, 0, error);
    noCommands(error);
    assert.ok(error.length <= 500, `${error.length}`);
  }));

Deno.test("displays and curves escape what they are given", async () => {
  const shown = displayable({ text: "a\x1b[2J\nb\u202e" });
  assert.equal(Deno.inspect(shown), "a\\u001b[2J\nb\\u202e");
  assert.deepEqual(await shown[jupyterDisplay](), { "text/plain": "a\\u001b[2J\nb\\u202e" });
  const sent: Record<string, string>[] = [];
  const curve = new LiveCurve(`<img>"'&\x1b`, (_, { data }) => {
    sent.push(data as Record<string, string>);
    return Promise.resolve();
  });
  curve.step({ step: 1, steps: 1, loss: 1 });
  await curve.end();
  assert.match(sent.at(-1)!["image/svg+xml"]!, />&lt;img&gt;&quot;&#39;&amp;\\u001b: 1 steps/);
  noCommands(sent.at(-1)!["text/plain"]!);
});

Deno.test("a text for Markdown stays what it was", () => {
  for (const text of hostile) assert.deepEqual(cellsOf(`| ${escapeMarkdown(text)} |`), [onOneLine(text)]);
  assert.equal(escapeMarkdown("IMDb, 12.5 (of 3)"), "IMDb, 12.5 (of 3)");
});
