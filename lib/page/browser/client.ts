/** The page's side of its worker: questions and their answers. */
import type { Reply, Request, Works } from "./messages.ts";

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress?: (done: number, all: number) => void;
}

/** The reason of a question that was cancelled. */
export class Cancelled extends Error {}

/** A worker that can be asked. */
export class Client {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  /** @param onReply told what is no answer: loading, ready and failed */
  constructor(onReply: (reply: Reply) => void) {
    this.#worker = new Worker("worker.js", { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      const waiting = "id" in data ? this.#waiting.get(data.id) : undefined;
      if (!("id" in data)) onReply(data);
      else if (data.kind === "progress") waiting?.onProgress?.(data.done, data.all);
      else {
        this.#waiting.delete(data.id);
        if (data.kind === "answer") waiting?.resolve(data.value);
        else waiting?.reject(data.kind === "error" ? new Error(data.message) : new Cancelled());
      }
    };
    this.#worker.onerror = (event) =>
      onReply({
        kind: "failed",
        message: `Cannot start in this browser: ${
          event.message || "its worker does not load"
        }; a browser of 2025 or later can`,
      });
  }

  /** Asks the worker. @throws Error with its message, or {@linkcode Cancelled} */
  ask<Kind extends keyof Works>(
    kind: Kind,
    asked: Works[Kind]["asked"],
    onProgress?: (done: number, all: number) => void,
  ): Promise<Works[Kind]["answer"]> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, onProgress });
      this.#worker.postMessage({ kind, id, ...asked } as Request);
    });
  }

  /** Stops what the worker does now. */
  cancel(): void {
    this.#worker.postMessage({ kind: "cancel" } satisfies Request);
  }
}
