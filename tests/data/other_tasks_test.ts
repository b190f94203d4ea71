import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readLabelled } from "../../lib/data/files.ts";
import { InputError } from "../../lib/errors.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("regression is refused by name, and numbers that are classes are not", () =>
  inFolder(async (folder) => {
    const path = join(folder, "table.csv");
    const write = (label: (n: number) => unknown) =>
      writeFile(
        path,
        ["text,label", ...Array.from({ length: 40 }, (_, n) => `text ${n},${label(n)}`)].join("\n"),
      );
    await write((n) => n / 3 + 0.01);
    await assert.rejects(
      readLabelled(path),
      new InputError(
        `Cannot train on ${path}: the labels are amounts, such as 0.01 in line 2 (40 different ones for 40 texts), and to ` +
          "predict amounts (regression) is not built: make a few classes of them, such as low and high",
      ),
    );
    for (const label of [(n: number) => n % 5 / 2, (n: number) => n % 7, (n: number) => 1000 + n]) {
      await write(label);
      assert.equal((await readLabelled(path)).examples.length, 40);
    }
  }));

Deno.test("labels of tokens are refused by name", () =>
  inFolder(async (folder) => {
    const path = join(folder, "table.jsonl");
    const rows = [{ text: ["Ann", "sings"], label: ["B-PER", "O"] }, { text: ["No"], label: ["O"] }];
    await writeFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
    await assert.rejects(
      readLabelled(path),
      new InputError(
        `Cannot train on ${path}: line 1 has 2 tokens and as many labels, as most rows do, and a label for each token ` +
          "(token classification) is not built: expected labels of the whole text",
      ),
    );
  }));
