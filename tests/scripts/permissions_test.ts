import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { permissionsTable } from "../../scripts/permissions.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const root = join(import.meta.dirname!, "../..");
const { tasks, lock } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));

/** The words of a task after `deno`, with whole paths. */
const wordsOf = (task: string): string[] =>
  tasks[task].split(" && ")[0].replace("scripts/", `${root}/scripts/`).split(" ").slice(2);

/** Runs Deno in a folder and returns what it says, on both streams. */
function deno(folder: string, ...args: string[]): string {
  const env = { ...process.env, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", HF_TOKEN: "hf_secret" };
  return execFileSync(Deno.execPath(), args, { cwd: folder, env, encoding: "utf8", stdio: "pipe" });
}

const narrow = [
  "train:offline",
  "predict:offline",
  "evaluate:offline",
  "report",
  "readme",
  "publish",
];

Deno.test("tasks that need neither network nor programs may use none, nor read a secret", () =>
  inFolder(async (folder) => {
    await writeFile(
      join(folder, "try.ts"),
      `const said = async (use: () => unknown) => {
        try { return String(await use()); } catch (error) { return (error as Error).name; }
      };
      console.log(JSON.stringify([
        await said(() => Deno.connect({ port: 9 })),
        await said(() => new Deno.Command(Deno.execPath()).output()),
        await said(() => Deno.env.get("HF_TOKEN")),
        await said(() => Deno.networkInterfaces()),
      ]));`,
    );
    const flags = new Set(
      narrow.map((task) => wordsOf(task).filter((word) => word.startsWith("-")).join(" ")),
    );
    assert.equal(flags.size, 2); // with ffi and the script's own --offline, and without
    for (const some of flags) {
      const found = deno(folder, "run", ...some.split(" ").filter((flag) => flag !== "--offline"), "try.ts");
      assert.deepEqual(JSON.parse(found), ["NotCapable", "NotCapable", "undefined", "NotCapable"]);
    }
  }));

test.slow("tasks on files of this machine do their work with their permissions", () =>
  inFolder(async (folder) => {
    await writeModel(join(folder, "tiny"));
    for (const [seed, name] of ["a", "b"].entries()) await writeTexts(join(folder, `${name}.csv`), 24, seed);
    const small = ["--model", "tiny", "--batch-size", "8", "--max-length", "16"];
    const task = (name: string, ...args: string[]) => deno(folder, ...wordsOf(name), ...args);
    assert.match(task("train:offline", "--train", "a.csv", "--output", "m", ...small), /wrote m after/);
    assert.match(task("evaluate:offline", "--model", "m", "--input", "b.csv"), /24 texts of b\.csv: error/);
    assert.match(
      task("predict:offline", "--model", "m", "--input", "b.csv", "--output", "c.csv"),
      /wrote 24 rows/,
    );
    assert.match(task("export", "--model", "m", "--output", "e"), /wrote e, with/);
    assert.match(task("export", "--model", "m", "--output", "p", "--page"), /wrote the page p/);
  }));

test.slow("report and publish do their work with their permissions", () =>
  inFolder((folder) => {
    const records = ["--results", join(root, "results")];
    assert.match(deno(folder, ...wordsOf("report"), ...records, "--output", "r"), /Wrote r/);
    assert.match(deno(folder, ...wordsOf("publish"), ...records, "--to", "p"), /Wrote p/);
    return Promise.resolve();
  }));

Deno.test("a plugin that may not be tried in a process of its own is a sentence", () =>
  inFolder(async (folder) => {
    const library = JSON.stringify(import.meta.resolve("../../lib/engine/xla/probe.ts"));
    const script = `import { describePlugin } from ${library};
      await describePlugin("plugin.so").catch(({ name, message }) => console.log(name + ": " + message));`;
    await writeFile(join(folder, "probe.ts"), script);
    assert.equal(
      deno(folder, "run", "--config", join(root, "deno.json"), "--no-prompt", "--allow-read", "probe.ts")
        .trim(),
      "InputError: Cannot try the plugin plugin.so as Deno was started without --allow-run, and it is tried in a " +
        "process of its own",
    );
  }));

Deno.test("packages are those of deno.lock alone", () => assert.deepEqual(lock, { frozen: true }));

Deno.test("a task needs a reason, and those that share one have the same permissions", () => {
  const table = permissionsTable(tasks);
  const line = table.split("\n").find((line) => line.startsWith("| structure "))!;
  assert.deepEqual(line.split("|").slice(2, 9).map((cell) => cell.trim()), ["all", ..."––––––"]);
  const more = { ...tasks, more: "deno run --allow-net more.ts" };
  assert.throws(() => permissionsTable(more), { name: "InputError", message: /the task more: expected/ });
  const other = { ...tasks, publish: `${tasks.publish} --allow-net` };
  assert.throws(() => permissionsTable(other), {
    message: /^Cannot tell the permissions of the task publish as they are not those of report:/,
  });
});
