/** The process of writing_child.ts. */
import { join } from "node:path";

/** Starts it and waits until it is ready; the result kills it. */
export async function child(...args: string[]): Promise<() => Promise<void>> {
  const path = join(import.meta.dirname!, "writing_child.ts");
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", path, ...args],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  return async () => {
    process.kill("SIGKILL");
    await process.status;
    await reader.cancel();
  };
}
