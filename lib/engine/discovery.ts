/** What a machine has that engines look for: an NVIDIA GPU, Python's packages. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gpuCount } from "./xla/cuda_libraries.ts";

/** Tells whether this machine has an NVIDIA GPU that its driver shows. */
export function hasNvidiaGpu(): boolean {
  return gpuCount() > 0;
}

/** Returns the folders that python3 imports packages from. */
export async function pythonFolders(): Promise<string[]> {
  const script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
  const { stdout } = await promisify(execFile)("python3", ["-c", script]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter((line) => line !== "");
}
