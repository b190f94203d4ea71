/** A hub for tests: the hub itself, and the store that it redirects to for large files, on ports of this machine. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { withEnvironment } from "../helpers/environment.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** Content of a test's repository. */
export interface TestRepository {
  readonly files: Readonly<Record<string, string>>;
  /** Names of the commit besides itself; `main` if none are given. */
  readonly revisions?: readonly string[];
  readonly commit?: string;
  /** The token that may read it; anyone may without. */
  readonly gatedTo?: string;
}

/** A request that came. */
export interface Asked {
  readonly server: "hub" | "store";
  readonly method: string;
  /** Path with the query. */
  readonly path: string;
  readonly range?: string;
  readonly ifRange?: string;
  readonly token?: string;
}

export const COMMIT: string = "c".repeat(40);

/** Hashes as the hub gives them: the sha256 of what is in the store, git's sha1 of the rest. */
export function etagOf(path: string, text: string): string {
  return isLarge(path)
    ? sha256(text)
    : createHash("sha1").update(`blob ${text.length}\0${text}`).digest("hex");
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function isLarge(path: string): boolean {
  return /\.(safetensors|bin|parquet)$/.test(path);
}

export class TestHub {
  /** Every request, in their order. */
  readonly asked: Asked[] = [];
  /** Repositories by `models/organisation/name` or `datasets/…`. */
  readonly repositories: Record<string, TestRepository> = {};
  /** Answers instead of the servers, if it gives an answer. */
  instead: (asked: Asked) => Response | undefined | Promise<Response | undefined> = () => undefined;
  /** Number of files on a page of a listing. */
  pageSize = 1000;
  readonly #servers: Deno.HttpServer<Deno.NetAddr>[];

  constructor() {
    const serve = (server: "hub" | "store", answer: (asked: Asked) => Response) =>
      Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
        const { pathname, search } = new URL(request.url);
        const header = (name: string) => request.headers.get(name) ?? undefined;
        const asked = {
          server,
          method: request.method,
          path: decodeURIComponent(pathname) + search,
          range: header("range"),
          ifRange: header("if-range"),
          token: header("authorization")?.replace("Bearer ", ""),
        };
        this.asked.push(asked);
        return await this.instead(asked) ?? answer(asked);
      });
    this.#servers = [
      serve("hub", (asked) => this.#hub(asked)),
      serve("store", (asked) => this.#store(asked)),
    ];
  }

  /** The hub's address. */
  get url(): string {
    return `http://127.0.0.1:${this.#servers[0]!.addr.port}`;
  }

  /** Requests in short: the method, the path, and the range if there is one. */
  paths(server: "hub" | "store"): string[] {
    return this.asked.filter((asked) => asked.server === server)
      .map(({ method, path, range }) => `${method} ${path}${range === undefined ? "" : ` ${range}`}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.shutdown()));
  }

  #hub({ method, path, token, range }: Asked): Response {
    const api = /^\/api\/(models|datasets)\/(.+)\/(revision|tree)\/([^?]+)/.exec(path);
    const resolve = /^\/(datasets\/)?(.+?)\/resolve\/(.+)$/.exec(path);
    const name = api ? `${api[1]}/${api[2]}` : `${resolve?.[1] ?? "models/"}${resolve?.[2]}`;
    const repository = this.repositories[name];
    if (!repository) return refuse(token ? 404 : 401, "RepoNotFound", "Repository not found");
    const { commit = COMMIT, revisions = ["main"], gatedTo, files } = repository;
    const names = [commit, ...revisions];
    if (api) {
      if (!names.includes(api[4]!)) return refuse(404, "RevisionNotFound", `Invalid rev id: ${api[4]}`);
      return api[3] === "tree" ? this.#tree(path, files) : Response.json({ id: api[2], sha: commit });
    }
    const revision = names.find((name) => resolve![3]!.startsWith(`${name}/`));
    if (revision === undefined) return refuse(404, "RevisionNotFound", "Invalid rev id");
    if (gatedTo !== undefined && gatedTo !== token) {
      return refuse(token ? 403 : 401, "GatedRepo", "Access is restricted");
    }
    const file = resolve![3]!.slice(revision.length + 1);
    const text = files[file];
    const headers = { "x-repo-commit": commit };
    if (text === undefined) return refuse(404, "EntryNotFound", "Entry not found", headers);
    const etag = `"${etagOf(file, text)}"`;
    if (!isLarge(file)) return send(text, { ...headers, etag }, method, range);
    const location = `http://127.0.0.1:${this.#servers[1]!.addr.port}/${name}/${file}?signature=secret`;
    const linked = { "x-linked-etag": etag, "x-linked-size": `${text.length}` };
    return new Response(null, { status: 302, headers: { ...headers, ...linked, location } });
  }

  #store({ method, path, range, ifRange, token }: Asked): Response {
    const [, name, file] = /^\/(\w+\/[\w.-]+\/[\w.-]+)\/(.+)\?signature=secret$/.exec(path) ?? [];
    const text = this.repositories[name ?? ""]?.files[file!];
    if (text === undefined || token !== undefined) return refuse(400, "", "Not a signed address");
    const etag = storeEtag(text);
    return send(text, { etag }, method, ifRange === undefined || ifRange === etag ? range : undefined);
  }

  #tree(path: string, files: Readonly<Record<string, string>>): Response {
    const start = Number(/&cursor=(\d+)$/.exec(path)?.[1] ?? 0);
    const folders = new Set(
      Object.keys(files).filter((file) => file.includes("/")).map((file) => file.split("/")[0]!),
    );
    const all = [
      ...Array.from(folders, (path) => ({ type: "directory", oid: "d".repeat(40), size: 0, path })),
      ...Object.entries(files).map(([path, text]) => {
        const lfs = isLarge(path) ? { lfs: { oid: sha256(text), size: text.length, pointerSize: 130 } } : {};
        const oid = etagOf(isLarge(path) ? "" : path, text);
        return { type: "file", oid, size: text.length, path, ...lfs };
      }),
    ];
    const end = start + this.pageSize;
    const next = `${this.url}${path.replace(/&cursor=.*/, "")}&cursor=${end}`;
    const headers: HeadersInit = end < all.length ? { link: `<${next}>; rel="next"` } : {};
    return Response.json(all.slice(start, end), { headers });
  }
}

