/**
 * Models and data sets of the Hugging Face hub, or of a server with the same interface (HF_ENDPOINT).
 *
 * Files in the cache are used without asking the hub. So a branch stays at the commit that was fetched first, and all
 * files of a repository come from one commit. Source: the requests of Python's huggingface_hub 2.4.
 */
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../errors.ts";
import { shown } from "./byte_source.ts";
import { download, hashFile } from "./download.ts";
import { isInnerPath } from "./file_name.ts";
import { withLock } from "./file_lock.ts";
import { bodyText, request } from "./http.ts";
import { CachedRepository, isCommit, type ListedFile, type Listing } from "./hub_cache.ts";
import { HubError, hubError, type HubRequest, refusal } from "./hub_errors.ts";
import { hubCacheFolder, hubEndpoint, hubIsOffline, hubToken } from "./hub_settings.ts";
import { fitting, flag, list, nullish, object, oneOf, parseJson, type Shape, text, whole } from "./json.ts";
import { counted } from "../wording.ts";
import { callback, requireArguments, someOf } from "./arguments.ts";

/** Most pages and entries of a repository's list: one that goes on is taken to have no end. */
const MOST_PAGES = 1000, MOST_ENTRIES = 1_000_000;

/** A repository of the hub. */
export interface HubRepository {
  /** Kind of repository. */
  readonly type: "model" | "dataset";
  /** `organisation/name`; a few old ones are only `name`. */
  readonly id: string;
  /** A branch, a tag or a commit; `main` by default. */
  readonly revision?: string;
}

/** Options of a request to the hub. */
export interface HubOptions {
  /** `true` to use only the cache, as HF_HUB_OFFLINE=1 in the environment does. */
  readonly offline?: boolean;
  /** Gets lines on downloads and their progress, at most once a second. */
  readonly onProgress?: (line: string) => void;
}

/** A repository with its part of the cache. */
interface Place {
  readonly repository: HubRepository;
  readonly cache: CachedRepository;
  readonly revision: string;
  /** The commit that the revision stood for when it was fetched. */
  readonly commit?: string;
}

/** A request to the hub: about a repository, and perhaps one of its files. */
interface Asked extends Place, HubRequest {
  readonly say: (line: string) => void;
}

/** Returns a repository's id, with the revision after an @ if there is one. */
export function fullId({ id, revision }: HubRepository): string {
  return revision === undefined ? id : `${id}@${revision}`;
}

/** Parses `organisation/name` or `organisation/name@revision`; undefined if the text is neither. */
export function hubRepository(type: HubRepository["type"], text: string): HubRepository | undefined {
  const [, id, revision] = /^([^@]*)(?:@(.*))?$/s.exec(text)!;
  const repository = revision === undefined ? { type, id: id! } : { type, id: id!, revision };
  return isSound(repository) ? repository : undefined;
}

/**
 * Returns the local path of a repository's file, which is downloaded if it is not in the cache.
 *
 * @returns undefined if the repository has no such file
 * @throws InputError if it is not in the cache and the hub cannot be reached, refuses, or sends wrong bytes. The part
 * of a file that has come is kept, and the next call continues there.
 */
export async function hubFile(
  repository: HubRepository,
  path: string,
  options: HubOptions = {},
): Promise<string | undefined> {
  requireArguments("hubFile", {
    repository: [repository, object({ type: oneOf(["model", "dataset"]), id: text })],
    path: [path, text],
    options: [options, someOf({ offline: flag, onProgress: callback })],
  });
  if (!isInnerPath(path)) throw new InputError(`Cannot use "${path}" as a file of ${nameOf(repository)}`);
  const place = await placeOf(repository);
  const { cache, commit } = place;
  if (commit !== undefined) {
    const file = await cache.file(commit, path);
    if (file !== undefined || await cache.lacks(commit, path)) return file;
  }
  return await ask(place, `${path} of ${nameOf(repository)}`, options, (asked) => fetchFile(asked, path));
}

