/**
 * Trying a plugin in a child process: a broken one, or one that does not fit the driver, may end the process that loads
 * it. Run as a program, this file prints the description of the plugin given as its argument, as JSON.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { InputError } from "../../errors.ts";
import { Client, type DeviceMemory } from "./client.ts";
import type { DeviceBuffer } from "./buffer.ts";
import { isCuda, platformOverrides } from "./compile_options.ts";
import { type CudaData, cudaData } from "./cuda_data.ts";
import { cudaLibraries } from "./cuda_libraries.ts";
import { loadPlugin, type Plugin } from "./plugin.ts";

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
  /** The reason why its devices cannot be opened, or cannot compute. */
  readonly problem?: string;
}

const tried = new Map<string, Promise<PluginDescription>>();

/**
 * Describes a plugin, from a child process: once in a process, but again after a problem, which may be mended.
 *
 * @throws InputError if it cannot even be loaded.
 */
export function describePlugin(path: string): Promise<PluginDescription> {
  let description = tried.get(path);
  if (!description) {
    tried.set(path, description = describe(path));
    const forget = () => void tried.delete(path);
    description.then(({ problem }) => problem !== undefined && forget(), forget);
  }
  return description;
}

/** Checks that a plugin works. @throws InputError if it cannot be loaded, or its devices cannot be opened or compute. */
export async function tryPlugin(path: string): Promise<void> {
  const { problem } = await describePlugin(path);
  if (problem !== undefined) throw new InputError(problem);
}

/** Seconds that a trial may take: libraries of gigabytes may have to come over a network. */
const trialSeconds = 180;

/**
 * Describes a plugin from a child process.
 *
 * @param program The program that is run as this file is, with the plugin's path.
 * @throws InputError if the plugin cannot be loaded, ends the process, or takes longer than its time.
 */
export async function describe(
  path: string,
  { seconds = trialSeconds, program = import.meta.url } = {},
): Promise<PluginDescription> {
  const permissions = [
    "--no-prompt",
    "--allow-ffi",
    "--allow-env",
    "--allow-read",
    "--allow-write",
    "--allow-run",
  ];
  const args = ["run", "--quiet", "--no-config", ...permissions, program, path];
  const options = { timeout: seconds * 1000, killSignal: "SIGKILL" } as const;
  try {
    return JSON.parse((await promisify(execFile)(Deno.execPath(), args, options)).stdout);
  } catch (error) {
    const { name, signal, killed, stderr, message } = error as Error & {
      signal?: string;
      killed?: boolean;
      stderr?: string;
    };
    if (name === "NotCapable") {
      throw new InputError(
        `Cannot try the plugin ${path} as Deno was started without --allow-run, and it is tried in a process of its own`,
      );
    }
    if (killed) {
      throw new InputError(
        `Cannot use the plugin ${path}: it did not compute a first program within ${seconds} s, in the process that ` +
          "tried it; another program may hold the GPU",
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
async function describeHere(path: string): Promise<PluginDescription> {
  const plugin = loadPlugin(path);
  const { api, options } = plugin;
  const attributes = Object.fromEntries(plugin.attributes);
  const about = { api: `0.${api.version}`, attributes, cudnn: cudaLibraries(plugin).cudnn };
  try {
    const client = new Client(api, options);
    const { platform } = client;
    const devices = client.devices.map(({ kind, memory }) => ({ kind, memory }));
    const problem = await problemOf(plugin, client);
    return { ...about, platform, devices, ...problem === undefined ? {} : { problem } };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...about, devices: [], problem: error.message };
  }
}

/** exp(x) of four numbers: the CUDA compiler needs ptxas for any program, and libdevice for this function. */
const firstProgram = `module {
  func.func public @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = stablehlo.exponential %x : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}`;

/** Compiles and runs a first program; returns the reason why that does not work. */
export async function problemOf(plugin: Plugin, client: Client): Promise<string | undefined> {
  const { folder, missing, searched } = isCuda(client.platform) ? cudaData(plugin.path) : emptyData;
  if (missing.length > 0) {
    return `Cannot find ${missing.join(" and ")}, which XLA compiles for a GPU with, in ${
      searched.join(", ")
    }: ` +
      "run `deno task xla install cuda13`, or name the folder of CUDA's toolkit in CUDA_HOME";
  }
  try {
    using program = await client.compile(firstProgram, {
      overrides: platformOverrides(client.platform, { data: folder }),
    });
    using x = client.upload({ shape: [4], data: Float32Array.of(-1, 0, 1, 2) }, client.devices[0]!);
    const [[result]] = await program.run([[x]]) as [[DeviceBuffer]];
    const { data } = await result.download();
    result.dispose();
    const isRight = [-1, 0, 1, 2].every((x, i) => Math.abs(data[i]! / Math.exp(x) - 1) < 1e-4);
    return isRight
      ? undefined
      : `Cannot use ${client.devices[0]!.kind}: exp(-1, 0, 1, 2) came out as ${data}`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `Cannot use ${client.devices[0]!.kind}: ${error.message}`;
  }
}

const emptyData: CudaData = { missing: [], searched: [] };

if (import.meta.main) {
  try {
    console.log(JSON.stringify(await describeHere(Deno.args[0]!)));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
  Deno.exit(0); // a plugin's threads need not end by themselves
}
