import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../helpers/in_folder.ts";
import { writeModel, writeTexts } from "../scripts/train_files.ts";

const root = join(import.meta.dirname!, "../..");

/** The program before the command that takes its network away, as root on Linux; undefined elsewhere. */
function withoutNetwork(): string[] | undefined {
  try {
    execFileSync("unshare", ["-n", "true"], { stdio: "ignore" });
    return ["unshare", "-n"];
  } catch {
    return undefined;
  }
}

const cases = [
  ["predict", "", []],
  ["predict:offline", "", []],
  ["predict", " without any network", withoutNetwork()],
] as const;

for (const [task, where, before] of cases) {
  Deno.test({
    name: `deno task ${task} --offline leaves its output and nothing else${where}`,
    ignore: !before,
    fn: () =>
      inFolder(async (folder) => {
        const [home, temporary, here] = ["home", "temporary", "here"].map((name) => join(folder, name));
        for (const empty of [home, temporary, here]) await mkdir(empty!);
        const model = await writeModel(join(folder, "model"));
        const input = await writeTexts(join(folder, "in.csv"), 5000, 1);
        const files = await readdir(folder, { recursive: true });
        const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
        const [set, , ...words] = tasks[task].replace("scripts/", `${root}/scripts/`).split(" ") as string[];
        assert.equal(set, "DENO_NO_UPDATE_CHECK=1");
        const [program, ...args] = [...before!, Deno.execPath(), ...words]
          .concat("--offline", "--engine", "onnx", "--model", model, "--input", input)
          .concat("--output", "out.csv");
        const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...environment } = process.env;
        const { DENO_DIR } = environment;
        const cache = DENO_DIR ?? JSON.parse(
          execFileSync(Deno.execPath(), ["info", "--json"], { encoding: "utf8", stdio: "pipe" }),
        ).denoDir;
        execFileSync(program!, args, {
          cwd: here,
          env: { ...environment, HOME: home, TMPDIR: temporary, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
          stdio: "pipe",
        });
        const output = join("here", "out.csv");
        assert.equal((await readFile(join(folder, output), "utf8")).trim().split("\n").length, 5001);
        assert.deepEqual((await readdir(folder, { recursive: true })).sort(), [...files, output].sort());
      }),
  });
}
