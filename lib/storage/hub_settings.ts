/** Settings of the Hugging Face hub from the environment, with the names and defaults of Python's huggingface_hub. */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { InputError } from "../errors.ts";

/** Returns the hub's address (HF_ENDPOINT), without a slash at the end. @throws InputError if it is no URL. */
export function hubEndpoint(): string {
  const endpoint = process.env.HF_ENDPOINT || "https://huggingface.co";
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? "")) {
    throw new InputError(
      `Cannot use HF_ENDPOINT as the hub: expected an address such as https://hub.example.org, found "${endpoint}"`,
    );
  }
  return endpoint.replace(/\/+$/, "");
}

/** Returns the user's token: HF_TOKEN, else the one from `hf auth login` (HF_TOKEN_PATH, or `token` in HF_HOME). */
export async function hubToken(): Promise<string | undefined> {
  const { HF_TOKEN, HF_TOKEN_PATH } = process.env;
  const path = fromHome(HF_TOKEN_PATH || join(hubHome(), "token"));
  return (HF_TOKEN || await readFile(path, "utf8").catch(() => "")).trim() || undefined;
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
