import assert from "node:assert/strict";
import { mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inFolder } from "../helpers/in_folder.ts";

const root = join(import.meta.dirname!, "../..");

/** Runs a task's script as `deno task` does: in the repository, with the user's folder in INIT_CWD. */
async function run(cwd: string, INIT_CWD: string, ...[script, ...args]: string[]): Promise<string> {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", join(root, "scripts", script!), ...args],
    env: { INIT_CWD },
    cwd,
  }).output();
  return new TextDecoder().decode(stderr);
}

Deno.test("relative paths under deno task are looked up where the user stood", () =>
  inFolder(async (given) => {
    const folder = await realpath(given);
    await writeFile(join(folder, "a.csv"), "review\na\n");
    const input = ["predict.ts", "--model", "none", "--output", "out.csv", "--input"];
    assert.match(
      await run(root, folder, ...input, "a.csv"),
      /Cannot read a\.csv as column "text" is missing/,
    );
    const missing = await run(root, folder, ...input, "b.csv");
    assert.ok(missing.includes(`there is no such file ${join(folder, "b.csv")}; check the path`), missing);
    // Without deno task the process stands where the user does, whatever an outer task has left.
    assert.match(
      await run(folder, root, ...input, "a.csv"),
      /Cannot read a\.csv as column "text" is missing/,
    );
  }));

Deno.test("reproduce takes the user's paths from where the user stood, and its own folders from the repository", () =>
  inFolder(async (given) => {
    const folder = await realpath(given);
    await mkdir(join(folder, "mine"));
    const jobs = ["table2", "--model", "mine", "--data-dir", "data", "--jobs", "slurm", "jobs"];
    assert.equal(await run(root, folder, "reproduce.ts", ...jobs), "");
    const script = await readFile(join(folder, "jobs/merge.sbatch"), "utf8");
    for (
      const [option, path] of [
        ["model", join(folder, "mine")],
        ["data-dir", join(folder, "data")],
        ["results", join(root, "runs")],
      ]
    ) assert.ok(script.includes(` --${option} ${path} `), script);
    // A model that is no folder there is a name.
    await run(root, folder, "reproduce.ts", "table2", "--model", "minilm", "--jobs", "slurm", "jobs");
    assert.match(await readFile(join(folder, "jobs/merge.sbatch"), "utf8"), / --model minilm /);
  }));
