/**
 * Part of `deno task ok`: the code of each notebook is checked and linted as one module, and its cells are short. It is
 * not run: `deno task notebooks` does that.
 */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { findNotebooks, type Notebook, readNotebook, textOf } from "./notebook_file.ts";

/** The longest cell, in lines. */
const longest = 16;

/** A notebook's code in one module, which stands elsewhere, and the cell of each line (from 1). */
export function moduleOf({ cells }: Notebook, folder: string): { text: string; cellOf: number[] } {
  const lines: string[] = [];
  const cellOf: number[] = [];
  cells.forEach(({ cell_type, source }, place) => {
    if (cell_type !== "code") return;
    for (const line of textOf(source).split("\n")) {
      lines.push(
        line.replace(
          /(from |import\(|import )"(\.[^"]+)"/g,
          (_, before, path) => `${before}"${pathToFileURL(resolve(folder, path))}"`,
        ),
      );
      cellOf.push(place + 1);
    }
  });
  return { text: lines.join("\n") + "\n", cellOf };
}

/** What the compiler and the linter say, with the notebooks' names and cells in place of the modules' and lines. */
export function inCells(said: string, modules: ReadonlyMap<string, readonly number[]>): string {
  let text = said;
  for (const [file, cellOf] of modules) {
    for (const place of [pathToFileURL(file).href, file]) {
      text = text.replaceAll(
        new RegExp(`${RegExp.escape(place)}(?::(\\d+):\\d+)?`, "g"),
        (_, line) =>
          `${file.split(/[\\/]/).at(-1)!.replace(/ts$/, "ipynb")}${line ? `, cell ${cellOf[line - 1]}` : ""}`,
      );
    }
  }
  return text;
}

if (import.meta.main) {
  const root = join(import.meta.dirname!, "..");
  const folder = join(root, "notebooks");
  const names = await findNotebooks(folder, []);
  const modules = new Map<string, readonly number[]>();
  const target = await Deno.makeTempDir({ prefix: "bertlab-cells-" });
  let findings = 0;
  try {
    for (const name of names) {
      const notebook = await readNotebook(join(folder, `${name}.ipynb`));
      const { text, cellOf } = moduleOf(notebook, folder);
      await Deno.writeTextFile(join(target, `${name}.ts`), text);
      modules.set(join(target, `${name}.ts`), cellOf);
      for (const [place, { cell_type, source }] of notebook.cells.entries()) {
        const lines = textOf(source).split("\n").length;
        if (cell_type !== "code" || lines <= longest) continue;
        console.error(`${name}.ipynb, cell ${place + 1} has ${lines} lines: expected at most ${longest}`);
        findings++;
      }
    }
    for (const command of ["check", "lint"]) {
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [command, "--quiet", "--config", join(root, "deno.json"), ...modules.keys()],
        env: { NO_COLOR: "1" },
      }).output();
      if (success) continue;
      const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      console.error(inCells(`${out}${error}`, modules).trim());
      findings++;
    }
  } finally {
    await rm(target, { recursive: true });
  }
  console.log(`cells of ${names.length} notebooks: ${findings} findings`);
  if (findings > 0) Deno.exit(1);
}
