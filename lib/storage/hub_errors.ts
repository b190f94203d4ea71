/** Errors of requests to the hub, in one sentence each. */
import { InputError } from "../errors.ts";
import { shown } from "./byte_source.ts";
import { hubCacheFolder } from "./hub_settings.ts";
import { type Answer, NoAnswer } from "./http.ts";

/** A request to the hub, for messages about it. */
export interface HubRequest {
  /** The thing wanted, such as `config.json of the model organisation/name`. */
  readonly what: string;
  /** The hub's address. */
  readonly endpoint: string;
  /** The repository's page there. */
  readonly page: string;
  /** The revision that was asked for. */
  readonly revision: string;
  /** The commit that the cache has for it. */
  readonly commit?: string;
  /** The user's token. */
  readonly token?: string;
}

/** The reason of a hub's answer that it has no such repository, or does not show it. */
export const noneOrPrivate = "there is none, or it is private";

/** The error of a failed request to the hub. */
export class HubError extends InputError {
  /** The reason alone, without the thing wanted and the advice. */
  readonly reason: string;
  /** `true` if the hub was not asked or cannot answer now, so that the cache may serve instead. */
  readonly unreachable: boolean;

  /** Makes an error that says `Cannot fetch WANTED: REASON; ADVICE`. */
  constructor(
    wanted: string,
    reason: string,
    advice: string,
    options: ErrorOptions & { unreachable?: boolean } = {},
  ) {
    super(`Cannot fetch ${wanted}: ${reason}; ${advice}`, options);
    this.reason = reason;
    this.unreachable = options.unreachable ?? false;
  }
}

/** Returns the error of a refusal, from its status and its headers X-Error-Code and X-Error-Message. */
export function refusal({ response }: Answer, request: HubRequest): HubError {
  const { status, headers } = response;
  const { token, page, revision, commit = revision } = request;
  const code = headers.get("x-error-code");
  const said = shown(headers.get("x-error-message") ?? "");
  const error = (reason: string, advice: string, unreachable = false) =>
    new HubError(`${request.what} from ${request.endpoint}`, reason, advice, { unreachable });
  if (code === "GatedRepo") {
    return error(
      "its authors want their terms to be accepted first",
      token
        ? `accept them at ${page} with the account that the token belongs to`
        : `accept them at ${page} and set HF_TOKEN to a token of your account`,
    );
  }
  if (code === "RevisionNotFound" && commit !== revision) {
    const advice = `name another revision after the @, or remove refs/${revision} from the hub's cache`;
    return error(`it no longer has the commit ${commit}, fetched once as "${revision}"`, advice);
  }
  if (code === "RevisionNotFound") {
    return error(`it has no revision "${revision}"`, "name a branch, a tag or a commit after the @");
  }
  if (status === 401 && said.startsWith("Invalid")) {
    return error("the token is not valid", "set HF_TOKEN to one that is, or log in again");
  }
  if (status === 401 || status === 404) {
    const advice = token ? "check that the token may read it" : "set HF_TOKEN to a token that may read it";
    return error(noneOrPrivate, `check the name, or ${advice}`);
  }
  if (status === 403) {
    return error(`access is refused${said ? ` (${said})` : ""}`, "check what the token may read");
  }
  if (status === 429) {
    const after = headers.get("retry-after");
    const wait = after && /^\d+$/.test(after) ? `wait ${after} s` : "wait some minutes";
    const advice = token ? wait : `${wait}, or set HF_TOKEN, which allows more`;
    return error("there were too many requests", advice, true);
  }
  if (status >= 500) return error(`it answered ${status} again and again`, "try again later", true);
  return error(`it answered ${status}`, "check that HF_ENDPOINT is the address of a hub");
}

/** Turns whatever was thrown into an error with a sentence for the user. */
export function hubError(error: unknown, { what, endpoint }: HubRequest): InputError {
  if (error instanceof InputError) return error;
  const { message, code } = error as Error & { code?: unknown };
  if (typeof code === "string") {
    const advice = code === "ENOSPC"
      ? "make room and start again, the bytes so far are kept"
      : "set HF_HUB_CACHE to a folder that can be written";
    return new InputError(
      `Cannot keep ${what} in the hub's cache ${hubCacheFolder()}: ${message}; ${advice}`,
      {
        cause: error,
      },
    );
  }
  return new HubError(`${what} from ${endpoint}`, message, "check the network and HF_ENDPOINT", {
    cause: error,
    unreachable: error instanceof NoAnswer,
  });
}
