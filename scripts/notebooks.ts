/** `deno task notebooks`: runs notebooks through the Deno kernel and keeps their outputs, or writes them as pages. */
import { Command } from "commander";
import { mkdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { cacheFolder } from "../lib/storage/cache.ts";
import { InputError } from "../lib/errors.ts";
import { hashFile } from "../lib/storage/download.ts";
import { duration } from "../lib/results/progress.ts";
import { writeWhole } from "../lib/storage/whole_file.ts";
import { type Output, runCommand, standardOutput, userPath } from "./command.ts";
import { makeOutputFolder } from "./output_folder.ts";
import {
  endsWithValue,
  findNotebooks,
  keptOutputs,
  type Notebook,
  readNotebook,
  textOf,
  writeNotebook,
} from "./notebook_file.ts";

/** Packages that run notebooks and write them as pages, from the Python package index, with their checksums. */
const packages = join(import.meta.dirname!, "notebook_packages.txt");

interface NotebooksOptions {
  readonly folder: string;
  readonly check?: boolean;
  readonly html?: string;
}

/** The command, not yet run. */
export function notebooksCommand(output: Output): Command {
  return new Command("notebooks")
    .description(
      "Runs notebooks through the Deno kernel, from their own folder, keeps their outputs and replaces the stored " +
        "ones. Fails if a cell fails, or ends with a value and shows nothing. Needs Python 3.10 for Jupyter's client.",
    )
    .argument("[names...]", "notebooks without .ipynb, such as table2; all of them if none is named")
    .option(
      "--folder <folder>",
      "where the notebooks are",
      userPath,
      join(import.meta.dirname!, "..", "notebooks"),
    )
    .option("--check", "only run them, and leave the files as they are")
    .option("--html <folder>", "run nothing, and write them as pages that need no network", userPath)
    .action(async (names: string[], options: NotebooksOptions) => {
      const found = await findNotebooks(options.folder, names);
      for (const name of found) await readNotebook(join(options.folder, `${name}.ipynb`));
      if (options.html !== undefined) return await writePages(found, options.folder, options.html, output);
      const python = await pythonForNotebooks(output);
      const failed: string[] = [];
      for (const name of found) {
        const path = join(options.folder, `${name}.ipynb`);
        const start = performance.now();
        const notebook = await runNotebook(path, python);
        const problems = problemsOf(notebook);
        const seconds = duration((performance.now() - start) / 1000);
        output.out(`${name}: ${problems.length === 0 ? "done" : "failed"} after ${seconds}`);
        for (const line of saidOnStandardError(notebook)) output.error(`  ${line}`);
        for (const problem of problems) output.error(`${path}, ${problem}`);
        if (problems.length > 0) failed.push(name);
        else if (!options.check) await writeNotebook(path, notebook);
      }
      if (failed.length > 0) {
        throw new InputError(
          `${failed.length} of ${found.length} notebooks failed and are as they were: ${failed.join(", ")}`,
        );
      }
    });
}

/** Writes notebooks as pages, as they are stored. */
async function writePages(
  names: readonly string[],
  folder: string,
  pages: string,
  output: Output,
): Promise<void> {
  const python = await pythonForNotebooks(output);
  await makeOutputFolder(pages);
  const script = join(import.meta.dirname!, "notebook_page.py");
  for (const name of names) {
    const page = join(pages, `${name}.html`);
    const args = [script, resolve(folder, `${name}.ipynb`), resolve(page)];
    const { success, stderr } = await new Deno.Command(python, { args, stdin: "null", stderr: "piped" })
      .output();
    if (!success) {
      const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
      throw new InputError(`Cannot write ${page}: ${reason}`);
    }
    output.out(`Wrote ${page}`);
  }
}

/** Lists the faults of a notebook that was run, a sentence each; places of cells count from 1. */
function problemsOf({ cells }: Notebook): string[] {
  return cells.flatMap(({ cell_type, source, outputs = [] }, place) => {
    if (cell_type !== "code") return [];
    const error = outputs.find(({ output_type }) => output_type === "error");
    if (error) return [`cell ${place + 1}: ${error.ename}: ${error.evalue}`];
    const before = cells.slice(0, place).some((cell) =>
      cell.outputs?.some(({ output_type }) => output_type === "error")
    );
    if (before || !endsWithValue(textOf(source)) || keptOutputs(outputs).length > 0) return [];
    return [`cell ${place + 1}: it ends with a value, and nothing is shown`];
  });
}

function saidOnStandardError({ cells }: Notebook): string[] {
  return cells.flatMap(({ outputs = [] }) => outputs.filter(({ name }) => name === "stderr"))
    .flatMap(({ text }) => textOf(text ?? "").trimEnd().split("\n"));
}

/**
 * Runs a notebook in a kernel of its own.
 *
 * @throws InputError if the kernel ends before the notebook does.
 */
async function runNotebook(path: string, python: string): Promise<Notebook> {
  const folder = await Deno.makeTempDir({ prefix: "bertlab-notebook-" });
  try {
    const kernel = join(folder, "kernels", "deno");
    await mkdir(kernel, { recursive: true });
    await writeWhole(join(kernel, "kernel.json"), [JSON.stringify({
      argv: [Deno.execPath(), "jupyter", "--kernel", "--conn", "{connection_file}"],
      display_name: "Deno",
      language: "typescript",
    })]);
    const target = join(folder, "run.ipynb");
    const script = join(import.meta.dirname!, "run_notebook.py");
    const { success, stderr } = await new Deno.Command(python, {
      args: [script, resolve(path), resolve(path, ".."), target],
      env: {
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        JUPYTER_DATA_DIR: folder,
        JUPYTER_CONFIG_DIR: folder,
        JUPYTER_PATH: "",
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return await readNotebook(target);
    const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    throw new InputError(`Cannot run ${path}: ${reason}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Returns a Python with Jupyter's packages, in the cache folder.
 *
 * @throws InputError if there is no Python, or it cannot be set up.
 */
async function pythonForNotebooks(output: Output): Promise<string> {
  const folder = join(cacheFolder(), "jupyter", (await hashFile(packages, "sha256")).slice(0, 12));
  const windows = Deno.build.os === "windows";
  const python = join(folder, ...windows ? ["Scripts", "python.exe"] : ["bin", "python"]);
  const ready = join(folder, "ready");
  if (await stat(ready).catch(() => undefined)) return python;
  output.error(`Setting up Jupyter's client, once, in ${folder}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await python3(windows ? "python" : "python3", ["-m", "venv", folder]);
  const checked = ["--require-hashes", "--only-binary=:all:", "-r", packages];
  await python3(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...checked]);
  await writeWhole(ready, []);
  return python;
}

async function python3(python: string, args: readonly string[]): Promise<void> {
  const run = new Deno.Command(python, { args: [...args], stdin: "null", stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await run.output().catch((error) => {
    throw new InputError(
      `Cannot run notebooks without Python: ${error.message}; install Python 3.10 or newer, or open the notebooks in ` +
        "an editor that has the Deno kernel",
    );
  });
  if (success) return;
  const said = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  const reason = said.split("\n").find((line) => /error|not available/i.test(line)) ?? said.trim();
  throw new InputError(
    `Cannot set up Jupyter's client by ${python} ${args.slice(0, 3).join(" ")}: ${reason}`,
  );
}

if (import.meta.main) Deno.exit(await runCommand(notebooksCommand(standardOutput), Deno.args));
