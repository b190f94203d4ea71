import assert from "node:assert/strict";
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import { delimitedRecords, Splitter } from "../../lib/tables/delimited.ts";
import { Random } from "../../lib/random.ts";

const signs = ["a", "é世", '"', ",", "\n", "\r", "\r\n", ";", " ", "\t"];

function value(random: Random): string {
  return Array.from({ length: random.below(6) }, () => signs[random.below(signs.length)]).join("");
}

/** Cuts a text into pieces at random places. */
function* piecesOf(text: string, random: Random): Generator<string> {
  for (let from = 0; from < text.length;) {
    const to = from + 1 + random.below(7);
    yield text.slice(from, to);
    from = to;
  }
}

Deno.test("values come out as csv-stringify wrote them and csv-parse reads them, however the text is cut", async () => {
  const random = new Random(5);
  for (let table = 0; table < 400; table++) {
    const width = 2 + random.below(3);
    const rows = Array.from(
      { length: 1 + random.below(5) },
      () => Array.from({ length: width }, () => value(random)),
    );
    const separator = [",", ";", "\t"][table % 3]!;
    const end = ["\n", "\r\n", "\r"][random.below(3)]!;
    const text = stringify(rows, { delimiter: separator, record_delimiter: end, quoted_match: /[\r\n]/ });
    const pieces = async function* () {
      yield* piecesOf(text, random);
    };
    const found = await Array.fromAsync(
      delimitedRecords("a", pieces(), { separator, quotes: "csv" }),
      ({ values }) => values,
    );
    assert.deepEqual(found, rows, JSON.stringify(text));
    const theirs = parse(text, {
      delimiter: separator,
      record_delimiter: ["\r\n", "\n", "\r"],
      skip_empty_lines: true,
    });
    assert.deepEqual(found, theirs);
  }
});

Deno.test("lines are counted through values of several lines and blank lines", () => {
  const records = [...new Splitter("a", ",").records('a,b\r\n\r\n"x\r\ny\nz",1\r\r\n2,3', true)];
  assert.deepEqual(records.map(({ line }) => line), [1, 3, 7]);
});
