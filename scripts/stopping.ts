/**
 * Ctrl-C and SIGTERM. A command that trains saves itself at the end of its step and says how to go on; every other one
 * removes its temporary files and ends. A second signal ends at once.
 */
import { InputError } from "../lib/errors.ts";
import { discardOwn } from "../lib/storage/whole_file.ts";

const codes = { SIGINT: 130, SIGTERM: 143 } as const;
type SignalName = keyof typeof codes;

/** `deno task` passes a signal on that its whole group has got, so that one Ctrl-C may arrive twice. */
const sameSignalMs = 500;

/** The end of a command that was stopped, and its exit code: 128 and the signal's number. */
export class Stopped extends InputError {
  readonly code: number;

  constructor(signal: SignalName, message: string) {
    super(message);
    this.code = codes[signal];
  }
}

const controller = new AbortController();

/** The command of this process as far as signals go. */
export const stopping: {
  /** Aborted by the first signal while there is something to save. */
  readonly signal: AbortSignal;
  /** The way to go on, as a sentence's end, while steps are made that a checkpoint can save; otherwise undefined. */
  goOn?: string;
} = { signal: controller.signal };

/** Listens for signals from now on. */
export function listenForSignals(): void {
  let first: number | undefined;
  const end = (name: SignalName) => {
    discardOwn();
    console.error(`Stopped at once by ${name}: what was whole stays, and nothing is half-written`);
    Deno.exit(codes[name]);
  };
  const names: readonly SignalName[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const name of names) {
    Deno.addSignalListener(name, () => {
      const now = performance.now();
      if (first !== undefined && now - first < sameSignalMs) return;
      if (first !== undefined || stopping.goOn === undefined) end(name);
      first = now;
      console.error("Stopping at the end of this step to save what is done; a second Ctrl-C ends at once");
      controller.abort(new Stopped(name, `Stopped by ${name} with all steps saved: ${stopping.goOn}`));
    });
  }
}
