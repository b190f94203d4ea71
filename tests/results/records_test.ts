import assert from "node:assert/strict";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../lib/errors.ts";
import {
  appendRecord,
  canonicalJson,
  configurationHash,
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
    const records = [exampleRecord(), exampleRecord({ seed: 2, hash: "cd".repeat(32) })];
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
    const warning = `Line 2 of ${path} is cut off and was ignored`;
    assert.deepEqual(await readRecords(folder), { records: [first], warnings: [warning] });
    await appendRecord(path, second);
    assert.deepEqual(await readRecords(folder), { records: [first, second], warnings: [warning] });
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

Deno.test("a line that is not a run record is refused with its place", () =>
  inFolder(async (folder) => {
    const path = join(folder, "records.jsonl");
    const refused = async (line: string, message: string) => {
      await writeFile(path, line + "\n");
      await assert.rejects(readRecords(folder), new InputError(message));
    };
    const { hash: _, ...withoutHash } = exampleRecord();
    const start = `Cannot read line 1 of ${path} as`;
    await refused("7", `${start} it is not a run record: found 7`);
    await refused(JSON.stringify(withoutHash), `${start} it is not a run record: field "hash" is missing`);
    await refused(JSON.stringify({ ...exampleRecord(), format: 2 }), `${start} its format is 2: expected 1`);
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
