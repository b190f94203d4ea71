/** Loading a plugin: a shared library that exports `const PJRT_Api* GetPjrtApi(void)`. */
import process from "node:process";
import { InputError } from "../../errors.ts";
import { Api } from "./api.ts";
import { utf8 } from "./memory.ts";
import { type Options, readAttributes } from "./named_values.ts";

/** A plugin in this process. It is never unloaded, as it registers itself with the process. */
export interface Plugin {
  readonly path: string;
  readonly api: Api;
  /** What it says of itself: xla_version, stablehlo_current_version, cuda_version, … */
  readonly attributes: ReadonlyMap<string, string>;
  /** What its client is made with: a GPU's memory is taken as it is needed, so that others may use the rest. */
  readonly options: Options;
}

/** From dlfcn.h, the same number everywhere. */
const RTLD_LAZY = 1;

const loaded = new Map<string, Plugin>();

/** Loads a plugin, once a process. @throws InputError if it is not one, or one of an unknown version. */
export function loadPlugin(path: string): Plugin {
  const known = loaded.get(path);
  if (known) return known;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "3"; // read when it is loaded; else it writes its log to the terminal
  const api = new Api(entry(path), path);
  api.call("Plugin_Initialize", {}, `start the plugin ${path}`);
  const found = api.call("Plugin_Attributes", {}, `read what ${path} is`);
  const attributes = readAttributes(found.attributes, found.num_attributes);
  const options: Options = attributes.has("cuda_version") ? { preallocate: false } : {};
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

/** Opens a library once more: Deno unloads it when the process ends, and its threads would crash. */
function keepLoaded(path: string): void {
  const names = Deno.build.os === "darwin" ? ["libSystem.dylib"] : ["libc.so.6", "libdl.so.2"];
  for (const name of names) {
    try {
      const c = Deno.dlopen(name, { dlopen: { parameters: ["buffer", "i32"], result: "pointer" } });
      c.symbols.dlopen(utf8(`${path}\0`), RTLD_LAZY);
      return;
    } catch (error) {
      if (name === names.at(-1)) throw error;
    }
  }
}
