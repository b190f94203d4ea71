/**
 * The cache of the Hugging Face hub in the layout of Python's huggingface_hub, which fills and reads the same folder:
 *
 *     models--organisation--name/           datasets--… for a data set
 *       blobs/<etag>                        the bytes, under their sha256 (large files) or git's sha1
 *       blobs/<etag>.incomplete             the first bytes of a download that is not done
 *       snapshots/<commit>/<path>           a link into blobs/
 *       refs/<revision>                     the commit that a branch or tag stood for
 *       .no_exist/<commit>/<path>           an empty file: the repository has no such file
 *       trees/<commit>.json                 all files of the repository
 *     .locks/models--organisation--name/<etag>.lock
 */
import { copyFile, mkdir, readdir, rename, stat, symlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { writeWhole } from "./whole_file.ts";
import { hubCacheFolder } from "./hub_settings.ts";
import { InputError } from "../errors.ts";
import { readTextFile } from "./input_file.ts";
import { map, object, oneOf, optional, readJsonIfThere, text, whole } from "./json.ts";

/** A file in the listing of a repository, under huggingface_hub's names. */
export interface ListedFile {
  /** Size in bytes. */
  readonly size: number;
  /** Git's sha1. */
  readonly blob_id: string;
  /** The sha256 of a large file, which is not in git itself. */
  readonly lfs_sha256?: string;
  /** Size of that file in bytes. */
  readonly lfs_size?: number;
  /** The hub's own hash of that file. */
  readonly xet_hash?: string;
}

/** All files of a repository by their paths. */
export type Listing = Readonly<Record<string, ListedFile>>;

/** The version of the listings' format that is read and written here. */
const LISTING_VERSION = 1;

const listingShape = object<{ format_version: number; files: Listing }>({
  format_version: oneOf([LISTING_VERSION]),
  files: map(object<ListedFile>({
    ...{ size: whole(0), blob_id: text, lfs_sha256: optional(text) },
    ...{ lfs_size: optional(whole(0)), xet_hash: optional(text) },
  })),
});

/** One repository's part of the cache. Notes (on commits, lists, missing files) are skipped if it cannot be written. */
export class CachedRepository {
  /** Its folder. */
  readonly folder: string;
  readonly #locks: string;

  /** Names a repository's part, which may still be empty. */
  constructor({ type, id }: { type: "model" | "dataset"; id: string }) {
    const name = [`${type}s`, ...id.split("/")].join("--");
    this.folder = join(hubCacheFolder(), name);
    this.#locks = join(hubCacheFolder(), ".locks", name);
  }

  /** Returns the commit that a revision stood for when it was fetched; a commit stands for itself. */
  async commit(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const commit = await readTextFile(join(this.folder, "refs", revision)).catch(() => "");
    return isCommit(commit.trim()) ? commit.trim() : undefined;
  }

  /** Notes the commit that a revision stands for. */
  async noteCommit(revision: string, commit: string): Promise<void> {
    if (await this.commit(revision) === commit) return;
    await this.#note(join("refs", revision), commit);
  }

  /** Returns the path of a commit's file, if the cache has it. */
  async file(commit: string, path: string): Promise<string | undefined> {
    const pointer = join(this.folder, "snapshots", commit, path);
    return (await stat(pointer).catch(() => undefined))?.isFile() ? pointer : undefined;
  }

  /** Tells whether the cache knows that a commit has no such file. */
  async lacks(commit: string, path: string): Promise<boolean> {
    if (await stat(join(this.folder, ".no_exist", commit, path)).catch(() => undefined)) return true;
    const listing = await this.listing(commit);
    return listing !== undefined && !Object.hasOwn(listing, path);
  }

  /** Notes that a commit has no such file. */
  async noteLack(commit: string, path: string): Promise<void> {
    await this.#note(join(".no_exist", commit, path), "");
  }

  /** Returns the path for the bytes with this etag. */
  blob(etag: string): string {
    return join(this.folder, "blobs", etag);
  }

  /** Returns the file to lock while these bytes are fetched. */
  lock(etag: string): string {
    return join(this.#locks, `${etag}.lock`);
  }

  /** Makes cached bytes a file of a commit: with a link, or a copy if the system does not allow links. */
  async link(commit: string, path: string, etag: string): Promise<string> {
    const pointer = join(this.folder, "snapshots", commit, path);
    const temporary = this.blob(`${crypto.randomUUID()}.tmp`);
    await mkdir(dirname(pointer), { recursive: true });
    await symlink(relative(dirname(pointer), this.blob(etag)), temporary)
      .catch(() => copyFile(this.blob(etag), temporary));
    await rename(temporary, pointer);
    return pointer;
  }

  /** Returns all files of a commit, if their list was fetched. */
  async listing(commit: string): Promise<Listing | undefined> {
    const path = join(this.folder, "trees", `${commit}.json`);
    const found = await readJsonIfThere(path, listingShape, "remove it").catch((error) => {
      if (!(error instanceof InputError)) throw error;
      return undefined; // the hub is asked again
    });
    return found?.files;
  }

  /** Notes the list of all files of a commit. */
  async noteListing(commit: string, files: Listing): Promise<void> {
    const text = JSON.stringify({ format_version: LISTING_VERSION, files }, null, 1);
    await this.#note(join("trees", `${commit}.json`), text);
  }

  /** Returns the paths of a commit's files that the cache has. */
  async files(commit: string): Promise<string[]> {
    const folder = join(this.folder, "snapshots", commit);
    const paths = await readdir(folder, { recursive: true }).catch(() => []);
    const files: string[] = [];
    for (const path of paths) {
      if (await this.file(commit, path)) files.push(path.split(sep).join("/"));
    }
    return files;
  }

  async #note(path: string, text: string): Promise<void> {
    try {
      await mkdir(dirname(join(this.folder, path)), { recursive: true });
      await writeWhole(join(this.folder, path), [text]);
    } catch {
      // Without the note the hub is asked again.
    }
  }
}

/** Tells whether a revision is the full name of a commit. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}
