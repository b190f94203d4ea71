/**
 * Progress of long work, on standard error: on a terminal a bar with speed and time left, in a pipe a line now and
 * then. Training steps, downloads and whole experiments use it.
 */
// @ts-types="@types/cli-progress"
import progressBar from "cli-progress";
import { oneLine, printable } from "../printable.ts";

/** The unit of the counts. */
export type ProgressUnit = "steps" | "examples" | "bytes" | "runs";

/** The progress of one piece of work. */
export interface Progress {
  /** Shows the number of units done, and optionally a note such as the loss. */
  update(done: number, note?: string): void;
  /** Prints a line above the bar. */
  log(line: string): void;
  /** Ends with a line of the units done and the time. Calling it again does nothing. */
  stop(note?: string): void;
}

/** Options for showing progress; the defaults suit a command. */
export interface ProgressOptions {
  /** The stream to write to (default: standard error). */
  readonly stream?: NodeJS.WritableStream & { isTTY?: boolean };
  /** Seconds between lines in a pipe (default 30). */
  readonly lineSeconds?: number;
}

/** Starts to show the progress of `label`, which has `total` units to do; 0 if the total is unknown. */
export function showProgress(
  label: string,
  total: number,
  unit: ProgressUnit,
  { stream = process.stderr, lineSeconds = 30 }: ProgressOptions = {},
): Progress {
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const speed = new Speed();
  const bar = stream.isTTY ? new progressBar.SingleBar(barOptions(label, total, stream)) : undefined;
  const log = (line: string) => void stream.write(`${bar ? "\r\x1b[K" : ""}${printable(line)}\n`);
  let [stopped, last, lastLine] = [false, 0, 0];
  bar?.start(total, 0, { text: progressText(0, total, unit) });
  return {
    update(done, note) {
      last = done;
      const text = progressText(done, total, unit, speed.at(done)) + (note ? `, ${note}` : "");
      bar?.update(done, { text });
      if (bar || seconds() - lastLine < lineSeconds) return;
      lastLine = seconds();
      log(`${label}: ${text}`);
    },
    log,
    stop(note) {
      if (stopped) return;
      stopped = true;
      bar?.stop();
      log(`${label}: ${progressText(last, 0, unit)} in ${duration(seconds())}${note ? `, ${note}` : ""}`);
    },
  };
}

function barOptions(label: string, total: number, stream: NodeJS.WritableStream): progressBar.Options {
  return {
    stream,
    clearOnComplete: true,
    hideCursor: true,
    fps: 5,
    format: (_, { progress }, { text }: { text: string }) => {
      const filled = Math.round(20 * Math.min(1, progress));
      return `${oneLine(label)} ${total > 0 ? `${"█".repeat(filled)}${"░".repeat(20 - filled)} ` : ""}${
        oneLine(text)
      }`;
    },
  };
}

/** Writes done, total, speed (units per second) and time left: "120/400 steps, 8.1 steps/s, 35 s left". */
export function progressText(done: number, total: number, unit: ProgressUnit, speed?: number): string {
  const amount = (value: number) => unit === "bytes" ? (value / 1e6).toFixed(1) : String(value);
  const name = unit === "bytes" ? "MB" : unit;
  const parts = [`${amount(done)}${total > 0 ? `/${amount(total)}` : ""} ${name}`];
  if (speed !== undefined && speed > 0) {
    parts.push(unit === "bytes" ? `${(speed / 1e6).toFixed(1)} MB/s` : `${speed.toPrecision(2)} ${name}/s`);
    if (total > done) parts.push(`${duration((total - done) / speed)} left`);
  }
  return parts.join(", ");
}

/**
 * The speed over the last minute. Counting starts at the first call of `at`: neither units that an earlier run did nor
 * the time until then, such as for compiling, count.
 */
export class Speed {
  #marks: { readonly done: number; readonly seconds: number }[] = [];

  /** @param now the time in seconds. */
  constructor(readonly now: () => number = () => performance.now() / 1000) {}

  /** Returns the units per second, given the number done so far; undefined at the first call. */
  at(done: number): number | undefined {
    const seconds = this.now();
    if (seconds - (this.#marks.at(-1)?.seconds ?? -Infinity) >= 1) this.#marks.push({ done, seconds });
    while (this.#marks.length > 2 && seconds - this.#marks[1]!.seconds >= 60) this.#marks.shift();
    const from = this.#marks[0]!;
    return seconds > from.seconds && done > from.done
      ? (done - from.done) / (seconds - from.seconds)
      : undefined;
  }
}

/** Writes seconds for people: "8 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [big, small, names] = whole < 3600
    ? [Math.floor(whole / 60), whole % 60, ["min", "s"]]
    : [Math.floor(whole / 3600), Math.floor(whole % 3600 / 60), ["h", "min"]];
  return `${big} ${names[0]}${small > 0 ? ` ${small} ${names[1]}` : ""}`;
}
