/** Settings of the Hugging Face hub from the environment, with the names and defaults of Python's huggingface_hub. */
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../errors.ts";
import { isToken } from "./http.ts";
import { readTextFile } from "./input_file.ts";

/**
 * Returns the hub's address (HF_ENDPOINT), without a slash at the end.
 *
 * @throws InputError if it is no address of a server, or holds a user or a password, which is not quoted.
 */
export function hubEndpoint(): string {
  const endpoint = process.env.HF_ENDPOINT || "https://huggingface.co";
  const url = URL.parse(endpoint);
  if (url?.username || url?.password) {
    throw new InputError(
      "Cannot use HF_ENDPOINT as the hub: expected an address without user and password; set HF_TOKEN to the token",
    );
  }
  if (!/^https?:$/.test(url?.protocol ?? "") || url?.search || url?.hash) {
    // Other characters may belong to a password.
    const found = /^[\w.:/-]+$/.test(endpoint) ? `"${endpoint}"` : "something else";
    throw new InputError(
      `Cannot use HF_ENDPOINT as the hub: expected an address such as https://hub.example.org, found ${found}`,
    );
  }
  return endpoint.replace(/\/+$/, "");
}

/**
 * Returns the user's token: HF_TOKEN, else the one from `hf auth login` (HF_TOKEN_PATH, or `token` in HF_HOME).
 *
 * @throws InputError if it holds what no header may hold; it is not quoted.
 */
export async function hubToken(): Promise<string | undefined> {
  const { HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const path = fromHome(HF_TOKEN_PATH || join(hubHome(), "token"));
  const token = (HF_TOKEN || await readToken(path)).trim();
  if (token === "") return undefined;
  if (isToken(token)) return token;
  throw new InputError(
    `Cannot use the token in ${
      HF_TOKEN ? "HF_TOKEN" : path
    }: expected one word of letters, digits and signs, found a ` +
      "space, a line break or another character that no header may hold; copy it anew",
  );
}

async function readToken(path: string): Promise<string> {
  try {
    return await readTextFile(path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    return "";
  }
}

/** Tells whether the user wants no request to the hub (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE). */
export function hubIsOffline(): boolean {
  const { HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE } = process.env;
  return /^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE || TRANSFORMERS_OFFLINE || "");
}

/** Returns the folder of the hub's cache: HF_HUB_CACHE, or `hub` in HF_HOME. */
export function hubCacheFolder(): string {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = process.env;
  return fromHome(HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || join(hubHome(), "hub"));
}

function hubHome(): string {
  const { HF_HOME, XDG_CACHE_HOME } = process.env;
  return HF_HOME || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
}

function fromHome(path: string): string {
  return path.replace(/^~(?=[/\\]|$)/, () => homedir());
}