/**
 * Returns the paths of all files of a repository, sorted. If the hub cannot be reached and the list was never fetched,
 * these are the files in the cache, and a progress line says so.
 *
 * @throws InputError if the hub cannot be reached or refuses, or lists a file whose path leaves the repository.
 */
export async function hubFiles(repository: HubRepository, options: HubOptions = {}): Promise<string[]> {
  requireArguments("hubFiles", {
    repository: [repository, object({ type: oneOf(["model", "dataset"]), id: text })],
    options: [options, someOf({ offline: flag, onProgress: callback })],
  });
  const place = await placeOf(repository);
  const { cache, commit } = place;
  const listing = commit === undefined ? undefined : await cache.listing(commit);
  const paths = listing ? Object.keys(listing) : await askForPaths(place, options);
  const outside = paths.find((path) => !isInnerPath(path));
  if (outside !== undefined) {
    throw new InputError(
      `Cannot use ${nameOf(repository)}: it lists a file outside its folder, ${shown(outside)}`,
    );
  }
  return paths.sort();
}

async function askForPaths(place: Place, options: HubOptions): Promise<string[]> {
  const name = nameOf(place.repository);
  try {
    return Object.keys(await ask(place, `the list of files of ${name}`, options, fetchListing));
  } catch (error) {
    const paths = place.commit === undefined ? [] : await place.cache.files(place.commit);
    if (!(error instanceof HubError && error.unreachable) || paths.length === 0) throw error;
    const count = counted(paths.length, "file");
    options.onProgress?.(`${name}: the ${count} in the cache are taken for all of it (${error.reason})`);
    return paths;
  }
}

/** Asks the hub about a file, then fetches its bytes if the cache does not have them. */
async function fetchFile(asked: Asked, path: string): Promise<string | undefined> {
  const { cache, say } = asked;
  const found = await lookUp(asked, path);
  if (found === undefined) return undefined;
  const { commit, etag } = found;
  await cache.noteCommit(asked.revision, commit);
  const isThere = () => stat(cache.blob(etag)).catch(() => undefined);
  const waiting = () => say(`${path}: waiting for another process that is fetching it`);
  return await cache.file(commit, path) ?? await withLock(cache.lock(etag), waiting, async () => {
    if (!await isThere()) {
      await fetchBlob(asked, path, found).catch(async (error) => {
        // Where there are no locks, another process may have been faster.
        if (!await isThere()) throw error;
      });
    }
    return await cache.link(commit, path, etag);
  });
}

/** The hub's facts about a file. */
interface FileFacts {
  readonly commit: string;
  readonly etag: string;
  /** Size in bytes. */
  readonly size?: number;
}

