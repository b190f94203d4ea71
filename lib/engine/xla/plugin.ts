/** Loading a plugin: a shared library that exports `const PJRT_Api* GetPjrtApi(void)`. */
import process from "node:process";
import { InputError } from "../../errors.ts";
import { keepLoaded } from "../libc.ts";
import { Api } from "./api.ts";
import { memoryFraction } from "./memory_fraction.ts";
import { type Options, readAttributes } from "./named_values.ts";

/** A plugin loaded in this process. It is never unloaded, as it registers itself with the process. */
export interface Plugin {
  readonly path: string;
  readonly api: Api;
  /** Its own description: xla_version, stablehlo_current_version, cuda_version, … */
  readonly attributes: ReadonlyMap<string, string>;
  /** Options of its client: GPU memory is taken as needed, up to a fraction, so that other programs can use the rest. */
  readonly options: Options;
}

/** Returns the options of a plugin's client. */
export function clientOptions(attributes: ReadonlyMap<string, string>): Options {
  if (!attributes.has("cuda_version")) return {};
  // The plugin wants a float, and a whole number would go as an integer.
  return { preallocate: false, memory_fraction: Math.min(memoryFraction(), 1 - 2 ** -20) };
}

const loaded = new Map<string, Plugin>();

/** Loads a plugin, once in a process. @throws InputError if it is no plugin, or one of an unknown version. */
export function loadPlugin(path: string): Plugin {
  const known = loaded.get(path);
  if (known) return known;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "3"; // keeps the plugin's log off the terminal; read when it loads
  const api = new Api(entry(path), path);
  api.call("Plugin_Initialize", {}, `start the plugin ${path}`);
  const found = api.call("Plugin_Attributes", {}, `read what ${path} is`);
  const attributes = readAttributes(found.attributes, found.num_attributes);
  const options = clientOptions(attributes);
  const plugin = { path, api, attributes, options };
  loaded.set(path, plugin);
  return plugin;
}

function entry(path: string): Deno.PointerObject {
  try {
    const library = Deno.dlopen(path, { GetPjrtApi: { parameters: [], result: "pointer" } });
    keepLoaded(path);
    const table = library.symbols.GetPjrtApi();
    if (table) return table;
  } catch (error) {
    throw new InputError(`Cannot load the plugin ${path}: ${(error as Error).message}`, { cause: error });
  }
  throw new InputError(`Cannot load the plugin ${path}: it gives no table of functions`);
}
