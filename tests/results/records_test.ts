import assert from "node:assert/strict";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  appendRecord,
  canonicalJson,
  configurationHash,
  predictionFaults,
  readPredictions,
  readRecords,
  recordsByHash,
  writePredictions,
} from "../../lib/results/records.ts";
import { exampleRecord } from "./example_record.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("records come back as they were appended, one line each, in a folder that is made", () =>
  inFolder(async (folder) => {
    const path = join(folder, "new", "mini", "records.jsonl");
    const records = [exampleRecord(), exampleRecord({ seed: 2 })];
    for (const record of records) await appendRecord(path, record);
    assert.deepEqual(await readRecords(join(folder, "new", "mini")), { records, warnings: [] });
    assert.equal((await readFile(path, "utf8")).split("\n").length, 3);
  }));

Deno.test("a cut-off last line is ignored with a warning, and the next record is not lost with it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "records.jsonl");
    const [first, second] = [exampleRecord(), exampleRecord({ seed: 2 })];
    await appendRecord(path, first);
    await appendFile(path, JSON.stringify(exampleRecord({ seed: 9 })).slice(0, 200));
    const found = await readRecords(folder);
    assert.deepEqual(found.records, [first]);
    assert.match(
      found.warnings.join("\n"),
      /^Cannot read line 2 of .*jsonl as it is not JSON: .*; it was ignored; .*$/,
    );
    await appendRecord(path, second);
    assert.deepEqual(await readRecords(folder), { records: [first, second], warnings: found.warnings });
  }));

Deno.test("records of several files are read together, and other files are not", () =>
  inFolder(async (folder) => {
    const [first, second] = [exampleRecord(), exampleRecord({ seed: 2 })];
    await appendRecord(join(folder, "records-2-of-2.jsonl"), second);
    await appendRecord(join(folder, "records-1-of-2.jsonl"), first);
    await writeFile(join(folder, "table2.md"), "# A table\n");
    assert.deepEqual((await readRecords(folder)).records, [first, second]);
  }));

Deno.test("of several records of a run the real model's counts, and of those the latest, in any order", () => {
  const configuration = { model: "minilm", seed: 1 };
  const at = (start: string, model = "minilm, lowest 4 layers") =>
    exampleRecord({ configuration, start, model });
  const [old, late] = [at("2030-01-01T00:00:00Z"), at("2030-01-02T00:00:00Z")];
  const standIn = at("2030-01-03T00:00:00Z", "new over characters, 4 layers of 64, 4000 pieces");
  const other = exampleRecord({ hash: "cd".repeat(32) });
  for (
    const records of [[old, late, standIn, other], [standIn, other, late, old], [late, standIn, old, other]]
  ) {
    const found = recordsByHash(records);
    assert.deepEqual([found.size, found.get(old.hash), found.get(other.hash)], [2, late, other]);
  }
  assert.equal(recordsByHash([standIn]).get(standIn.hash), standIn);
});

Deno.test("a folder that is not there holds no records", () =>
  inFolder(async (folder) => {
    assert.deepEqual(await readRecords(join(folder, "none")), { records: [], warnings: [] });
  }));

Deno.test("a line that is not a run record costs that run only, and its place is said once", () =>
  inFolder(async (folder) => {
    const path = join(folder, "records.jsonl");
    const { hash: _, ...withoutHash } = exampleRecord();
    const wrong: [unknown, string][] = [
      [7, "it is not an object: found 7"],
      [withoutHash, '"hash" is missing'],
      [{ ...exampleRecord(), format: 2 }, '"format" is not 1: found 2'],
      [{ ...exampleRecord(), seed: "1" }, '"seed" is not a whole number of at least 0: found "1"'],
      [{ ...exampleRecord(), configuration: { seed: 3 } }, '"hash" is not that of its configuration'],
    ];
    const good = exampleRecord({ seed: 2 });
    await writeFile(
      path,
      [...wrong.map(([value]) => value), good].map((value) => `${JSON.stringify(value)}\n`).join(""),
    );
    const { records, warnings } = await readRecords(folder);
    assert.deepEqual(records, [good]);
    const advice = "it was ignored; remove the line, and deno task reproduce makes the run again";
    assert.deepEqual(
      warnings,
      wrong.map(([, why], n) => `Cannot use line ${n + 1} of ${path} as ${why}; ${advice}`),
    );
  }));