async function lookUp(asked: Asked, path: string): Promise<FileFacts | undefined> {
  const { cache, token, say } = asked;
  const revision = asked.commit ?? asked.revision;
  // A file that git keeps elsewhere is behind a redirection, whose own headers tell all about it.
  const enough = (headers: Headers) => headers.has("x-linked-etag");
  const answer = await request(fileUrl(asked, revision, path), { method: "HEAD", token, enough, say });
  await answer.response.body?.cancel();
  const { status, headers } = answer.response;
  const named = isCommit(revision) ? revision : answer.header("x-repo-commit");
  const commit = named !== undefined && isCommit(named) ? named : undefined;
  const aboutAll = ["RepoNotFound", "RevisionNotFound", "GatedRepo"];
  if (status === 404 && !aboutAll.includes(headers.get("x-error-code") ?? "")) {
    if (commit !== undefined) {
      await cache.noteCommit(asked.revision, commit);
      await cache.noteLack(commit, path);
    }
    return undefined;
  }
  if (status >= 400) throw refusal(answer, asked);
  const linked = answer.header("x-linked-etag");
  const etag = (linked ?? headers.get("etag") ?? "").replace(/^W\/|"/g, "");
  const bytes = linked === undefined ? headers.get("content-length") : answer.header("x-linked-size");
  const size = bytes == null || headers.has("content-encoding") ? undefined : Number(bytes);
  if (!/^[\w.-]{8,}$/.test(etag)) {
    throw new HubError(
      `${asked.what} from ${asked.endpoint}`,
      "the answer does not say which bytes it is (ETag)",
      "check that HF_ENDPOINT is the address of a hub",
    );
  }
  return { commit: commit ?? await commitOf(asked, revision), etag, size };
}

/** Fetches a file's bytes and checks them; wrong bytes are fetched once more from the start. */
async function fetchBlob(asked: Asked, path: string, { commit, etag, size }: FileFacts): Promise<void> {
  const { cache, token, say } = asked;
  const url = fileUrl(asked, commit, path);
  const partial = `${cache.blob(etag)}.incomplete`;
  await mkdir(dirname(partial), { recursive: true });
  for (let attempt = 1;; attempt++) {
    const found = await download(url, partial, { token, name: path, size, resume: true, onProgress: say });
    if (!found) throw new Error("it is no longer there");
    const fault = await faultOf(partial, etag, size);
    if (fault === undefined) break;
    await rm(partial);
    if (attempt === 2) {
      throw new HubError(
        `${asked.what} from ${asked.endpoint}`,
        `${fault}, twice`,
        "something on the way changes it: try another network or HF_ENDPOINT",
      );
    }
    say(`${path}: ${fault}, so it is fetched once more`);
  }
  await rename(partial, cache.blob(etag));
}

/** Returns the fault of a download, if any: an etag is the sha256 of a large file and git's sha1 of a small one. */
async function faultOf(path: string, etag: string, size?: number): Promise<string | undefined> {
  const found = (await stat(path)).size;
  if (size !== undefined && found !== size) return `it should have ${size} bytes and has ${found}`;
  const large = /^[0-9a-f]{64}$/.test(etag);
  if (!large && !/^[0-9a-f]{40}$/.test(etag)) return undefined;
  const hash = large ? await hashFile(path, "sha256") : await hashFile(path, "sha1", `blob ${found}\0`);
  if (hash === etag) return undefined;
  return `its ${large ? "sha256" : "sha1 in git"} should be ${etag} and is ${hash}`;
}

/** Fetches the list of all files, which comes in pages. */
async function fetchListing(asked: Asked): Promise<Listing> {
  const commit = asked.commit ?? await commitOf(asked, asked.revision);
  const files: Record<string, ListedFile> = Object.create(null); // a file may be called __proto__
  const seen = new Set<string>();
  let entries = 0;
  let next: string | undefined = `${apiUrl(asked)}/tree/${commit}?recursive=true`;
  while (next !== undefined && !seen.has(next)) {
    seen.add(next);
    if (seen.size > MOST_PAGES || entries > MOST_ENTRIES) {
      throw new Error(`its list of files does not end after ${entries} entries on ${seen.size - 1} pages`);
    }
    const { body, link }: Fetched<readonly Entry[]> = await fetchJson(asked, next, list(entryShape));
    entries += body.length;
    for (const { type, path, size, oid, lfs, xetHash } of body) {
      if (type !== "file" || size == null || oid == null) continue;
      const large = lfs && { lfs_sha256: lfs.oid, lfs_size: lfs.size };
      files[path] = { size, blob_id: oid, ...large, ...xetHash && { xet_hash: xetHash } };
    }
    const following: string | undefined = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link ?? "")?.[1];
    const address: URL | null = following === undefined ? null : URL.parse(following, next);
    if (following !== undefined && !address) throw new Error("the link to its next page is no address");
    next = address?.href;
  }
  await asked.cache.noteCommit(asked.revision, commit);
  if (Object.keys(files).every(isInnerPath)) await asked.cache.noteListing(commit, files);
  return files;
}

