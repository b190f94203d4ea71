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

for (const [where, before] of [["", []], [" without any network", withoutNetwork()]] as const) {
  Deno.test({
    name: `deno task predict --offline leaves nothing in the home folder${where}`,
    ignore: !before,
    fn: () =>
      inFolder(async (folder) => {
        const home = join(folder, "home");
        await mkdir(home);
        const model = await writeModel(join(folder, "model"));
        const input = await writeTexts(join(folder, "in.csv"), 4, 1);
        const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
        const [set, , ...words] = tasks.predict.split(" ") as string[];
        assert.equal(set, "DENO_NO_UPDATE_CHECK=1");
        const [program, ...args] = [...before!, Deno.execPath(), ...words]
          .concat("--offline", "--engine", "onnx", "--model", model, "--input", input)
          .concat("--output", join(folder, "out.csv"));
        const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...environment } = process.env;
        const { DENO_DIR } = environment;
        const cache = DENO_DIR ?? JSON.parse(
          execFileSync(Deno.execPath(), ["info", "--json"], { encoding: "utf8", stdio: "pipe" }),
        ).denoDir;
        execFileSync(program!, args, {
          cwd: root,
          env: { ...environment, HOME: home, DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1" },
          stdio: "pipe",
        });
        assert.equal((await readFile(join(folder, "out.csv"), "utf8")).trim().split("\n").length, 5);
        assert.deepEqual(await readdir(home, { recursive: true }), []);
      }),
  });
}
