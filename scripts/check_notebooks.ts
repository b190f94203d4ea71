/**
 * Part of `deno task ok`: the code of each notebook is a module that is formatted, without errors of types and lint,
 * and its cells are short. It is not run: `deno task notebooks` does that. (`deno fmt --check` itself refuses every
 * notebook whose cells do not end with an empty line.)
 */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { findNotebooks, type Notebook, readNotebook, textOf } from "./notebook_file.ts";

/** The longest cell, in lines. */
const longest = 15;

/** A notebook's code as one module, and the cell of each line (both from 1). */
export function moduleOf({ cells }: Notebook): { text: string; cellOf: number[] } {
  const lines: string[] = [];
  const cellOf: number[] = [];
  cells.forEach(({ cell_type, source }, place) => {
    if (cell_type !== "code") return;
    const code = textOf(source).split("\n");
    lines.push(...lines.length === 0 ? [] : [""], ...code);
    while (cellOf.length < lines.length) cellOf.push(place + 1);
  });
  return { text: lines.join("\n") + "\n", cellOf };
}

/** A module that imports the same files when it stands elsewhere. */
export function moved(text: string, folder: string): string {
  return text.replace(
    /(from |import\(|import )"(\.[^"]+)"/g,
    (_, before, path) => `${before}"${pathToFileURL(resolve(folder, path))}"`,
  );
}

/** Returns a tool's words on modules, with the notebooks' names and cells in place of the modules' and lines. */
export function inCells(said: string, modules: ReadonlyMap<string, readonly number[]>): string {
  let text = said;
  for (const [file, cellOf] of modules) {
    const name = file.split(/[\\/]/).at(-1)!.replace(/ts$/, "ipynb");
    for (const place of [pathToFileURL(file).href, file]) {
      text = text.replaceAll(
        new RegExp(`${RegExp.escape(place)}(?::(\\d+):\\d+)?`, "g"),
        (_, line) => `${name}${line ? `, cell ${cellOf[line - 1]}` : ""}`,
      );
    }
  }
  return text;
}

if (import.meta.main) {
  const root = join(import.meta.dirname!, "..");
  const folder = join(root, "notebooks");
  const target = await Deno.makeTempDir({ prefix: "bertlab-cells-" });
  const modules = new Map<string, readonly number[]>();
  const texts = new Map<string, string>();
  let findings = 0;
  const run = async (...command: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...command, "--config", join(root, "deno.json"), ...modules.keys()],
      env: { NO_COLOR: "1" },
    }).output();
    if (success) return;
    const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    console.error(inCells(`${out}${error}`, modules).trim());
    findings++;
  };
  try {
    for (const name of await findNotebooks(folder, [])) {
      const notebook = await readNotebook(join(folder, `${name}.ipynb`));
      const { text, cellOf } = moduleOf(notebook);
      const file = join(target, `${name}.ts`);
      await Deno.writeTextFile(file, text);
      modules.set(file, cellOf);
      texts.set(file, text);
      for (const [place, { cell_type, source }] of notebook.cells.entries()) {
        const lines = textOf(source).split("\n").length;
        if (cell_type !== "code" || lines <= longest) continue;
        console.error(`${name}.ipynb, cell ${place + 1} has ${lines} lines: expected at most ${longest}`);
        findings++;
      }
    }
    await run("fmt", "--check");
    for (const [file, text] of texts) await Deno.writeTextFile(file, moved(text, folder));
    await run("check", "--quiet");
    await run("lint", "--quiet");
  } finally {
    await rm(target, { recursive: true });
  }
  console.log(`cells of ${modules.size} notebooks: ${findings} findings`);
  if (findings > 0) Deno.exit(1);
}
