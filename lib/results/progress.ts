/**
 * Progress of long work, on standard error: on a terminal a bar with speed and time left, in a pipe a line now and
 * then. Training steps, downloads and whole experiments use it.
 */
// @ts-types="@types/cli-progress"
import progressBar from "cli-progress";

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
  options: ProgressOptions = {},
): Progress {
  const stream = options.stream ?? process.stderr;
  return stream.isTTY
    ? new BarProgress(label, total, unit, stream)
    : new LineProgress(label, total, unit, stream, options.lineSeconds ?? 30);
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

/** The common part of both kinds: the log, and the line at the end. */
abstract class StreamProgress implements Progress {
  readonly #start = performance.now();
  readonly #speed = new Speed();
  #done = 0;
  #unitsPerSecond: number | undefined;
  #stopped = false;

  constructor(
    readonly label: string,
    readonly total: number,
    readonly unit: ProgressUnit,
    readonly stream: NodeJS.WritableStream,
  ) {}

  update(done: number, note?: string): void {
    this.#done = done;
    this.#unitsPerSecond = this.#speed.at(done);
    this.show(done, note ?? "");
  }

  log(line: string): void {
    this.stream.write(`${line}\n`);
  }

  stop(note?: string): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.clear();
    const text = progressText(this.#done, 0, this.unit);
    this.log(`${this.label}: ${text} in ${duration(this.seconds())}${note ? `, ${note}` : ""}`);
  }

  protected seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }

  protected text(done: number, note: string): string {
    return `${progressText(done, this.total, this.unit, this.#unitsPerSecond)}${note ? `, ${note}` : ""}`;
  }

  protected abstract show(done: number, note: string): void;
  protected abstract clear(): void;
}

class LineProgress extends StreamProgress {
  #lastLine = 0;

  constructor(
    label: string,
    total: number,
    unit: ProgressUnit,
    stream: NodeJS.WritableStream,
    readonly lineSeconds: number,
  ) {
    super(label, total, unit, stream);
  }

  protected show(done: number, note: string): void {
    if (this.seconds() - this.#lastLine < this.lineSeconds) return;
    this.#lastLine = this.seconds();
    this.log(`${this.label}: ${this.text(done, note)}`);
  }

  protected clear(): void {}
}

class BarProgress extends StreamProgress {
  readonly #bar: progressBar.SingleBar;

  constructor(label: string, total: number, unit: ProgressUnit, stream: NodeJS.WritableStream) {
    super(label, total, unit, stream);
    this.#bar = new progressBar.SingleBar({
      stream,
      clearOnComplete: true,
      hideCursor: true,
      fps: 5,
      format: (_, { value, progress }, { note }: { note: string }) => {
        const filled = Math.round(20 * Math.min(1, progress));
        const bar = total > 0 ? `${"█".repeat(filled)}${"░".repeat(20 - filled)} ` : "";
        return `${label} ${bar}${this.text(value, note)}`;
      },
    });
    this.#bar.start(total, 0, { note: "" });
  }

  override log(line: string): void {
    super.log(`\r\x1b[K${line}`);
  }

  protected show(done: number, note: string): void {
    this.#bar.update(done, { note });
  }

  protected clear(): void {
    this.#bar.stop();
  }
}
