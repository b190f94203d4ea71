/** The page's worker: it loads the model, and labels and explains texts, so that the page itself never waits. */
import { explain } from "../../classifier/occlusion.ts";
import { InputError } from "../../errors.ts";
import { loadTokenizer } from "../../text/tokenizer.ts";
import { OnnxClassifier, type OnnxRuntime } from "../onnx_classifier.ts";
import type { GivenText, PageModel, Reply, Request, TextAnswer } from "./messages.ts";
import { putFile } from "./node/files.ts";
import { labelTable, lookAt } from "./tables.ts";

/** The part of a worker's scope that is used. */
const scope = globalThis as unknown as {
  onmessage: (event: { readonly data: Request }) => void;
  postMessage(message: Reply): void;
  readonly crossOriginIsolated: boolean;
};

const base = new URL(".", import.meta.url);
/** Most threads; more are hardly faster for short texts. */
const mostThreads = 4;

/** Thrown between two batches after the user has cancelled. */
class Cancelled extends Error {}

let isCancelled = false;
const pause = async () => {
  await new Promise((resolve) => setTimeout(resolve)); // lets messages in
  if (isCancelled) throw new Cancelled();
};

/** Fetches a file of the page, from the cache of an earlier visit if it is there. */
async function fetched(name: string, version: string, onBytes?: (done: number) => void): Promise<Blob> {
  const url = new URL(name, base).href;
  const cache = await globalThis.caches?.open(`bertlab-page ${base.pathname} ${version}`).catch(() =>
    undefined
  );
  const known = await cache?.match(url);
  const response = known ?? await fetch(url, { cache: "no-cache" });
  if (!response.ok) {
    throw new InputError(
      `Cannot load ${name}: the server answers ${response.status}; copy the whole folder to it`,
    );
  }
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { value, done: ended } = await reader.read();
    if (ended) break;
    parts.push(value as Uint8Array<ArrayBuffer>);
    onBytes?.(done += value.length);
  }
  const content = new Blob(parts);
  const headers = { "content-type": response.headers.get("content-type") ?? "application/octet-stream" };
  // A full disk costs only the next visit's time.
  if (!known) await cache?.put(url, new Response(content, { headers })).catch(() => {});
  return content;
}

/** Tells whether WebAssembly is there and may be compiled; a page's policy can forbid it. */
function canCompile(): boolean {
  try {
    new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    return true;
  } catch {
    return false;
  }
}

async function load(): Promise<OnnxClassifier> {
  const start = performance.now();
  if (!canCompile()) {
    throw new InputError("Cannot run the model as this browser has no WebAssembly, or forbids it here");
  }
  const response = await fetch(new URL("model/page.json", base), { cache: "no-cache" });
  if (!response.ok) throw new InputError("Cannot load model/page.json: copy the whole folder to the server");
  const model: PageModel = await response.json();
  const { version, settings, bytes, tokenizerFiles } = model;
  for (const name of tokenizerFiles) putFile(`model/${name}`, await fetched(`model/${name}`, version));
  const tokenizer = await loadTokenizer("model");
  const content = await fetched(
    "model/model.onnx",
    version,
    (done) => scope.postMessage({ kind: "loading", done, all: bytes }),
  );
  const runtime: OnnxRuntime = await import(new URL("ort/ort.wasm.bundle.min.mjs", base).href);
  const threads = scope.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, mostThreads) : 1;
  runtime.env.wasm.numThreads = threads;
  const session = await content.arrayBuffer()
    .then((buffer) => runtime.InferenceSession.create(new Uint8Array(buffer)))
    .catch((error) => {
      throw new InputError(
        `Cannot run the model of ${(bytes / 1e6).toFixed(0)} MB in this browser (${
          error.message ?? error
        }): it may ` +
          "lack memory, so close other tabs, or ask for the page with --weights int8; or it is too old",
      );
    });
  scope.postMessage({ kind: "ready", model, threads, seconds: (performance.now() - start) / 1000 });
  return new OnnxClassifier(runtime, session, tokenizer, settings, pause);
}

async function answer(
  classifier: OnnxClassifier,
  request: Exclude<Request, { kind: "cancel" }>,
): Promise<unknown> {
  const progress = (done: number, all: number) =>
    scope.postMessage({ kind: "progress", id: request.id, done, all });
  switch (request.kind) {
    case "classify":
      return await classify(classifier, request);
    case "explain": {
      const { text, pair, label } = request;
      return await explain(classifier, pair === undefined ? text : { text, pair }, {
        label,
        onTexts: progress,
      });
    }
    case "look":
      return await lookAt(request.file);
    case "label":
      return await labelTable(classifier, request, progress);
  }
}

async function classify(classifier: OnnxClassifier, { text, pair }: GivenText): Promise<TextAnswer> {
  const start = performance.now();
  const probabilities = await classifier.probabilities([pair === undefined ? text : { text, pair }]);
  const seconds = (performance.now() - start) / 1000;
  return {
    probabilities: [...probabilities],
    seconds,
    ...pair === undefined ? { reads: classifier.reads(text) } : {},
  };
}

const classifier = load();
classifier.catch((error) =>
  scope.postMessage({
    kind: "failed",
    message: error instanceof Error ? error.message : `${error}`,
  })
);

/** One after another, as the model does one thing at a time. */
let last: Promise<unknown> = classifier.catch(() => {});

scope.onmessage = ({ data: request }) => {
  if (request.kind === "cancel") {
    isCancelled = true;
    return;
  }
  const { id } = request;
  last = last.then(async () => {
    isCancelled = false;
    try {
      scope.postMessage({ kind: "answer", id, value: await answer(await classifier, request) });
    } catch (error) {
      scope.postMessage(
        error instanceof Cancelled
          ? { kind: "cancelled", id }
          : { kind: "error", id, message: error instanceof Error ? error.message : `${error}` },
      );
    }
  });
};
