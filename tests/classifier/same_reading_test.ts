/** The three commands read the same tables alike: train by data sets, evaluate by labelled rows, predict by streams. */
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { predictionColumns, predictRows } from "../../lib/classifier/predict.ts";
import type { ClassifierText } from "../../lib/classifier/classification.ts";
import { datasetFromFiles, readLabelled, textColumnsOf } from "../../lib/data/files.ts";
import { InputError } from "../../lib/errors.ts";
import { openTable, requireColumns, type TableOptions } from "../../lib/tables/table.ts";
import { everyRow, everyTable } from "../helpers/every_table.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** What is read of a table, or the sentence that refuses it. */
interface Reading {
  readonly texts?: readonly string[];
  readonly refused?: string;
  readonly note?: string;
}

async function reading(read: () => Promise<Omit<Reading, "refused">>): Promise<Reading> {
  try {
    return await read();
  } catch (error) {
    assert.ok(error instanceof InputError, `${(error as Error).stack}`);
    return { refused: error.message };
  }
}

/** Reads a table as each of the three commands does. */
async function readings(path: string, options: TableOptions = {}, labels = ["neg", "pos"]) {
  const textColumn = "text";
  const train = await reading(async () => {
    const data = await datasetFromFiles({ ...options, train: path, dev: path, textColumn });
    return { texts: data.train.map(({ text }) => text), note: data.note };
  });
  const evaluate = await reading(async () => {
    const { examples, note } = await readLabelled(path, { ...options, textColumn, labels });
    return { texts: examples.map(({ text }) => text), note };
  });
  const predict = await reading(async () => {
    await using table = await openTable(path, options);
    const textColumns = textColumnsOf(textColumn, table.columns);
    requireColumns(table, ...textColumns);
    const seen: ClassifierText[] = [];
    const classifier = {
      labels,
      // The texts are what is looked at; what a model makes of them is no matter here.
      classify: (texts: readonly ClassifierText[]) => {
        seen.push(...texts);
        const one = { label: labels[0]!, probability: 1, probabilities: new Float64Array(labels.length) };
        return Promise.resolve(texts.map(() => one));
      },
    };
    const added = predictionColumns([...table.keys], labels);
    await Array.fromAsync(predictRows(table.rows, classifier, { name: table.path, textColumns, added }));
    return { texts: seen.map((text) => typeof text === "string" ? text : text.text), note: table.note };
  });
  return { train, evaluate, predict };
}

Deno.test("train, evaluate and predict read every table alike, or refuse it by the same sentence", () =>
  inFolder(async (folder) => {
    for (const { name, content, options, refused, note, onlyTraining } of everyTable) {
      const path = join(folder, name);
      await writeFile(path, content);
      const { train, evaluate, predict } = await readings(path, options);
      if (refused) {
        assert.match(train.refused ?? "it was read", refused, name);
        assert.ok(train.refused!.length < 500 && !/[\n\r]/.test(train.refused!), name);
        if (onlyTraining) {
          assert.ok(predict.texts, `${name}: ${predict.refused}`);
        } else {
          assert.equal(evaluate.refused, train.refused, name);
          assert.equal(predict.refused, train.refused, name);
        }
        continue;
      }
      for (const [command, read] of Object.entries({ train, evaluate, predict })) {
        assert.deepEqual(read.texts, everyRow.map(({ text }) => text), `${command} ${name}: ${read.refused}`);
        if (note && !(command === "predict" && /tokens/.test(note.source))) {
          assert.match(read.note!, note, name);
        }
      }
    }
  }));

const golden = join(import.meta.dirname!, "../golden/parquet/codecs");

Deno.test("they read the Parquet files of the tests alike", async () => {
  for (const name of await readdir(golden)) {
    const { train, evaluate, predict } = await readings(join(golden, name), {}, ["0", "1", "neg", "pos"]);
    if (predict.refused !== undefined || train.refused?.includes('"label" is missing')) {
      if (predict.refused !== undefined) assert.equal(train.refused, predict.refused, name);
      continue;
    }
    const labelled = train.texts ?? evaluate.texts;
    if (labelled) assert.ok(labelled.every((text) => predict.texts!.includes(text)), name);
  }
});
