/**
 * Progress of something long, on standard error: on a terminal a bar with speed and time left, in a pipe a line now
 * and then. Training steps, downloads and whole experiments show themselves through it.
 */
// @ts-types="@types/cli-progress"
import progressBar from "cli-progress";

/** What is counted. */
export type ProgressUnit = "steps" | "examples" | "bytes" | "runs";

/** Something in progress. */
export interface Progress {
  /** Says how far it is, and optionally something of the moment, such as the loss. */
  update(done: number, note?: string): void;
  /** Prints a line above the bar. */
  log(line: string): void;
  /** Ends it with a line that says what was done in which time. Calling it again does nothing. */
  stop(note?: string): void;
}

/** Where progress is shown; the defaults suit a command. */
export interface ProgressOptions {
  /** Default: standard error. */
  readonly stream?: NodeJS.WritableStream & { isTTY?: boolean };
  /** Seconds between lines in a pipe (default 30). */
  readonly lineSeconds?: number;
}

/** Starts to show the progress of `label`, which has `total` units to do; a total of 0 means that it is not known. */
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
  const log = (line: string) => void stream.write(`${bar ? "\r\x1b[K" : ""}${line}\n`);
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
      return `${label} ${total > 0 ? `${"█".repeat(filled)}${"░".repeat(20 - filled)} ` : ""}${text}`;
    },
  };
}

/** Done, total, speed (in units a second) and time left as text, such as "120/400 steps, 8.1 steps/s, 35 s left". */
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
 * How fast something goes, over the last minute: phases differ, and what was done before the first sign (by a run
 * that goes on) or until then (what is compiled first) says nothing of the speed.
 */
export class Speed {
  #marks: { readonly done: number; readonly seconds: number }[] = [];

  /** @param now the time in seconds. */
  constructor(readonly now: () => number = () => performance.now() / 1000) {}

  /** Units a second when so many are done; undefined at the first sign. */
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

/** Seconds as people say them: "8 s", "3 min 20 s", "2 h 5 min". */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [big, small, names] = whole < 3600
    ? [Math.floor(whole / 60), whole % 60, ["min", "s"]]
    : [Math.floor(whole / 3600), Math.floor(whole % 3600 / 60), ["h", "min"]];
  return `${big} ${names[0]}${small > 0 ? ` ${small} ${names[1]}` : ""}`;
}
