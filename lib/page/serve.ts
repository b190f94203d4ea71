/** A server of static files for this machine alone, with the headers that a page needs for threads. */
import { realpath, stat } from "node:fs/promises";
import { extname, join, resolve, sep } from "node:path";
import { InputError } from "../errors.ts";
import { contentPolicy } from "./document.ts";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};

const headers = {
  "content-security-policy": contentPolicy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "x-content-type-options": "nosniff",
  "cache-control": "no-cache", // asked again each time, and loaded only if it has changed
};

/** A running server. */
export interface PageServer extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** Waits until it has stopped. */
  readonly finished: Promise<void>;
}

/**
 * Serves a folder on 127.0.0.1.
 *
 * @param port 0 for any that is free
 * @throws InputError if the folder has no index.html, or the port is taken.
 */
export async function servePage(folder: string, port = 0): Promise<PageServer> {
  const root = await realpath(resolve(folder)).catch(() => resolve(folder));
  if (!(await stat(join(root, "index.html")).catch(() => undefined))?.isFile()) {
    throw new InputError(
      `Cannot serve ${folder} as it has no index.html: give a folder of deno task export with --page`,
    );
  }
  const listen = () => {
    try {
      return Deno.serve(
        { hostname: "127.0.0.1", port, onListen: () => {} },
        (request) => respond(root, request),
      );
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      throw new InputError(`Cannot serve at port ${port} as another program has it: give another --port`);
    }
  };
  const server = listen();
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    finished: server.finished,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function respond(root: string, { url, method, headers: asked }: Request): Promise<Response> {
  if (method !== "GET" && method !== "HEAD") return new Response(null, { status: 405, headers });
  const path = pathOf(url);
  const file = path === undefined ? undefined : await realpath(join(root, path)).catch(() => undefined);
  // A link may lead out of the folder.
  const info = file?.startsWith(root + sep) ? await stat(file).catch(() => undefined) : undefined;
  if (!info?.isFile()) return new Response("There is no such file", { status: 404, headers });
  const etag = `"${info.size}-${Math.round(info.mtimeMs)}"`;
  const own = { ...headers, etag, "content-type": types[extname(file!)] ?? "application/octet-stream" };
  if (asked.get("if-none-match") === etag) return new Response(null, { status: 304, headers: own });
  const body = method === "HEAD" ? null : (await Deno.open(file!)).readable;
  return new Response(body, { headers: { ...own, "content-length": `${info.size}` } });
}

/** Returns the path of an address inside the folder; nothing if it cannot be read. */
function pathOf(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    return path.endsWith("/") ? `${path}index.html` : path;
  } catch {
    return undefined;
  }
}
