import assert from "node:assert/strict";
import type { Classification, ClassifierText } from "../../lib/classifier/classification.ts";
import { wholeText } from "../../lib/data/examples.ts";
import type { Row } from "../../lib/tables/table.ts";
import { RowTally } from "../../lib/tables/row_tally.ts";
import { predictionColumns, predictRows } from "../../lib/classifier/predict.ts";

/** Says of each text how long it is, and remembers what it was asked. */
function lengthClassifier(labels = ["short", "long"]) {
  const asked: (readonly ClassifierText[])[] = [];
  const classify = (texts: readonly ClassifierText[]): Promise<Classification[]> => {
    asked.push(texts);
    return Promise.resolve(texts.map((text) => ({
      label: labels[wholeText(typeof text === "string" ? { text } : text).length > 3 ? 1 : 0]!,
      probability: 2 / 3,
      probabilities: Float64Array.of(2 / 3, 1 / 3),
    })));
  };
  return { labels, classify, asked };
}

async function* rowsOf(texts: Iterable<string>): AsyncGenerator<Row> {
  let line = 1;
  for (const text of texts) yield { line: ++line, values: new Map([["id", `${line}`], ["text", text]]) };
}

const added = predictionColumns(["id", "text"], ["short", "long"], { probabilities: true });

Deno.test("columns that are there already keep their names", () => {
  assert.deepEqual(added, {
    label: "label",
    probability: "probability",
    classes: ["probability_short", "probability_long"],
  });
  const taken = ["text", "label", "probability", "predicted_probability"];
  assert.deepEqual(predictionColumns(taken, ["short", "long"]), {
    label: "predicted_label",
    probability: "predicted_probability_2",
    classes: [],
  });
});

Deno.test("each row comes back in its place with its prediction, one without a text with none", async () => {
  const [withoutText, withNul] = [new RowTally(), new RowTally()];
  const classifier = lengthClassifier();
  const rows = rowsOf(["a", "  ", "abcd", "b\0", ""]);
  const found = (await Array.fromAsync(
    predictRows(rows, classifier, { textColumns: ["text"], added, withoutText, withNul }),
  )).flat().map((row) => [...row.values()]);
  assert.deepEqual(found, [
    ["2", "a", "short", 0.666667, 0.666667, 0.333333],
    ["3", "  ", null, null, null, null],
    ["4", "abcd", "long", 0.666667, 0.666667, 0.333333],
    ["5", "b\0", "short", 0.666667, 0.666667, 0.333333],
    ["6", "", null, null, null, null],
  ]);
  assert.deepEqual(classifier.asked, [[{ text: "a" }, { text: "abcd" }, { text: "b\0" }]]);
  assert.equal(
    withoutText.note("f.csv", "has none", "have none"),
    "2 rows of f.csv have none (the first in line 3)",
  );
  assert.equal(withNul.note("f.csv", "has one", "have one"), "1 row of f.csv has one (the first in line 5)");
});

Deno.test("the texts of two columns are a pair", async () => {
  const classifier = lengthClassifier();
  const textColumns = ["id", "text"];
  await Array.fromAsync(predictRows(rowsOf(["a", ""]), classifier, { textColumns, added }));
  assert.deepEqual(classifier.asked, [[{ text: "2", pair: "a" }, { text: "3", pair: "" }]]);
});

Deno.test("a row's own types stay", async () => {
  const typed = new Map<string, unknown>([["text", "a"], ["n", 1.5], ["list", [1]]]);
  const rows = async function* () {
    yield { line: 1, values: new Map([["text", "a"], ["n", "1.5"], ["list", "[1]"]]), typed };
  };
  const [[row]] = await Array.fromAsync(
    predictRows(rows(), lengthClassifier(), { textColumns: ["text"], added }),
  ) as [
    [Map<string, unknown>],
  ];
  assert.deepEqual([...row.values()].slice(0, 4), ["a", 1.5, [1], "short"]);
});

/** The most rows that were read and not yet given back, over a run. */
async function mostHeld(count: number, text: string, labels?: string[]): Promise<number> {
  let [read, returned, most] = [0, 0, 0];
  const texts = function* () {
    for (; read < count; read++) {
      most = Math.max(most, read - returned);
      yield text;
    }
  };
  for await (
    const rows of predictRows(rowsOf(texts()), lengthClassifier(labels), { textColumns: ["text"], added })
  ) {
    returned += rows.length;
  }
  assert.equal(returned, count);
  return most;
}

Deno.test("however many rows there are, only a window of them is held", async () => {
  const few = await mostHeld(20_000, "abc");
  assert.ok(few <= 4096, `${few} rows were held`);
  assert.equal(await mostHeld(60_000, "abc"), few);
  assert.ok(await mostHeld(40, "a".repeat(1_000_000)) <= 9, "long texts make short windows");
  const classes = Array.from({ length: 10_000 }, (_, n) => `${n}`);
  assert.ok(await mostHeld(2000, "abc", classes) <= 420, "many classes make short windows");
});

Deno.test("a column that comes too late is told with its line", async () => {
  const rows = async function* () {
    yield { line: 1, values: new Map([["text", "a"]]) };
    yield { line: 2, values: new Map([["text", "a"], ["more", "b"], ["label", "c"]]) };
  };
  const run = (columns?: string[]) =>
    Array.fromAsync(predictRows(rows(), lengthClassifier(), { textColumns: ["text"], added, columns }));
  const message = (column: string) =>
    `Cannot write the column "${column}", which line 2 is the first to have, as the columns are settled by then: ` +
    "give a file instead of standard input";
  await assert.rejects(run(["text"]), { name: "InputError", message: message("more") });
  await assert.rejects(run(), { name: "InputError", message: message("label") });
});
