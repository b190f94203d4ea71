/** Processes with a time limit whose lines are read as they come. */
import { silence } from "./timing.ts";

/** The end of a process. */
export interface Ended {
  /** True if it ended by itself, without an error. */
  readonly ok: boolean;
  /** How it ended, such as "exit code 1", "SIGABRT" or "stopped after 60 s". */
  readonly how: string;
  readonly seconds: number;
  /** The end of what it wrote to standard error. */
  readonly log: string;
  /** One sentence on an end that was not good, with the line of the log that says most. */
  readonly sentence: string;
}

/** Lines of standard error that are kept. */
const keptLines = 40;

/** Milliseconds that are left to read what a process wrote before it ended. */
const patience = 500;

/**
 * Runs a command to its end, or kills it after some seconds.
 *
 * @param options.onLine gets each line of standard output as it comes
 * @param options.env variables besides those of this process
 */
export async function runLimited(
  command: string,
  args: readonly string[],
  options: {
    readonly seconds: number;
    readonly env?: Readonly<Record<string, string>>;
    readonly onLine: (line: string) => void;
  },
): Promise<Ended> {
  const start = performance.now();
  const child = new Deno.Command(command, {
    args: [...args],
    env: { NO_COLOR: "1", ...silence, ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill("SIGKILL");
  }, 1000 * options.seconds);
  const log: string[] = [];
  const readers = [
    readLines(child.stdout, options.onLine),
    readLines(child.stderr, (line) => {
      log.push(line);
      if (log.length > keptLines) log.shift();
    }),
  ];
  const { code, signal } = await child.status;
  clearTimeout(timer);
  // A process that it started may outlive it and hold its output open.
  const closing = setTimeout(() => readers.forEach(({ stop }) => stop()), patience);
  await Promise.all(readers.map(({ done }) => done));
  clearTimeout(closing);
  const how = isLate
    ? `stopped after ${options.seconds} s`
    : signal ?? (code === 0 ? "ended" : `exit code ${code}`);
  const said = log.filter((line) => line.trim() !== "" && !/^ +at /.test(line));
  const telling = said.findLast((line) => /error/i.test(line)) ?? said.at(-1);
  return {
    ok: code === 0,
    how,
    seconds: (performance.now() - start) / 1000,
    log: log.join("\n"),
    sentence: `its process did not end well (${how})${telling ? `: ${telling.slice(0, 400)}` : ""}`,
  };
}

/** Reads lines until the stream ends or `stop` is called. */
function readLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): { done: Promise<void>; stop: () => void } {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  const read = async () => {
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const lines = (rest + next.value).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    }
    if (rest !== "") onLine(rest);
  };
  return { done: read(), stop: () => void reader.cancel() };
}
