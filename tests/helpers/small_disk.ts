/** A disk that is soon full, where the system lets a test have one. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder on a file system of its own. */
export interface SmallDisk {
  readonly folder: string;
  resize(bytes: number): void;
  remove(): void;
}

function asRoot(command: string, ...args: string[]): void {
  try {
    execFileSync(command, args, { stdio: "ignore" });
  } catch {
    execFileSync("sudo", ["-n", command, ...args], { stdio: "ignore" });
  }
}

/** A disk in memory, of whole pages of 4096 bytes. @throws Error if it cannot be mounted. */
export function smallDisk(bytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "bertlab-disk-"));
  try {
    asRoot("mount", "-t", "tmpfs", "-o", `size=${bytes},mode=1777`, "tmpfs", folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  return {
    folder,
    resize: (bytes) => asRoot("mount", "-o", `remount,size=${bytes}`, folder),
    remove() {
      asRoot("umount", folder);
      rmSync(folder, { recursive: true });
    },
  };
}

/** Addition to the name of a test that needs a small disk when there can be none; "" where there can. */
export const noSmallDisk: string = (() => {
  try {
    smallDisk(4096).remove();
    return "";
  } catch {
    return " (skipped: needs Linux and root, to mount a small disk)";
  }
})();
