/**
 * Trying a plugin in a child process: a broken one, or a driver that does not fit, may end the process that loads it.
 * As a program it prints what the plugin named as its argument is, as JSON.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InputError } from "../../errors.ts";
import { Client, type DeviceMemory } from "./client.ts";
import { cudnnVersion } from "./cudnn.ts";
import { loadPlugin } from "./plugin.ts";

/** What a plugin is. */
export interface PluginDescription {
  /** The PJRT API's version, such as "0.115". */
  readonly api: string;
  /** What it says of itself. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Absent where its devices cannot be opened. */
  readonly platform?: string;
  /** cuDNN's version as it counts, such as 92601. */
  readonly cudnn?: number;
  readonly devices: readonly { readonly kind: string; readonly memory?: DeviceMemory }[];
  /** Why its devices cannot be opened. */
  readonly problem?: string;
}

const tried = new Map<string, Promise<PluginDescription>>();

/** What a plugin is, found out in a child process. @throws InputError if it cannot even be loaded. */
export function describePlugin(path: string): Promise<PluginDescription> {
  let description = tried.get(path);
  if (!description) tried.set(path, description = describe(path));
  return description;
}

/** @throws InputError if a plugin cannot be loaded or its devices not be opened. */
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
    const { signal, stderr, message } = error as Error & { signal?: string; stderr?: string };
    const said = stderr?.trim().split("\n").at(-1);
    if (!signal) throw new InputError(said || message);
    throw new InputError(
      `Cannot use the plugin ${path}: it ended the process that tried it (${signal}${
        said ? `: ${said}` : ""
      })`,
    );
  }
}

/** What a plugin is, found out in this process. */
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
