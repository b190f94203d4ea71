/**
 * The pages are true: their numbers are those of the published records, their links lead somewhere, and their commands
 * and code run. A command runs as it stands, in a folder with files of the names that it uses, or with options after it
 * that make it small; what would take long or needs a GPU is left to the tests that are named for it.
 */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { floors } from "../../scripts/check_structure.ts";
import { publishedReport, readPages, recordTables, withBlocks } from "../../scripts/readme.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const root = join(import.meta.dirname!, "../..");
const pages = await readPages(root);
const report = await publishedReport();
const readme = pages.get("README.md")!;
const contributing = pages.get("CONTRIBUTING.md")!;
const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));

const small = "--model tiny --batch-size 8 --max-length 16";
/** Additions to a command of the pages that make it small, or the test that covers it. */
const commands: Record<string, { also: string } | { coveredBy: string }> = {
  "reproduce table2": { also: "--dry-run" },
  "reproduce": { also: "--dry-run" },
  "reproduce --list": { also: "" },
  "reproduce table2 --seeds 3": { also: "--dry-run" },
  "reproduce --scale imdb --dry-run": { also: "" },
  "report": { also: `--results ${join(root, "results")} --output report` },
  "notebooks": { coveredBy: "tests/scripts/notebooks_test.ts" },
  "test": { coveredBy: "tests/scripts/readme_test.ts" },
  "train --train reviews.csv --test more.csv --output my-model": { also: small },
  'train --train tagged.csv --label-separator ";" --output my-tags': {
    coveredBy: "tests/scripts/multi_label_test.ts",
  },
  "train --train tagged.jsonl --output my-tags": { coveredBy: "tests/data/label_lists_test.ts" },
  "train --train tagged.csv --label-columns sport,politics --output my-tags": {
    coveredBy: "tests/data/label_lists_test.ts",
  },
  "evaluate --model my-model --input more.csv": { also: "" },
  "predict --model my-model --input new.csv --output labelled.csv": { also: "" },
  "predict:offline --model my-model --input new.csv --output labelled.csv": { also: "" },
  "export --model my-model --output my-export": { also: "" },
  "export --model my-model --output my-page --page": { also: "" },
  "serve my-page": { coveredBy: "tests/page/serve_test.ts" },
  "pretrain --text reviews.csv --steps 1000 --head-steps 200 --output my-start": {
    also: `${small} --steps 4 --head-steps 2`,
  },
  "train --train reviews.csv --dev more.csv --model my-start --output my-second-model": {
    also: "--batch-size 8 --max-length 16",
  },
  "train --train reviews.csv --test more.csv --output found --budget 30m": { also: `${small} --budget 9s` },
  "train --train reviews.csv --output folded --folds 5": { also: small },
  "train --train reviews.csv --output curved --evaluate-every 5 --log curves": { also: small },
  "xla install cuda13": { coveredBy: "tests/engine/xla/install_test.ts" },
  "engines": { also: "" },
  "engines --check": { coveredBy: "tests/scripts/engine_check_test.ts" },
  "engines --check --json check.jsonl": { coveredBy: "tests/scripts/engine_check_test.ts" },
  "bench gpu --run": { coveredBy: "tests/scripts/gpu_run_test.ts" },
  "reproduce table2 --scale imdb --precision bf16": { coveredBy: "tests/runs/gpu_plan_test.ts" },
  "reproduce table2 --scale paper --precision bf16 --results runs --jobs slurm my-jobs": {
    coveredBy: "tests/scripts/jobs_test.ts",
  },
  "reproduce table2 --scale paper --precision bf16 --jobs kubernetes my-jobs": {
    coveredBy: "tests/scripts/jobs_test.ts",
  },
  "reproduce table2 --scale paper --precision bf16 --engine xla --merge": {
    coveredBy: "tests/scripts/jobs_test.ts",
  },
  "pack my-pack --model minilm --data imdb --plugin cuda13": { coveredBy: "tests/scripts/pack_test.ts" },
  "xla install cuda13 --compiler-only": { coveredBy: "tests/engine/xla/install_test.ts" },
  "tensorflow install cpu": { coveredBy: "tests/engine/tensorflow/install_test.ts" },
  "tensorflow install cuda12": { coveredBy: "tests/engine/tensorflow/install_test.ts" },
  "engines --target h200 table2": { coveredBy: "tests/runs/gpu_plan_test.ts" },
  "reproduce table2 --scale paper --dry-run --target h100 --precision bf16": {
    coveredBy: "tests/runs/gpu_plan_test.ts",
  },
};

/** The fenced blocks of a language, of all pages in their order. */
const blocksOf = (language: string) =>
  [...pages.values()].flatMap((text) =>
    Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, "gm")), (match) => match[1]!)
  );

/** The lines of shell: calls of tasks, and the call of `deno run` for code of one's own. */
const shell = blocksOf("sh").flatMap((block) => block.trim().split("\n"))
  .map((line) => /^npx -y deno@2\.9\.6 (.*?)\s*(?:#.*)?$/.exec(line)?.[1] ?? assert.fail(line));
const taskLines = [...new Set(shell.filter((line) => line.startsWith("task ")))]
  .map((line) => line.slice("task ".length));
const runLines = shell.filter((line) => !line.startsWith("task "));

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

/** All that can be linked to on a page: `#the-name` of each heading, as GitHub makes it. */
const anchorsOf = (text: string) =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), (match) => {
    const words = [...match[1]!.toLowerCase()].filter((letter) => /[\p{L}\p{N}_ -]/u.test(letter)).join("");
    return words.split(" ").join("-");
  });

