/** Programs of this folder in a process of their own, as a plugin is loaded once in a process and may end it. */

/** Runs a program with arguments; returns its exit code and all that it wrote. */
export async function runChild(
  program: string,
  args: readonly string[],
  { env = {}, permissions = ["--allow-all"] }: {
    env?: Readonly<Record<string, string>>;
    permissions?: readonly string[];
  } = {},
): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, import.meta.resolve(`./${program}`), ...args],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const decoder = new TextDecoder();
  return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
}
