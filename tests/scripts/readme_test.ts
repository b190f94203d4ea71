/**
 * README.md is true: its numbers are those of the published records, and its commands and code run. A command runs as
 * it stands, in a folder with files of the names that it uses, or with options after it that make it small; what would
 * take long or needs a GPU is left to the tests that are named for it.
 */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { publishedReport, recordTables, withRecords } from "../../scripts/readme.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const root = join(import.meta.dirname!, "../..");
const readme = await readFile(join(root, "README.md"), "utf8");
const report = publishedReport();
const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));

const small = "--model tiny --batch-size 8 --max-length 16";
/** What is put after a command of README to make it small, or the test that covers it. */
const commands: Record<string, { also: string } | { coveredBy: string }> = {
  "reproduce table2": { also: "--dry-run" },
  "reproduce": { also: "--dry-run" },
  "report": { also: `--results ${join(root, "results")} --output report` },
  "notebooks": { coveredBy: "tests/scripts/notebooks_test.ts" },
  "test": { coveredBy: "tests/scripts/readme_test.ts" },
  "train --train reviews.csv --test more.csv --output my-model": { also: small },
  "evaluate --model my-model --input more.csv": { also: "" },
  "predict --model my-model --input new.csv --output labelled.csv": { also: "" },
  "export --model my-model --output my-export": { also: "" },
  "pretrain --text reviews.csv --steps 1000 --head-steps 200 --output my-start": {
    also: `${small} --steps 4 --head-steps 2`,
  },
  "train --train reviews.csv --dev more.csv --model my-start --output my-model": {
    also: "--batch-size 8 --max-length 16 --output my-second-model",
  },
  "xla install cuda13": { coveredBy: "tests/engine/xla/install_test.ts" },
  "engines": { also: "" },
  "xla install cuda13 --compiler-only": { coveredBy: "tests/engine/xla/install_test.ts" },
  "engines --target h200 table2": { coveredBy: "tests/runs/gpu_plan_test.ts" },
  "reproduce table2 --scale paper --dry-run --target h100 --precision bf16": {
    coveredBy: "tests/runs/gpu_plan_test.ts",
  },
};

const blocksOf = (language: string) =>
  Array.from(readme.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm")), (match) => match[1]!);

const run = async (cwd: string, args: string[]) => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } })
    .output();
  assert.equal(code, 0, `deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
};

async function writeFiles(folder: string): Promise<void> {
  await writeModel(join(folder, "tiny"));
  for (const [seed, name] of ["reviews", "more", "new"].entries()) {
    await writeTexts(join(folder, `${name}.csv`), 40, seed);
  }
}

Deno.test("README's numbers are those of the published records", async () =>
  assert.equal(
    readme.replaceAll(/[\s-]+/g, " "),
    withRecords(readme, await report).replaceAll(/[\s-]+/g, " "),
    "README.md is not up to date: deno task readme",
  ));

Deno.test("the tables beside the published records are those of the records", async () => {
  const { folder } = await report;
  for (const [name, text] of await recordTables(await report)) {
    assert.equal(
      await readFile(join(root, folder, name), "utf8"),
      text,
      `${name} is not up to date: deno task readme`,
    );
  }
});

Deno.test("README's links inside the project lead somewhere", async () => {
  const links = Array.from(readme.matchAll(/\]\(([^)#]+)\)/g), (match) => match[1]!)
    .filter((link) => !/^https?:/.test(link));
  assert.ok(links.length > 20);
  for (const link of links) await stat(join(root, link)).catch(() => assert.fail(`${link} is not there`));
});

/** README's commands as they stand there, without `npx … task` before them. */
const lines = blocksOf("sh").flatMap((block) => block.trim().split("\n"))
  .map((line) => /^npx -y deno@2\.9\.6 task (.*?)\s*(?:#.*)?$/.exec(line)?.[1] ?? line);

Deno.test("each of README's commands is tested here, or elsewhere", async () => {
  assert.deepEqual(lines.toSorted(), Object.keys(commands).toSorted());
  for (const how of Object.values(commands)) if ("coveredBy" in how) await stat(join(root, how.coveredBy));
});

test.slow("README's commands run, one after the other", () =>
  inFolder(async (folder) => {
    await writeFiles(folder);
    for (const line of lines) {
      const how = commands[line]!;
      if ("coveredBy" in how) continue;
      const [task, ...args] = `${line} ${how.also}`.trim().split(/\s+/);
      const [, ...words] = (tasks[task!] as string).split(" ");
      await run(folder, [
        ...words.map((word) => word.startsWith("scripts/") ? join(root, word) : word),
        ...args,
      ]);
    }
  }));

Deno.test("README's code runs", () =>
  inFolder(async (folder) => {
    await writeFiles(folder);
    const blocks = blocksOf("ts");
    assert.ok(blocks.length > 0);
    const library = pathToFileURL(join(root, "mod.ts")).href;
    for (const block of blocks) {
      // the tiny model stands in for MiniLM, which a test does not download
      const code = block.replace('"./mod.ts"', JSON.stringify(library)).replace('"minilm"', '"tiny"');
      assert.notEqual(code, block);
      await writeFile(join(folder, "example.ts"), code);
      await run(folder, ["run", "--check", "--config", join(root, "deno.json"), "-A", "example.ts"]);
    }
  }));
