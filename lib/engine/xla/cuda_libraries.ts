/** Versions of the libraries that CUDA's programs depend on, besides the plugin: cuDNN, cuBLAS and the driver. */
import { dirname, join } from "node:path";
import type { Plugin } from "./plugin.ts";

/** Versions as the libraries tell them; what is not there is absent. */
export interface CudaLibraries {
  /** Such as 92601 for 9.26.1. */
  readonly cudnn?: number;
  /** Of cuBLASLt, such as 130100. */
  readonly cublas?: number;
  /** Newest version of CUDA that the driver runs, such as 13000. */
  readonly driver?: number;
}

const known = new Map<string, CudaLibraries>();

/** Returns the versions for a plugin, once in a process; nothing for a plugin that is not CUDA's. */
export function cudaLibraries({ path, attributes }: Plugin): CudaLibraries {
  if (!attributes.has("cuda_version")) return {};
  let found = known.get(path);
  if (!found) {
    const nvidia = join(dirname(path), "..", "..", "nvidia");
    const cuda = attributes.get("cuda_version")!.slice(0, 2);
    const cublas = `libcublasLt.so.${cuda}`;
    const places = [join(nvidia, `cu${cuda}`, "lib", cublas), join(nvidia, "cublas", "lib", cublas), cublas];
    known.set(
      path,
      found = {
        cudnn: versionOf([join(nvidia, "cudnn", "lib", "libcudnn.so.9"), "libcudnn.so.9"], "cudnnGetVersion"),
        cublas: versionOf(places, "cublasLtGetVersion"),
        driver: driverVersion(),
      },
    );
  }
  return found;
}

/** Calls a function that returns a version, in the first library that there is. */
function versionOf(libraries: readonly string[], name: string): number | undefined {
  for (const library of libraries) {
    try {
      const { symbols } = Deno.dlopen(library, { version: { parameters: [], result: "usize", name } });
      return Number(symbols.version());
    } catch {
      // not in this place
    }
  }
  return undefined;
}

/** Places of the driver's library: the system's, and the one that Windows gives to its Linux. */
const drivers: readonly string[] = ["libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"];

function driverVersion(): number | undefined {
  const version = new Int32Array(1);
  return ask("cuDriverGetVersion", version) ? version[0] : undefined;
}

/**
 * Counts the NVIDIA GPUs that the driver shows. It asks the driver's library, as Deno reads nothing below /dev without
 * all permissions.
 *
 * @param libraries Names or paths of the driver's library to try.
 */
export function gpuCount(libraries: readonly string[] = drivers): number {
  const count = new Int32Array(1);
  return ask("cuDeviceGetCount", count, libraries) ? count[0]! : 0;
}

/** Calls a function of the driver that fills in a number; tells whether it did. */
function ask(name: string, result: Int32Array<ArrayBuffer>, libraries = drivers): boolean {
  for (const library of libraries) {
    try {
      const { symbols } = Deno.dlopen(library, {
        init: { parameters: ["u32"], result: "i32", name: "cuInit" },
        ask: { parameters: ["buffer"], result: "i32", name },
      });
      return symbols.init(0) === 0 && symbols.ask(result) === 0;
    } catch {
      // no driver in this place
    }
  }
  return false;
}
