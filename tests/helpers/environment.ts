/** Settings of the environment for a test alone. */
import process from "node:process";

/** Runs a test with these settings, which child processes inherit; afterwards they are as they were. */
export async function withEnvironment<Result>(
  settings: Readonly<Record<string, string>>,
  test: () => Promise<Result>,
): Promise<Result> {
  const before = Object.keys(settings).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, settings);
  try {
    return await test();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