Deno.test("predictions that cannot be used are none, and said once", () =>
  inFolder(async (folder) => {
    const hash = "12".repeat(32);
    const right = { labels: ["no", "yes"], expected: [0, 1], probabilities: [0.7, 0.3, 0.1, 0.9] };
    const record = exampleRecord({ predictions: await writePredictions(folder, hash, right) });
    assert.deepEqual(await predictionFaults(folder, [record]), []);
    const wrong: [unknown, string][] = [
      [{ ...right, expected: [0, 1.5] }, '"expected.1" is not a whole number of at least 0: found 1.5'],
      [
        { ...right, probabilities: [0.7, "0.3", 0.1, 0.9] },
        '"probabilities.1" is not a number from 0 to 1: found "0.3"',
      ],
      [{ ...right, expected: [0, 2] }, "it is not classes of each example and a probability for each class"],
      [{ ...right, expected: [0] }, "it is not classes of each example and a probability for each class"],
    ];
    for (const [value, why] of wrong) {
      await writeFile(join(folder, record.predictions), JSON.stringify(value));
      assert.equal(await readPredictions(folder, record), undefined);
      const [fault, ...others] = await predictionFaults(folder, [record, record]);
      assert.ok(fault!.startsWith(`Cannot use ${join(folder, record.predictions)} as ${why}`), fault!);
      assert.deepEqual(others, []);
    }
  }));

Deno.test("runs whose predictions are not there are counted in one sentence", () =>
  inFolder(async (folder) => {
    const one = exampleRecord({ predictions: "predictions/aa.json" });
    const other = exampleRecord({ predictions: "predictions/bb.json" });
    const advice = `no predictions in ${
      join(folder, "predictions")
    } and can be compared with none: copy that folder too`;
    assert.deepEqual(await predictionFaults(folder, [one, other, one]), [`2 runs have ${advice}`]);
    assert.deepEqual(await predictionFaults(folder, [one]), [`1 run has ${advice}`]);
  }));

Deno.test("predictions come back, and leave no temporary file", () =>
  inFolder(async (folder) => {
    const predictions = { labels: ["no", "yes"], expected: [0, 1], probabilities: [0.7, 0.3, 0.1, 0.9] };
    const hash = "12".repeat(32);
    const path = await writePredictions(folder, hash, predictions);
    assert.equal(path, "predictions/1212121212121212.json");
    assert.deepEqual(await readPredictions(folder, exampleRecord({ predictions: path })), predictions);
    assert.deepEqual(await readdir(join(folder, "predictions")), ["1212121212121212.json"]);
    assert.equal(await readPredictions(folder, exampleRecord()), undefined);
  }));

Deno.test("a record cannot make the reader leave the folder of the predictions", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "secret.json"), "{}");
    const record = exampleRecord({ predictions: "../secret.json" });
    assert.equal(await readPredictions(folder, record), undefined);
  }));

Deno.test("the hash does not depend on the order of keys, and does on every value", async () => {
  assert.equal(canonicalJson({ b: [2, { d: 1, c: null }], a: 1 }), '{"a":1,"b":[2,{"c":null,"d":1}]}');
  const hash = await configurationHash({ a: 1, b: { c: 2, d: 3 } });
  assert.equal(hash, "932875ab5b23eb47bb2711f951d85ba23eef4b50c3e2eb6b5f3f9b9ac1217c6b");
  assert.equal(await configurationHash({ b: { d: 3, c: 2 }, a: 1 }), hash);
  assert.notEqual(await configurationHash({ a: 1, b: { c: 2, d: 4 } }), hash);
});
