/** A Python process that answers each line of input with one number. */
import { join } from "node:path";
import { InputError } from "../lib/errors.ts";
import { silence } from "./timing.ts";

/** A Python process that runs a script of this folder, from `start` to `stop`. */
export class PythonPeer {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #rest = "";

  private constructor(readonly process: Deno.ChildProcess, readonly script: string) {
    this.#writer = process.stdin.getWriter();
    this.#lines = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The script's message when it was ready, such as its versions. */
  greeting = "";

  /** Starts a script and waits until it is ready. @throws InputError if this Python cannot run it. */
  static async start(python: string, script: string, args: string[]): Promise<PythonPeer> {
    let process: Deno.ChildProcess;
    try {
      process = new Deno.Command(python, {
        args: [join(import.meta.dirname!, script), ...args],
        env: { ...silence },
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
    } catch {
      throw new InputError(`Cannot start ${python}: name a Python with PyTorch and transformers`);
    }
    const peer = new PythonPeer(process, script);
    peer.greeting = (await peer.#line()).replace(/^ready /, "");
    return peer;
  }

  async #line(): Promise<string> {
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) {
        throw new InputError(`Cannot run ${this.script}: its Python needs PyTorch and transformers`);
      }
      this.#rest += value;
    }
    const end = this.#rest.indexOf("\n");
    const line = this.#rest.slice(0, end);
    this.#rest = this.#rest.slice(end + 1);
    return line;
  }

  /** Sends an empty line and returns the number of the answer. */
  async ask(): Promise<number> {
    await this.#writer.write(new TextEncoder().encode("\n"));
    return Number(await this.#line());
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    await this.#writer.close();
    await this.process.status;
  }
}