/** Returns the commit that a revision stands for now. */
async function commitOf(asked: Asked, revision: string): Promise<string> {
  if (isCommit(revision)) return revision;
  const url = `${apiUrl(asked)}/revision/${encodeURIComponent(revision)}`;
  const { body } = await fetchJson(
    asked,
    url,
    object<{ sha: string }>({ sha: fitting(text, "a commit", isCommit) }),
  );
  return body.sha;
}

/** An entry of a repository's list. */
interface Entry {
  readonly type: string;
  readonly path: string;
  readonly size?: number | null;
  readonly oid?: string | null;
  readonly lfs?: { readonly oid: string; readonly size: number } | null;
  readonly xetHash?: string | null;
}

const entryShape: Shape<Entry> = object<Entry>({
  ...{ type: text, path: text, size: nullish(whole(0)), oid: nullish(text), xetHash: nullish(text) },
  lfs: nullish(object<NonNullable<Entry["lfs"]>>({ oid: text, size: whole(0) })),
});

/** An answer, and the link to the next page. */
interface Fetched<Body> {
  readonly body: Body;
  readonly link?: string;
}

async function fetchJson<Body>(asked: Asked, url: string, shape: Shape<Body>): Promise<Fetched<Body>> {
  // A link to the next page may lead to another server, which does not get the token.
  const own = new URL(url).origin === new URL(asked.endpoint).origin;
  const answer = await request(url, { token: own ? asked.token : undefined, say: asked.say });
  if (!answer.response.ok) {
    await answer.response.body?.cancel();
    throw refusal(answer, asked);
  }
  const content = await bodyText(answer.response);
  try {
    return { body: parseJson(content, "the answer", shape), link: answer.header("link") };
  } catch (error) {
    throw error instanceof InputError ? new Error(error.message) : error;
  }
}

/** Runs a request to the hub. @throws InputError, whatever goes wrong. */
async function ask<T>(
  place: Place,
  what: string,
  { offline, onProgress: say = () => {} }: HubOptions,
  action: (asked: Asked) => Promise<T>,
): Promise<T> {
  if (offline || hubIsOffline()) {
    const advice = "fetch it once without --offline and HF_HUB_OFFLINE";
    const reason = `it is not in the cache ${hubCacheFolder()}, and the hub is not asked offline`;
    throw new HubError(what, reason, advice, { unreachable: true });
  }
  const { type, id } = place.repository;
  const endpoint = hubEndpoint();
  const page = `${endpoint}/${type === "dataset" ? "datasets/" : ""}${id}`;
  const asked = { ...place, what, endpoint, page, token: await hubToken(), say };
  try {
    return await action(asked);
  } catch (error) {
    throw hubError(error, asked);
  }
}

async function placeOf(repository: HubRepository): Promise<Place> {
  const { revision = "main" } = repository;
  if (!isSound(repository)) {
    throw new InputError(
      `Cannot use "${fullId(repository)}" as a repository of the hub: expected organisation/name or ` +
        "organisation/name@revision",
    );
  }
  const cache = new CachedRepository(repository);
  return { repository, cache, revision, commit: await cache.commit(revision) };
}

function fileUrl({ page }: Asked, revision: string, path: string): string {
  const name = path.split("/").map(encodeURIComponent).join("/");
  return `${page}/resolve/${encodeURIComponent(revision)}/${name}`;
}

function apiUrl({ endpoint, repository: { type, id } }: Asked): string {
  return `${endpoint}/api/${type}s/${id}`;
}

function nameOf(repository: HubRepository): string {
  return `the ${repository.type === "dataset" ? "data set" : "model"} ${fullId(repository)}`;
}

/** Tells whether the hub can have this id and revision, which also makes them safe as names of folders. */
function isSound({ id, revision = "main" }: HubRepository): boolean {
  return /^(\w[\w.-]*\/)?\w[\w.-]*$/.test(id) && !/\.\.|--/.test(id) && isInnerPath(revision) &&
    !/[\s?*[~^]/.test(revision);
}
