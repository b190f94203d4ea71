/** Downloads of single files over HTTP: checked, and taken up again where they broke off. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { basename } from "node:path";

/** Is told what is being fetched, one line each. */
export type OnProgress = (line: string) => void;

/** How to download. */
export interface DownloadOptions {
  /** Sent as a bearer token to the URL's own origin, and to no other it leads to. */
  readonly token?: string;
  /** Is told how far the file is, at most once a second. */
  readonly onProgress?: OnProgress;
}

/** Milliseconds until a server must have answered, and for which it may then send nothing. */
const ANSWER_TIMEOUT = 5000, STALL_TIMEOUT = 30_000;

/** How often a download that breaks off is taken up again, and how many redirections are followed. */
const RESUMPTIONS = 5, REDIRECTIONS = 5;

/**
 * Downloads a file and checks its size, and its etag where that is a hash, as the Hugging Face hub's are.
 *
 * @returns false where the server does not have the file; then there is none at `path` either
 * @throws Error if the server cannot be reached, refuses, breaks off again and again, or sends other bytes.
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<boolean> {
  const file = await open(path, "w");
  let etag: string | undefined;
  try {
    for (let attempt = 0, done = 0;; attempt++) {
      const answer = await request(url, done, options.token);
      if (answer.response.status === 404) {
        await answer.response.body?.cancel();
        await rm(path);
        return false;
      }
      if (etag !== undefined && etag !== answer.etag) throw new Error(`${url} changed while it was read`);
      etag = answer.etag;
      if (answer.response.status !== 206) done = 0;
      try {
        await receive(answer.response, file, done, basename(path), options.onProgress);
        break;
      } catch (error) {
        if (attempt === RESUMPTIONS) throw new Error(`${url} broke off: ${(error as Error).message}`);
        done = (await file.stat()).size;
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await checkEtag(url, path, etag);
  return true;
}

/** The hash of a file's bytes, after `start`, in hexadecimal digits. */
export async function hashFile(path: string, algorithm: "sha1" | "sha256", start = ""): Promise<string> {
  const hash = createHash(algorithm).update(start);
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Asks for the bytes from `start` on, follows redirections, and keeps the hash the hub gives on the way. */
async function request(
  url: string,
  start: number,
  token?: string,
): Promise<{ response: Response; etag: string }> {
  let at = new URL(url), etag = "";
  for (let hop = 0; hop <= REDIRECTIONS; hop++) {
    const headers = new Headers({ "accept-encoding": "identity" });
    if (start > 0) headers.set("range", `bytes=${start}-`);
    if (token && at.origin === new URL(url).origin) headers.set("authorization", `Bearer ${token}`);
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new Error("no answer in time")), ANSWER_TIMEOUT);
    const response = await fetch(at, { headers, redirect: "manual", signal: abort.signal })
      .finally(() => clearTimeout(timer));
    etag ||= response.headers.get("x-linked-etag") ?? "";
    const location = response.headers.get("location");
    if (response.status >= 300 && response.status < 400 && location !== null) {
      await response.body?.cancel();
      at = new URL(location, at);
      continue;
    }
    if (!response.ok && response.status !== 404) {
      await response.body?.cancel();
      throw new Error(`${url} answered ${response.status}`);
    }
    return { response, etag: (etag || response.headers.get("etag") || "").replace(/^W\/|"/g, "") };
  }
  throw new Error(`${url} redirects more than ${REDIRECTIONS} times`);
}

/** Writes an answer's body into the file from `start` on; throws if the body ends before its length is reached. */
async function receive(
  response: Response,
  file: FileHandle,
  start: number,
  name: string,
  onProgress?: OnProgress,
): Promise<void> {
  await file.truncate(start);
  const length = response.headers.get("content-length");
  const size = length === null || response.headers.has("content-encoding")
    ? undefined
    : start + Number(length);
  const reader = response.body!.getReader();
  let done = start, told = Date.now();
  for (;;) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("nothing came in time")), STALL_TIMEOUT);
    });
    const part = await Promise.race([reader.read(), stalled]).finally(() => clearTimeout(timer))
      .catch(async (error) => {
        await reader.cancel().catch(() => {});
        throw error;
      });
    if (part.done) break;
    for (let written = 0; written < part.value.length;) {
      const left = part.value.length - written;
      written += (await file.write(part.value, written, left, done + written)).bytesWritten;
    }
    done += part.value.length;
    if (onProgress && Date.now() - told >= 1000) {
      told = Date.now();
      onProgress(`${name}: ${megabytes(done)}${size === undefined ? "" : ` of ${megabytes(size)}`} MB`);
    }
  }
  if (size !== undefined && done !== size) throw new Error(`it ended at byte ${done} of ${size}`);
}

/** The hub's etags are the sha256 of large files, and git's sha1 of small ones. */
async function checkEtag(url: string, path: string, etag = ""): Promise<void> {
  let found = etag;
  if (/^[0-9a-f]{64}$/.test(etag)) found = await hashFile(path, "sha256");
  else if (/^[0-9a-f]{40}$/.test(etag)) {
    found = await hashFile(path, "sha1", `blob ${(await stat(path)).size}\0`);
  }
  if (found !== etag) throw new Error(`${url} should have the hash ${etag}: what came has ${found}`);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
