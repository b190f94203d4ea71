/** The experiments with a model of BERT's family in the place of BERT-base. */
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { experiments } from "../../experiments/all.ts";
import { claimsAt } from "../../experiments/claims.ts";
import { collectReport } from "../../lib/report/collect.ts";
import { readRecords } from "../../lib/results/records.ts";
import { ownParts, reproduceCommand } from "../../scripts/reproduce.ts";
import { withFolder } from "../data/paper_files.ts";
import { familyFolder } from "../golden/families.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { runInTest } from "../helpers/run_command.ts";

/** IMDb's layout with 16 reviews to train on and 4 to test with. */
const reviews = Object.fromEntries(
  [["train", 8], ["test", 2]].flatMap(([split, count]) =>
    ["neg", "pos"].flatMap((name, label) =>
      Array.from({ length: count as number }, (_, n) => [
        `data/aclImdb/${split}/${name}/${n}_${label ? 9 : 2}.txt`,
        `${split} ${n}: a ${label ? "good" : "bad"} film`,
      ])
    )
  ),
);

Deno.test("Table 3 of a family's model has a row for each of its layers, in the table, the plan and the report", () =>
  withFolder(
    reviews,
    (folder) =>
      withEnvironment(
        { BERTLAB_DATA: join(folder, "data"), HF_HUB_OFFLINE: "1", BERTLAB_CACHE: folder },
        async () => {
          const model = join(folder, "model");
          await cp(familyFolder("modernbert"), model, { recursive: true });
          const config = JSON.parse(await readFile(join(model, "config.json"), "utf8"));
          await writeFile(
            join(model, "config.json"),
            JSON.stringify({ ...config, max_position_embeddings: 512, classifier_pooling: "mean" }),
          );
          const reproduce = (...args: string[]) =>
            runInTest(
              (output) => reproduceCommand(ownParts(output)),
              ...["table3", "--scale", "imdb", "--model", model, "--results", folder, "--engine", "onnx"],
              ...args,
            );
          const rows = ["layer 0", "layer 1", "layer 2", "all 12 concat"];

          const dry = await reproduce("--dry-run");
          assert.deepEqual(Array.from(dry.out.matchAll(/IMDb, ([^,]+), seed/g), ([, row]) => row), rows);

          const made = await reproduce();
          assert.equal(made.code, 0, made.error);
          assert.match(made.out, /layer 2 is its top one, and "all 12" are its 3/);
          assert.match(made.out, /\| layer 2 +\|[^|]+\| \d+\.\d+ \(1\) \|/);
          assert.match((await reproduce("--dry-run")).out, /4 of 4 runs are on record$/);
          const { records } = await readRecords(join(folder, "imdb"));
          assert.deepEqual(new Set(records.map(({ model }) => model)), new Set([`${model}, 3 layers`]));

          // A claim on a top layer, of which this model has another: nothing is said of it.
          const claim = claimsAt("imdb").find(({ name }) => name === "the last layer beats the first")!;
          const { experiments: [report], warnings, claims } = await collectReport({
            experiments: experiments.filter(({ name }) => name === "table3"),
            dataTables: [],
            claims: [{ ...claim, better: "layer 1", than: ["layer 0"] }],
            scale: "imdb",
            results: folder,
            made: new Date(),
          });
          assert.deepEqual(warnings, []);
          assert.deepEqual(report!.sections.map(({ table }) => table.rows), [rows]);
          assert.deepEqual(report!.sections[0]!.table.baseline, "layer 2");
          assert.deepEqual(claims.map(({ judgements }) => judgements[0]!.perColumn), [[]]);
        },
      ),
  ));
