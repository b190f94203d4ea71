/** HTTP requests with redirections, retries after the wait that a server asks for, and a token for one server only. */

import { withoutUser } from "../printable.ts";

/** Milliseconds: the longest wait for an answer, and the longest silence while it comes. */
const ANSWER_TIMEOUT = 5000, STALL_TIMEOUT = 30_000;

/** Most redirections of a request, and most retries with a server that is busy or fails. */
const REDIRECTIONS = 5, RETRIES = 3;

/** Longest wait before a retry, in seconds: the Hugging Face hub counts requests over five minutes. */
const LONGEST_WAIT = 300;

/** Most bytes of an answer that is kept in memory. */
const MOST_BYTES = 64 << 20;

/** The error of a request without a connection or without an answer in time. */
export class NoAnswer extends Error {}

/** The error of an answer that ended too early. */
export class BrokenOff extends Error {}

/** Options of a request. */
export interface RequestOptions {
  /** GET by default. */
  readonly method?: "GET" | "HEAD";
  /** Bearer token, sent only to the URL's own origin and not to where redirections lead. */
  readonly token?: string;
  /** More headers, which may depend on where a redirection leads. */
  readonly headers?: (at: URL) => Readonly<Record<string, string>>;
  /** Tells whether a redirection's own headers are enough, so that it is not followed. */
  readonly enough?: (headers: Headers) => boolean;
  /** Gets a line on every wait. */
  readonly say?: (line: string) => void;
}

/** A server's answer. */
export interface Answer {
  /** The final response; its body must be read or cancelled. */
  readonly response: Response;
  /** Origin of the server that sent it. */
  readonly origin: string;
  /** Returns a header's value from the first response, redirections included, that has it. */
  header(name: string): string | undefined;
}

/**
 * Requests a URL. A server that is busy (429) or fails (500, 502, 503, 504) is asked again after the time that it
 * names, else after 0.5, 1 and 2 seconds. The last answer is returned, whatever its status.
 *
 * @throws NoAnswer if the server does not answer within 5 seconds.
 * @throws Error if the URL redirects in circles.
 */
export async function request(url: string, options: RequestOptions = {}): Promise<Answer> {
  for (let attempt = 0;; attempt++) {
    const answer = await follow(new URL(url), options);
    const { status, headers } = answer.response;
    const seconds = retryAfter(headers.get("retry-after")) ?? backOff(attempt + 1);
    if (![429, 500, 502, 503, 504].includes(status)) return answer;
    if (attempt === RETRIES || seconds > LONGEST_WAIT) return answer;
    await answer.response.body?.cancel();
    options.say?.(`${answer.origin} answered ${status}: it is asked again in ${seconds} s`);
    await pause(seconds);
  }
}

/** Returns the seconds before the n-th retry: 0 (n = 0), 0.5, 1, 2 and so on. */
export function backOff(n: number): number {
  return n === 0 ? 0 : 0.5 * 2 ** (n - 1);
}

/** Waits some seconds. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

/**
 * Yields the bytes of an answer as they come.
 *
 * @throws BrokenOff if the connection is cut, or nothing comes for 30 seconds.
 */
export async function* bodyBytes(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const stalled = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => reject(new Error(`nothing came for ${STALL_TIMEOUT / 1000} s`)),
          STALL_TIMEOUT,
        );
      });
      const part = await Promise.race([reader.read(), stalled])
        .catch((error) => {
          throw new BrokenOff(error.message);
        })
        .finally(() => clearTimeout(timer));
      if (part.done) return;
      yield part.value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Returns the text of an answer. @throws Error if it has more than 64 MiB; BrokenOff as {@link bodyBytes} does. */
export async function bodyText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "", bytes = 0;
  for await (const part of bodyBytes(response)) {
    bytes += part.length;
    if (bytes > MOST_BYTES) throw new Error(`the answer has more than ${MOST_BYTES >> 20} MiB`);
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** Tells whether a token can stand in a header: visible ASCII characters alone. */
export function isToken(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}

/** Sends the request and follows its redirections. */
async function follow(start: URL, options: RequestOptions): Promise<Answer> {
  if (options.token && !isToken(options.token)) {
    throw new Error("the token has characters that no header may hold");
  }
  const passed: Headers[] = [];
  for (let at = start, hop = 0; hop <= REDIRECTIONS; hop++) {
    const headers = new Headers({ "accept-encoding": "identity", ...options.headers?.(at) });
    if (options.token && at.origin === start.origin) headers.set("authorization", `Bearer ${options.token}`);
    const response = await send(at, options.method ?? "GET", headers);
    passed.push(response.headers);
    const location = response.headers.get("location");
    const redirects = response.status >= 300 && response.status < 400 && location !== null;
    if (!redirects || options.enough?.(response.headers)) {
      const header = (name: string) =>
        passed.map((some) => some.get(name)).find((value) => value) ?? undefined;
      return { response, origin: at.origin, header };
    }
    await response.body?.cancel();
    const next = URL.parse(location, at);
    if (!next || !/^https?:$/.test(next.protocol)) throw new Error("it redirects to what is no web address");
    at = next;
  }
  throw new Error(`it redirects more than ${REDIRECTIONS} times`);
}

async function send(at: URL, method: string, headers: Headers): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), ANSWER_TIMEOUT);
  try {
    return await fetch(at, { method, headers, redirect: "manual", signal: abort.signal });
  } catch (error) {
    if (abort.signal.aborted) throw new NoAnswer(`no answer within ${ANSWER_TIMEOUT / 1000} s`);
    const { message, cause } = error as Error;
    // The system's message follows the URL, which is left out as it may hold a signature.
    const reason = (cause instanceof Error ? cause.message : message).replaceAll(at.href, at.origin);
    const short = reason.replace(/^error sending .*client error \(\w+\): /s, "");
    throw new NoAnswer(`no connection (${withoutUser(short)})`);
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the seconds that a Retry-After header asks for, as a number or a date (RFC 9110, section 10.2.3). */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
