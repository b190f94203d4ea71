/** What a machine has that engines look for: an NVIDIA GPU, Python's packages. */
import { execFile } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { promisify } from "node:util";

/** Tells whether this machine has an NVIDIA GPU: its driver has made device files. */
export async function hasNvidiaGpu(): Promise<boolean> {
  const devices = await readdir("/dev").catch(() => []);
  return devices.some((name) => /^nvidia\d+$/.test(name)) || await isThere("/dev/dxg"); // the latter under WSL
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).catch(() => undefined) !== undefined;
}

/** Returns the folders that python3 imports packages from. */
export async function pythonFolders(): Promise<string[]> {
  const script = "import sys; print('\\n'.join(p for p in sys.path if p.endswith('-packages')))";
  const { stdout } = await promisify(execFile)("python3", ["-c", script]).catch(() => ({ stdout: "" }));
  return stdout.split("\n").filter((line) => line !== "");
}
