import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe } from "../../lib/data/describe.ts";
import { datasetFromFiles, limit } from "../../lib/notebook/data.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("a data set says what it is, and so does a part of it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "reviews.csv");
    const rows = Array.from({ length: 20 }, (_, n) => `text ${n},${n % 2 ? "good" : "bad"}`);
    await writeFile(path, ["text,label", ...rows].join("\n"));
    const data = await datasetFromFiles({ train: path });
    assert.equal(Deno.inspect(data), describe(data));
    assert.match(Deno.inspect(data), /train 18, dev 2, test 0/);
    const part = limit(data, { train: 4 });
    assert.match(Deno.inspect(part), /train 4, dev 2, test 0/);
    assert.deepEqual(part.labels, ["bad", "good"]);
    const several = join(folder, "several.csv");
    await writeFile(several, ["text,label", ...rows.map((row, n) => n % 3 ? row : `${row};long`)].join("\n"));
    const tagged = await datasetFromFiles({ train: several, labelSeparator: ";" });
    assert.deepEqual([tagged.multiLabel, tagged.labels], [true, ["bad", "good", "long"]]);
  }));
