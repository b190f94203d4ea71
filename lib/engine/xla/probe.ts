/**
 * Trying a plugin in a child process: a broken one, or one that does not fit the driver, may end the process that loads
 * it. Run as a program, this file prints the description of the plugin given as its argument, as JSON.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InputError } from "../../errors.ts";
import { Client, type DeviceMemory } from "./client.ts";
import { cudnnVersion } from "./cudnn.ts";
import { loadPlugin } from "./plugin.ts";

/** The description of a plugin. */
export interface PluginDescription {
  /** The PJRT API's version, such as "0.115". */
  readonly api: string;
  /** Its own attributes. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Its platform; absent if its devices cannot be opened. */
  readonly platform?: string;
  /** cuDNN's version as a number, such as 92601 for 9.26.1. */
  readonly cudnn?: number;
  readonly devices: readonly { readonly kind: string; readonly memory?: DeviceMemory }[];
  /** The reason why its devices cannot be opened. */
  readonly problem?: string;
}

const tried = new Map<string, Promise<PluginDescription>>();

/** Describes a plugin, from a child process. @throws InputError if it cannot even be loaded. */
export function describePlugin(path: string): Promise<PluginDescription> {
  let description = tried.get(path);
  if (!description) tried.set(path, description = describe(path));
  return description;
}

/** Checks that a plugin works. @throws InputError if it cannot be loaded or its devices cannot be opened. */
export async function tryPlugin(path: string): Promise<void> {
  const { problem } = await describePlugin(path);
  if (problem !== undefined) throw new InputError(problem);
}

async function describe(path: string): Promise<PluginDescription> {
  const permissions = ["--no-prompt", "--allow-ffi", "--allow-env", "--allow-read"];
  const args = ["run", "--quiet", "--no-config", ...permissions, import.meta.url, path];
  try {
    return JSON.parse((await promisify(execFile)(Deno.execPath(), args)).stdout);
  } catch (error) {
    const { name, signal, stderr, message } = error as Error & { signal?: string; stderr?: string };
    if (name === "NotCapable") {
      throw new InputError(
        `Cannot try the plugin ${path} as Deno was started without --allow-run, and it is tried in a process of its own`,
      );
    }
    const said = stderr?.trim().split("\n").at(-1);
    if (!signal) throw new InputError(said || message);
    throw new InputError(
      `Cannot use the plugin ${path}: it ended the process that tried it (${signal}${
        said ? `: ${said}` : ""
      })`,
    );
  }
}

/** Describes a plugin in this process. */
function describeHere(path: string): PluginDescription {
  const plugin = loadPlugin(path);
  const { api, options } = plugin;
  const attributes = Object.fromEntries(plugin.attributes);
  const about = { api: `0.${api.version}`, attributes, cudnn: cudnnVersion(plugin) };
  try {
    const { platform, devices } = new Client(api, options);
    return { ...about, platform, devices: devices.map(({ kind, memory }) => ({ kind, memory })) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...about, devices: [], problem: error.message };
  }
}

if (import.meta.main) {
  try {
    console.log(JSON.stringify(describeHere(Deno.args[0]!)));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
