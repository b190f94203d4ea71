import { deepStrictEqual, rejects } from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import { readSafetensors, writeSafetensors } from "../../lib/bert/safetensors.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { goldenFolder } from "../golden/load.ts";
import { inFolder } from "../helpers/in_folder.ts";

const folders = join(goldenFolder, "folders");

/** The tensors that PyTorch reads from a golden folder. */
async function weightsOf(name: string): Promise<HostTensors> {
  const all = Object.entries(await readSafetensors(join(goldenFolder, "folders.safetensors")));
  const own = all.filter(([tensor]) => tensor.startsWith(`${name}.`));
  return Object.fromEntries(own.map(([tensor, value]) => [tensor.slice(name.length + 1), value]));
}

Deno.test("weights in several files with an index are loaded as those in one", () =>
  inFolder(async (folder) => {
    const whole = await weightsOf("f32");
    const names = Object.keys(whole);
    const shards = ["one", "two"].map((name) => `${name}.safetensors`);
    const fileOf = (index: number) => shards[index % 2]!;
    await cp(join(folders, "f32", "config.json"), join(folder, "config.json"));
    for (const shard of shards) {
      const kept = names.filter((_, index) => fileOf(index) === shard).map((name) => [name, whole[name]!]);
      await writeSafetensors(join(folder, shard), Object.fromEntries(kept));
      await cp(
        join(goldenFolder, "..", "torch", "f32.zip.bin"),
        join(folder, shard.replace("safetensors", "bin")),
      );
    }
    const index = (ending: string, changes: Record<string, string> = {}) => {
      const entries = names.map((name, index) => [name, fileOf(index).replace("safetensors", ending)]);
      return JSON.stringify({ metadata: {}, weight_map: { ...Object.fromEntries(entries), ...changes } });
    };
    const load = () => loadCheckpoint(folder, { seed: 1 });
    await writeFile(join(folder, "pytorch_model.bin.index.json"), index("bin"));
    deepStrictEqual((await load()).parameters, whole);
    const path = join(folder, "model.safetensors.index.json");
    await writeFile(path, index("safetensors"));
    deepStrictEqual(await load(), { ...await loadCheckpoint(join(folders, "f32"), { seed: 1 }), notes: [] });
    await writeFile(path, index("safetensors", { [names[0]!]: "two.safetensors" }));
    await rejects(load(), {
      name: "InputError",
      message: `Cannot use ${path} as it says that ${names[0]} is in two.safetensors, which lacks it; ` +
        "take the model's files again",
    });
    await writeFile(path, index("safetensors", { [names[0]!]: "../x.safetensors" }));
    await rejects(load(), /expected the plain name of a file, found "\.\.\/x\.safetensors"/);
    await writeFile(path, index("safetensors", { [names[0]!]: "three.safetensors" }));
    await rejects(
      load(),
      /^InputError: Cannot use .*index\.json as three\.safetensors is missing, which it names; fetch all/,
    );
    await writeFile(path, "{}");
    await rejects(load(), /index\.json as "weight_map" is missing; take the model's files again$/);
  }));

Deno.test("the prefixes that DataParallel and torch.compile give all tensors are left out", () =>
  inFolder(async (folder) => {
    const whole = await weightsOf("f32");
    await cp(join(folders, "f32", "config.json"), join(folder, "config.json"));
    for (const prefix of ["module.", "_orig_mod.", "module._orig_mod."]) {
      const prefixed = Object.entries(whole).map(([name, tensor]) => [prefix + name, tensor]);
      await writeSafetensors(join(folder, "model.safetensors"), Object.fromEntries(prefixed));
      const { parameters, notes, drawn } = await loadCheckpoint(folder, { seed: 1 });
      deepStrictEqual([parameters, notes, drawn], [whole, [], []]);
    }
    await writeFile(
      join(folder, "model.safetensors"),
      "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    );
    await rejects(
      loadCheckpoint(folder, { seed: 1 }),
      /model\.safetensors as it is a pointer of Git LFS: fetch the file/,
    );
  }));