Deno.test("the pages' generated blocks are up to date", async () => {
  const plain = (text: string) => text.replaceAll(/[\s-]+/g, " ");
  for (const [page, text] of await withBlocks(pages, report, root)) {
    assert.equal(plain(pages.get(page)!), plain(text), `${page} is not up to date: deno task readme`);
  }
});

Deno.test("a block that no page has is missed by its name", async () => {
  const without = new Map(pages).set("docs/results.md", "# Results\n");
  await assert.rejects(withBlocks(without, report, root), {
    message:
      "Cannot write the block “claims” as no page has <!-- claims --> and <!-- /claims -->: put both back",
  });
});

Deno.test("the tables beside the published records are those of the records", async () => {
  for (const [name, text] of await recordTables(report)) {
    assert.equal(
      await readFile(join(root, report.folder, name), "utf8"),
      text,
      `${name} is not up to date: deno task readme`,
    );
  }
});

Deno.test("README is short, and its list of folders is the order of the floors", () => {
  assert.ok(readme.split("\n").length - 1 <= 170);
  const listed = Array.from(readme.matchAll(/^ {2}(\w+)\/ {2,}/gm), (match) => `lib/${match[1]}`);
  assert.deepEqual(listed, floors.flat().filter((folder) => folder.startsWith("lib/")));
});

Deno.test("each idea of the paper is a file of at most 250 lines, and at most one other is to be opened", async () => {
  const rows = Array.from(
    contributing.matchAll(/\]\((lib\/paper\/\w+\.ts)\)\s*\|\s*(\w+)\s*\|\s*([\w, –]+?)\s*\|\s*(\d+) \|$/gm),
    ([, path, besides, others, lines]) => ({
      path: path!,
      named: [besides!, ...others!.split(", ")],
      lines: Number(lines),
    }),
  );
  assert.equal(rows.length, 11);
  for (const { path, named, lines } of rows) {
    const text = await readFile(join(root, path), "utf8");
    assert.equal(lines, text.match(/\n/g)!.length, path);
    assert.ok(lines <= 250, `${path} has ${lines} lines`);
    const imported = new Set(Array.from(text.matchAll(/"\.\/(\w+)\.ts"/g), (match) => match[1]!));
    assert.deepEqual(
      named.filter((name) => !["nothing", "–"].includes(name)).sort(),
      [...imported].sort(),
      path,
    );
  }
});

Deno.test("links inside the project lead somewhere", async () => {
  let found = 0;
  for (const [page, text] of pages) {
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      const [path, anchor] = link!.split("#") as [string, string?];
      const target = path === "" ? page : join(dirname(page), path);
      await stat(join(root, target)).catch(() => assert.fail(`${page}: ${link} is not there`));
      if (anchor) assert.ok(anchorsOf(pages.get(target)!).includes(anchor), `${page}: no heading ${link}`);
      found++;
    }
  }
  assert.ok(found > 60);
});

Deno.test("files that the pages name are there", async () => {
  const folders = "lib|experiments|notebooks|results|docs|scripts|benchmarks|tests";
  // The log names files as they were called on the day of an entry.
  for (const [page, text] of [...pages].filter(([page]) => page !== "LOG.md")) {
    for (const [, path] of text.matchAll(new RegExp(`\`((?:${folders})/[\\w/.]+)\``, "g"))) {
      if (path!.includes("NAME")) continue;
      await stat(join(root, path!)).catch(() => assert.fail(`${page}: ${path} is not there`));
    }
  }
});

Deno.test("each of the pages' commands is tested here, or elsewhere", async () => {
  assert.deepEqual(taskLines.toSorted(), Object.keys(commands).toSorted());
  for (const how of Object.values(commands)) if ("coveredBy" in how) await stat(join(root, how.coveredBy));
});

test.slow("the pages' commands run, one after the other", () =>
  inFolder(async (folder) => {
    await writeFiles(folder);
    for (const line of taskLines) {
      const how = commands[line]!;
      if ("coveredBy" in how) continue;
      const [task, ...args] = `${line} ${how.also}`.trim().split(/\s+/);
      const [, , ...words] = (tasks[task!] as string).split(" ");
      await run(folder, [
        ...words.map((word) => word.startsWith("scripts/") ? join(root, word) : word),
        ...args,
      ]);
    }
  }));

/** Runs a page's block of code, with the permissions that the pages tell and the tiny model in MiniLM's place. */
const runCode = (block: string) =>
  inFolder(async (folder) => {
    await writeFiles(folder);
    assert.equal(runLines.length, 1);
    const [, ...words] = runLines[0]!.split(" ");
    // the tiny model stands in for MiniLM, which a test does not download
    const library = JSON.stringify(pathToFileURL(join(root, "mod.ts")).href);
    const code = block.replace('"./mod.ts"', library).replaceAll('"minilm"', '"tiny"').replace(
      '"30m"',
      '"9s"',
    );
    assert.notEqual(code, block);
    await writeFile(join(folder, words.at(-1)!), code);
    await run(folder, ["run", "--check", "--config", join(root, "deno.json"), "--no-prompt", ...words]);
  });

for (const [n, block] of blocksOf("ts").entries()) {
  test.slow(`the pages' code runs, block ${n + 1}`, () => runCode(block));
}
