/**
 * The search for XLA's data folder: the compiler of GPU programs calls ptxas and reads libdevice. By itself it looks for
 * them beside the plugin, in ./cuda_sdk_lib and along PATH; a Python environment with PyTorch has them elsewhere.
 */
import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import process from "node:process";
import { cacheFolder } from "../../storage/cache.ts";

/** A folder for XLA's option `xla_gpu_cuda_data_dir`, or what could not be found for one. */
export interface CudaData {
  /** The folder, with bin/ptxas and nvvm/libdevice/libdevice.10.bc; absent if one of them is nowhere. */
  readonly folder?: string;
  /** Names of what is nowhere. */
  readonly missing: readonly string[];
  /** Folders that were searched, for messages. */
  readonly searched: readonly string[];
}

/** Programs that the compiler may call; the first one it must have. */
const programs = ["ptxas", "nvlink", "fatbinary"] as const;
const library = "libdevice.10.bc";

/** Places of the programs and of the library inside a folder: CUDA's own, then Triton's. */
const layouts = [
  { bin: "bin", libdevice: join("nvvm", "libdevice") },
  { bin: "bin", libdevice: "lib" },
] as const;

const known = new Map<string, CudaData>();

/**
 * Finds the data folder for a plugin; parts that lie apart are linked into one folder of the cache. What was found is
 * kept in the process, what is missing is searched again.
 */
export function cudaData(plugin: string): CudaData {
  const data = known.get(plugin) ?? searchIn([...placesOf(plugin)]);
  if (data.missing.length === 0) known.set(plugin, data);
  return data;
}

/** Finds the data folder in a list of folders, of which the first with a part gives that part. */
export function searchIn(folders: readonly string[]): CudaData {
  const searched = [...new Set(folders)];
  const whole = searched.find((folder) =>
    hasProgram(folder) && isThere(join(folder, layouts[0].libdevice, library))
  );
  if (whole) return { folder: whole, missing: [], searched };
  const bin = searched.find(hasProgram);
  const libdevice = searched
    .flatMap((folder) => layouts.map(({ libdevice }) => join(folder, libdevice, library)))
    .find((path) => isThere(path));
  if (bin && libdevice) return { folder: linked(join(bin, "bin"), libdevice), missing: [], searched };
  return { missing: [...bin ? [] : [programs[0]], ...libdevice ? [] : ["libdevice"]], searched };
}

/** Returns the folders to search, the likeliest first. */
function* placesOf(plugin: string): Generator<string> {
  const site = join(dirname(plugin), "..", "..");
  const installed = join(cacheFolder(), "xla", "cuda13");
  const packages = pythonFolders();
  for (const folder of [site, installed, ...packages]) {
    yield join(folder, "nvidia", "cu13");
    yield join(folder, "nvidia", "cuda_nvcc");
  }
  for (const name of ["CUDA_HOME", "CUDA_PATH", "CUDA_ROOT"]) {
    if (process.env[name]) yield process.env[name];
  }
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    if (basename(folder) === "bin" && hasProgram(dirname(folder))) yield dirname(folder);
  }
  for (const name of ["cuda", ...versionsOf("/usr/local")]) yield join("/usr/local", name);
  for (const folder of [site, ...packages]) yield join(folder, "triton", "backends", "nvidia");
}

/** Returns the names of folders such as cuda-13.0, the newest first. */
function versionsOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^cuda-[\d.]+$/.test(name)).sort().reverse();
  } catch {
    return [];
  }
}

/** Returns the folders that Python imports packages from: python3's, and those of the Python that is named. */
function pythonFolders(): string[] {
  const script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
  return [process.env.BERTLAB_PYTHON, "python3"].flatMap((python) => {
    if (!python) return [];
    try {
      const options: ExecFileSyncOptionsWithStringEncoding = {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        timeout: 20_000,
      };
      return execFileSync(python, ["-c", script], options).split("\n").filter((line) => line !== "");
    } catch {
      return []; // there is no Python, or no program may be run
    }
  });
}

function hasProgram(folder: string): boolean {
  return isThere(join(folder, "bin", programs[0]), constants.X_OK);
}

function isThere(path: string, mode: number = constants.R_OK): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Returns a folder of the cache whose links lead to the programs and the library. */
function linked(bin: string, libdevice: string): string {
  const name = createHash("sha256").update(`${bin}\n${libdevice}`).digest("hex").slice(0, 16);
  const folder = join(cacheFolder(), "xla", "cuda-data", name);
  if (hasProgram(folder) && isThere(join(folder, layouts[0].libdevice, library))) return folder;
  const temporary = `${folder}.${process.pid}`;
  const links = [
    ...programs.map((program) => [join(bin, program), join("bin", program)] as const),
    [libdevice, join(layouts[0].libdevice, library)] as const,
  ];
  rmSync(temporary, { recursive: true, force: true });
  for (const [target, path] of links) {
    if (!isThere(target)) continue;
    mkdirSync(dirname(join(temporary, path)), { recursive: true });
    symlinkSync(target, join(temporary, path));
  }
  rmSync(folder, { recursive: true, force: true }); // its links lead nowhere any more
  try {
    renameSync(temporary, folder);
  } catch {
    rmSync(temporary, { recursive: true, force: true }); // another process was first
  }
  return folder;
}
