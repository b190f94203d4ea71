/** Downloads of single files over HTTP, which continue after an interruption. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { refuseSpecial } from "./input_file.ts";
import { backOff, bodyBytes, BrokenOff, NoAnswer, pause, request } from "./http.ts";

/** A listener for lines on the progress of a download. */
export type OnProgress = (line: string) => void;

/** Options of a download. */
export interface DownloadOptions {
  /** Bearer token, sent only to the URL's own origin and not to where redirections lead. */
  readonly token?: string;
  /** Name of the file in progress lines; the last part of its path by default. */
  readonly name?: string;
  /** Size in bytes, if known beforehand. */
  readonly size?: number;
  /** `true` if `path` already holds the first bytes, which are then not fetched again. */
  readonly resume?: boolean;
  /** Gets a line on the progress, at most once a second, and on every wait. */
  readonly onProgress?: OnProgress;
}

/** Interruptions in a row, without a new byte, that a download survives. */
const RESUMPTIONS = 5;

/**
 * Downloads a file, at least up to its size if that is known; the caller checks the content. If the download fails, the
 * bytes so far stay in `path`.
 *
 * @returns false if the server does not have the file
 * @throws NoAnswer if the server cannot be reached.
 * @throws Error if it refuses, or breaks off again and again.
 */
export async function download(url: string, path: string, options: DownloadOptions = {}): Promise<boolean> {
  const { token, size, name = basename(path), onProgress = () => {} } = options;
  using file = await Deno.open(path, { write: true, create: true, truncate: !options.resume });
  const tell = meter(name, onProgress);
  let best = (await file.stat()).size, fruitless = 0, answered = false;
  // The ETag of the bytes so far: the server continues them only if its file is still the same.
  let sent: { origin: string; etag: string } | undefined;
  for (;;) {
    let done = (await file.stat()).size;
    if (size !== undefined && done > size) await file.truncate(done = 0);
    if (done > 0 && done === size) break;
    const start = done;
    const headers = (at: URL): Record<string, string> => {
      if (start === 0) return {};
      const range = { range: `bytes=${start}-` };
      return sent?.origin === at.origin ? { ...range, "if-range": sent.etag } : range;
    };
    try {
      const { response, origin } = await request(url, { token, headers, say: onProgress });
      answered = true;
      if (response.status === 200) await file.truncate(done = 0);
      else if (!goesOnFrom(start, response)) {
        await response.body?.cancel();
        if (response.status === 404) return false;
        if (response.status !== 206 && response.status !== 416) {
          throw new Error(`${origin} answered ${response.status}`);
        }
        await file.truncate(0);
        throw new BrokenOff(`it did not go on at byte ${start}`);
      }
      const etag = response.headers.get("etag");
      sent = etag?.startsWith('"') ? { origin, etag } : undefined;
      const end = size ?? endOf(response, done);
      await file.seek(done, Deno.SeekMode.Start);
      for await (const part of bodyBytes(response)) {
        for (let from = 0; from < part.length;) from += await file.write(part.subarray(from));
        done += part.length;
        tell(done, part.length, end);
        if (end !== undefined && done > end) break;
      }
      if (end !== undefined && done < end) throw new BrokenOff(`it ended at byte ${done} of ${end}`);
      break;
    } catch (error) {
      if (!(error instanceof BrokenOff) && !(error instanceof NoAnswer && answered)) throw error;
      fruitless = done > best ? 0 : fruitless + 1;
      best = Math.max(best, done);
      if (fruitless > RESUMPTIONS) throw new Error(`it broke off again and again: ${error.message}`);
      await pause(backOff(fruitless));
    }
  }
  await file.sync();
  return true;
}

/** The size and the hash that a file must have. */
export interface Pinned {
  /** Its size. */
  readonly bytes: number;
  /** Its sha256 in hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Downloads a file of known content.
 *
 * @throws Error if the server does not have the file or sends another, or as {@linkcode download} does.
 */
export async function checkedDownload(
  url: string,
  path: string,
  { bytes, sha256 }: Pinned,
  options: Pick<DownloadOptions, "name" | "onProgress"> = {},
): Promise<void> {
  if (!await download(url, path, { ...options, size: bytes })) throw new Error("the server does not have it");
  const found = await hashFile(path, "sha256");
  if (found !== sha256) throw new Error(`its sha256 should be ${sha256} and is ${found}`);
}

/** Returns the hash of `start` and a file's bytes, in hexadecimal digits. */
export async function hashFile(path: string, algorithm: "sha1" | "sha256", start = ""): Promise<string> {
  refuseSpecial(path, await stat(path));
  const hash = createHash(algorithm).update(start);
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/** Returns one sha256 for the bytes of several files, in their order. */
export async function hashFiles(paths: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const path of paths) hash.update(await hashFile(path, "sha256"));
  return hash.digest("hex");
}

/** Tells whether an answer continues at byte `start` instead of beginning again. */
function goesOnFrom(start: number, response: Response): boolean {
  const range = response.headers.get("content-range");
  return response.status === 206 && Number(/^bytes (\d+)-/.exec(range ?? "")?.[1]) === start;
}

/** Returns the size of the whole file, if an answer with its bytes from `start` on tells it. */
function endOf({ headers }: Response, start: number): number | undefined {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? undefined : start + Number(length);
}

/** Returns a function that reports progress, speed and time left, at most once a second. */
function meter(name: string, onProgress: OnProgress) {
  const start = Date.now();
  let told = start, came = 0;
  return (done: number, bytes: number, size?: number) => {
    came += bytes;
    const now = Date.now();
    if (now - told < 1000) return;
    told = now;
    const speed = came / (now - start) * 1000;
    const megabytes = (bytes: number, digits = 0) => (bytes / 1e6).toFixed(digits);
    const left = size === undefined ? "" : `, ${timeLeft((size - done) / speed)} left`;
    const all = size === undefined ? "" : ` of ${megabytes(size)}`;
    onProgress(`${name}: ${megabytes(done)}${all} MB, ${megabytes(speed, 1)} MB/s${left}`);
  };
}

function timeLeft(seconds: number): string {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}
