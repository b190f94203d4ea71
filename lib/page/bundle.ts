/**
 * The page's scripts, bundled for a browser by `deno bundle` from this library's own modules, so that a page cuts texts
 * and reads tables by the code of `predict`. What they need of Node is replaced by the files of browser/node.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { InputError } from "../errors.ts";
import { withoutUser } from "../printable.ts";

/** Scripts by their names in the page's folder, and their sources beside this file. */
const sources = { "page.js": "main.ts", "worker.js": "worker.ts" } as const;

const here = (name: string) => import.meta.resolve(`./browser/${name}`);

/** The packages and, as deno.json has them without saying so, their inner modules. */
const packages = Object.entries(project.imports).flatMap(([name, place]) =>
  name.endsWith("/") ? [[name, place]] : [[name, place], [`${name}/`, place.replace(/^npm:/, "npm:/") + "/"]]
);

/** Modules that are replaced, and what by. */
const replaced = {
  "node:fs": here("node/files.ts"),
  "node:fs/promises": here("node/files.ts"),
  "node:path": here("node/path.ts"),
  "node:crypto": here("node/streams.ts"),
  "node:stream": here("node/streams.ts"),
  "node:zlib": here("node/streams.ts"),
  "csv-stringify/sync": `${project.imports["csv-stringify"]}/browser/esm/sync`,
  "@tensorflow/tfjs": here("node/nothing.ts"),
  [import.meta.resolve("../tables/parquet_table.ts")]: here("node/parquet.ts"),
};

/**
 * Bundles the page's scripts.
 *
 * @returns their texts by name
 * @throws InputError if Deno cannot bundle, such as the first time without a network.
 */
export async function pageScripts(): Promise<Record<keyof typeof sources, string>> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-page-"));
  try {
    const imports = join(folder, "imports.json");
    await writeFile(imports, JSON.stringify({ imports: { ...Object.fromEntries(packages), ...replaced } }));
    const made = Object.entries(sources).map(async ([name, source]) => {
      const output = join(folder, name);
      await bundle(here(source), output, imports);
      return [name, await readFile(output, "utf8")];
    });
    return Object.fromEntries(await Promise.all(made));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bundle(source: string, output: string, imports: string): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--platform=browser", "--minify", "--no-lock", "--no-config"],
      ...["--import-map", imports, "-o", output, source],
    ],
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  });
  const { success, stderr } = await command.output().catch((error) => {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new InputError(
      "Cannot bundle the page's scripts as Deno was started without --allow-run, and does that in a process of its own",
    );
  });
  if (success) return;
  const text = withoutUser(new TextDecoder().decode(stderr)).trim();
  const reason = text.split("\n")[0]?.replace(/^error: /, "");
  throw new InputError(
    `Cannot bundle the page's scripts: ${reason}; the first time Deno fetches esbuild from npm, so check the network, ` +
      "or point NPM_CONFIG_REGISTRY to a registry that can be reached",
  );
}
