/** The search for plugins: the one that is named, then the cache folder, then Python's packages. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { cacheFolder } from "../../storage/cache.ts";
import { InputError } from "../../errors.ts";
import { noSuch } from "../../storage/input_file.ts";
import { hasNvidiaGpu, pythonFolders } from "../discovery.ts";
import { isInstalled } from "./installed.ts";

/** The kind of device that a plugin computes on. */
export type PluginKind = "cuda" | "cpu";

/** A plugin's file. */
export interface FoundPlugin {
  readonly path: string;
  /** Its kind of device; unknown for a plugin that was named. */
  readonly kind?: PluginKind;
  /** The place where it was found, for messages. */
  readonly origin: string;
}

/** The environment variable that names a plugin. */
const pluginVariable = "BERTLAB_XLA_PLUGIN";

/** Paths of plugins inside a folder of Python packages. */
const places: readonly { kind: PluginKind; path: string }[] = [
  { kind: "cuda", path: "jax_plugins/xla_cuda13/xla_cuda_plugin.so" },
  { kind: "cuda", path: "jax_plugins/xla_cuda12/xla_cuda_plugin.so" },
  { kind: "cpu", path: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so" },
];

/** Returns the folder that `deno task xla install` fills. */
export function pluginFolder(name: "cpu" | "cuda13"): string {
  return join(cacheFolder(), "xla", name);
}

/**
 * Finds all plugins, and the places without one.
 *
 * @param given A plugin's path; then no other place is searched.
 */
export async function findPlugins(given?: string): Promise<{ found: FoundPlugin[]; without: string[] }> {
  const found: FoundPlugin[] = [], without: string[] = [];
  const named = given ?? process.env[pluginVariable];
  if (named) return { found: [{ path: named, origin: given ? "named" : pluginVariable }], without };
  without.push(`${pluginVariable} (not set)`);
  for (const name of ["cuda13", "cpu"] as const) {
    const folder = pluginFolder(name);
    if (await isInstalled(name, folder)) found.push(...await inside(folder, folder));
    else without.push(folder);
  }
  const packages = await pythonFolders();
  for (const folder of packages) {
    const plugins = await inside(folder, "Python's packages");
    if (plugins.length > 0) found.push(...plugins);
    else without.push(folder);
  }
  if (packages.length === 0) without.push("Python's packages (there is no python3)");
  return { found, without };
}

/**
 * Finds the plugin to use: the GPU's if there is a GPU, else the CPU's.
 *
 * @param kind Only a plugin of this kind, GPU or not.
 * @throws InputError that lists every place without one.
 */
export async function findPlugin(given?: string, kind?: PluginKind): Promise<FoundPlugin> {
  const { found, without } = await findPlugins(given);
  const wanted = kind ? [kind] : hasNvidiaGpu() ? ["cuda", "cpu"] : ["cpu"];
  for (const each of wanted) {
    const plugin = found.find(({ kind = each }) => kind === each);
    if (!plugin) continue;
    if (await exists(plugin.path)) return plugin;
    throw new InputError(
      `Cannot load the plugin ${plugin.path} (${plugin.origin}): ${noSuch("file", plugin.path)}`,
    );
  }
  throw new InputError(
    `Cannot find a PJRT plugin for ${wanted.join(" or ")} in ${without.join(", ")}: ` +
      `run \`deno task xla install ${
        wanted[0] === "cuda" ? "cuda13" : "cpu"
      }\`, or name one in ${pluginVariable}`,
  );
}

async function inside(folder: string, origin: string): Promise<FoundPlugin[]> {
  const plugins: FoundPlugin[] = [];
  for (const { kind, path } of places) {
    if (await exists(join(folder, path))) plugins.push({ kind, path: join(folder, path), origin });
  }
  return plugins;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).catch(() => undefined) !== undefined;
}