/** The store's own name of some bytes, which is another than the hub's. */
export function storeEtag(text: string): string {
  return `"store-${sha256(text).slice(0, 8)}"`;
}

/** A hub's refusal. */
export function refuse(status: number, code: string, message: string, headers: HeadersInit = {}): Response {
  const reasons = { "x-error-code": code, "x-error-message": message };
  return new Response(message, { status, headers: { ...headers, ...reasons } });
}

/** The bytes of a text that were asked for; with `stop`, only so many of them, then the connection is cut. */
export function send(
  text: string,
  headers: Record<string, string>,
  method: string,
  range?: string,
  stop = Infinity,
  ending: (stream: ReadableStreamDefaultController) => void | Promise<void> = (stream) => stream.close(),
): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  if (start >= text.length && start > 0) return new Response(null, { status: 416 });
  const bytes = new TextEncoder().encode(text.slice(start));
  const all: Record<string, string> = { ...headers, "content-length": `${bytes.length}` };
  if (range) all["content-range"] = `bytes ${start}-${text.length - 1}/${text.length}`;
  const init = { status: range ? 206 : 200, headers: all };
  if (method === "HEAD") return new Response(null, init);
  if (stop >= bytes.length) return new Response(bytes, init);
  const body = new ReadableStream({
    start: (stream) => stream.enqueue(bytes.subarray(0, stop)),
    pull: ending,
  }, { highWaterMark: 1 });
  return new Response(body, init);
}

/** Waiting for an answer, which a busy machine may take. */
const ANSWER_TIMEOUT = 5000;

/** Runs something while timers, but for that of an answer, are twenty times as fast; returns their delays. */
export async function inHaste(test: () => Promise<void>): Promise<number[]> {
  const { setTimeout } = globalThis;
  const delays: number[] = [];
  globalThis.setTimeout = ((action: () => void, delay = 0) => {
    if (delay === ANSWER_TIMEOUT) return setTimeout(action, delay);
    delays.push(delay);
    return setTimeout(action, delay / 20);
  }) as typeof setTimeout;
  await test().finally(() => globalThis.setTimeout = setTimeout);
  return delays;
}

/** Runs a test in a folder of its own, with the caches in it and these settings of the environment. */
export async function withSettings(
  settings: Readonly<Record<string, string>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  await inFolder((folder) =>
    withEnvironment({
      // Nothing listens on port 9 of this machine: a test that forgot its own hub fails and reaches nobody.
      HF_ENDPOINT: "http://127.0.0.1:9",
      HF_HOME: join(folder, "home"),
      HF_HUB_CACHE: join(folder, "hub"),
      HF_TOKEN: "",
      HF_HUB_OFFLINE: "",
      BERTLAB_CACHE: join(folder, "cache"),
      ...settings,
    }, () => test(folder))
  );
}

/** Runs a test in such a folder with a hub that has these repositories. */
export async function withHub(
  repositories: Readonly<Record<string, TestRepository>>,
  test: (hub: TestHub, folder: string) => Promise<void>,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const hub = new TestHub();
  Object.assign(hub.repositories, repositories);
  try {
    await withSettings({ HF_ENDPOINT: hub.url, ...settings }, (folder) => test(hub, folder));
  } finally {
    await hub.stop();
  }
}
