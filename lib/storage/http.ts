/** HTTP requests: redirections, waits that a server asks for, and a token that only its own server sees. */

/** Milliseconds until a server must have answered, and for which it may then send nothing. */
const ANSWER_TIMEOUT = 5000, STALL_TIMEOUT = 30_000;

/** How many redirections are followed, and how often a server that is busy or fails is asked again. */
const REDIRECTIONS = 5, RETRIES = 3;

/** Seconds: no server is waited for longer. The Hugging Face hub counts requests over five minutes. */
const LONGEST_WAIT = 300;

/** There is no connection, or nothing came over it in time. */
export class NoAnswer extends Error {}

/** An answer that ended too early. */
export class BrokenOff extends Error {}

/** What to ask. */
export interface RequestOptions {
  /** GET by default. */
  readonly method?: "GET" | "HEAD";
  /** Sent as a bearer token to the URL's own origin, and to no other it leads to. */
  readonly token?: string;
  /** More headers, which may depend on where a redirection leads. */
  readonly headers?: (at: URL) => Readonly<Record<string, string>>;
  /** Whether a redirection says all that is asked for; then it is not followed. */
  readonly enough?: (headers: Headers) => boolean;
  /** Is told what is waited for. */
  readonly say?: (line: string) => void;
}

/** What a server answered. */
export interface Answer {
  /** The last answer; its body must be read or cancelled. */
  readonly response: Response;
  /** Who gave it. */
  readonly origin: string;
  /** A header's value in the first answer on the way that has it. */
  header(name: string): string | undefined;
}

/**
 * Asks for a URL. A server that is busy (429) or fails (500, 502, 503, 504) is asked again after the time it names,
 * else after 0.5, 1 and 2 seconds; whatever it says then is the answer, as every other status is.
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

/** Seconds before the n-th retry: 0 (n = 0), 0.5, 1, 2 and so on. */
export function backOff(n: number): number {
  return n === 0 ? 0 : 0.5 * 2 ** (n - 1);
}

/** Waits. */
export function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

/**
 * The bytes of an answer as they come.
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

/** Sends the request, and again to where redirections lead. */
async function follow(start: URL, options: RequestOptions): Promise<Answer> {
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
    at = new URL(location, at);
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
    // What the system says is behind the URL, which is left out: it may hold a signature.
    const reason = (cause instanceof Error ? cause.message : message).replaceAll(at.href, at.origin);
    throw new NoAnswer(`no connection (${reason.replace(/^error sending .*client error \(\w+\): /s, "")})`);
  } finally {
    clearTimeout(timer);
  }
}

/** Seconds that a Retry-After header asks for: it holds them, or a date (RFC 9110, section 10.2.3). */
function retryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
