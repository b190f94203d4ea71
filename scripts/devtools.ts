/** A headless Chromium, driven through the DevTools protocol over its WebSocket. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../lib/errors.ts";

/** An event of the protocol. */
export interface DevtoolsEvent {
  readonly method: string;
  // deno-lint-ignore no-explicit-any -- each event has another shape, written in the protocol's reference
  readonly params: any;
}

/** A page of a browser. */
export interface BrowserPage {
  /** Calls a method of the protocol. @throws Error with the protocol's message. */
  // deno-lint-ignore no-explicit-any -- each method has another result
  call(method: string, params?: object): Promise<any>;
  /** Listens to the network and the scripts of the page's workers too, from now on. */
  watchWorkers(): Promise<void>;
  /** Is told each event of the page. */
  onEvent: (event: DevtoolsEvent) => void;
  /** Waits for the next event of this name. */
  next(method: string): Promise<void>;
}

/** A running browser. */
export interface Browser extends AsyncDisposable {
  /** Opens an empty page. */
  open(): Promise<BrowserPage>;
}

/**
 * Starts the browser of the variable CHROME, or `chromium` on the path.
 *
 * @throws InputError if there is none, or it does not start.
 */
export async function startBrowser(program = Deno.env.get("CHROME") ?? "chromium"): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "bertlab-chromium-"));
  const command = new Deno.Command(program, {
    args: [
      "--headless=new",
      "--no-sandbox", // the pages are our own, and a sandbox cannot be had by root
      "--hide-scrollbars",
      "--disable-background-networking", // the browser asks its maker for nothing
      "--disable-component-update",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      "about:blank",
    ],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  });
  let child: Deno.ChildProcess;
  try {
    child = command.spawn();
  } catch (error) {
    await rm(profile, { recursive: true });
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new InputError(
      `Cannot start ${program}: there is no such program; install chromium or set CHROME to its path`,
    );
  }
  const stderr = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  const socket = new WebSocket(await address(stderr, program));
  const drained = drain(stderr);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new InputError(`Cannot talk to ${program}: it closed its WebSocket`));
  });
  const connection = connect(socket);
  return {
    open: () => connection.open(),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      child.kill();
      await child.status;
      await drained;
      await rm(profile, { recursive: true, force: true });
    },
  };
}

/** The WebSocket's address, which the browser writes to standard error. */
async function address(stderr: ReadableStreamDefaultReader<string>, program: string): Promise<string> {
  let text = "";
  for (;;) {
    const { value, done } = await stderr.read();
    if (done) throw new InputError(`Cannot start ${program}: ${text.trim().split("\n").at(-1)}`);
    text += value;
    const found = /DevTools listening on (ws:\S+)/.exec(text);
    if (found) return found[1]!;
  }
}

async function drain(stderr: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await stderr.read()).done);
}

function connect(socket: WebSocket): { open(): Promise<BrowserPage> } {
  let last = 0;
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const pages = new Map<string, { page: BrowserPage; awaited: Map<string, () => void> }>();
  socket.onmessage = ({ data }) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(data);
    if (id !== undefined) {
      const answer = waiting.get(id)!;
      waiting.delete(id);
      if (error) answer.reject(new Error(error.message));
      else answer.resolve(result);
      return;
    }
    const target = pages.get(sessionId);
    if (target && method === "Target.attachedToTarget") {
      pages.set(params.sessionId, target);
      for (const domain of ["Network", "Runtime"]) {
        call(`${domain}.enable`, {}, params.sessionId).catch(() => {}); // it may have ended already
      }
    }
    target?.page.onEvent({ method, params });
    target?.awaited.get(method)?.();
  };
  // deno-lint-ignore no-explicit-any -- each method has another result
  const call = (method: string, params: object = {}, sessionId?: string): Promise<any> => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(++last, answer);
    socket.send(JSON.stringify({ id: last, method, params, ...sessionId ? { sessionId } : {} }));
    return answer.promise;
  };
  return {
    async open() {
      const { targetId } = await call("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true });
      const awaited = new Map<string, () => void>();
      const page: BrowserPage = {
        call: (method, params) => call(method, params, sessionId),
        watchWorkers: () =>
          call(
            "Target.setAutoAttach",
            { autoAttach: true, waitForDebuggerOnStart: false, flatten: true },
            sessionId,
          ),
        onEvent: () => {},
        next: (method) => new Promise((resolve) => awaited.set(method, resolve)),
      };
      pages.set(sessionId, { page, awaited });
      return page;
    },
  };
}
