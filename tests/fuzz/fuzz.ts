/**
 * Damaged files for every reader: what comes of each must be a value or an InputError of one sentence, soon and in
 * little memory.
 *
 *     deno run --allow-read --allow-write --allow-env --allow-sys tests/fuzz/fuzz.ts --files 100000 --seed 1
 *
 * With `--reader NAME` only one of them, and with `--keep FOLDER` the files that made a fault are kept, named by reader
 * and number. About a millisecond of computing a file.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { damagedFile, readers } from "./readers.ts";
import type { Outcome, Task } from "./worker.ts";

/** Outcomes of reading many files. */
export interface FuzzResult {
  /** Numbers of files read and refused by each reader, and the milliseconds of its slowest. */
  readonly readers: ReadonlyMap<string, { read: number; refused: number; slowest: number }>;
  /** Outcomes that should not have happened. */
  readonly faults: readonly Outcome[];
}

/** A reader that computes so long for one small file, or waits so much longer, hangs. */
const longest = { cpuSeconds: 10, seconds: 120 };

/** Reads so many damaged files, the same ones for the same seed. */
export async function fuzz(
  { files, seed, only }: {
    readonly files: number;
    readonly seed: number;
    /** The only reader to test, by its name. */
    readonly only?: string;
  },
): Promise<FuzzResult> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-fuzz-"));
  const counts = new Map<string, { read: number; refused: number; slowest: number }>();
  const faults: Outcome[] = [];
  const note = (outcomes: readonly Outcome[]) => {
    for (const { reader, kind, milliseconds } of outcomes) {
      const count = counts.get(reader) ?? { read: 0, refused: 0, slowest: 0 };
      if (kind !== "fault") count[kind]++;
      counts.set(reader, { ...count, slowest: Math.max(count.slowest, milliseconds) });
    }
    faults.push(...outcomes.filter(({ kind }) => kind === "fault"));
  };
  try {
    for (let first = 0; first < files;) {
      const current = new Int32Array(new SharedArrayBuffer(4)).fill(-1);
      const end = await work({ first, end: files, seed, only, folder, current }, note);
      if (end === undefined) break;
      const file = Atomics.load(current, 0);
      if (file < first) throw new Error(end);
      const { reader, bytes } = damagedFile(await readers(folder, only), seed, file);
      note([{ file, reader: reader.name, kind: "fault", milliseconds: 0, fault: end, bytes }]);
      first = file + 1;
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return { readers: counts, faults };
}

/** Lets a worker read files to the end, which is undefined, or until it can no more, which it tells. */
function work(task: Task, note: (outcomes: readonly Outcome[]) => void): Promise<string | undefined> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  let watch: ReturnType<typeof setInterval> | undefined;
  const ended = new Promise<string | undefined>((resolve) => {
    let last = { file: -1, ...clocks() };
    watch = setInterval(() => {
      const file = Atomics.load(task.current, 0);
      const now = clocks();
      if (file < 0 || file !== last.file) last = { file, ...now };
      const cpuSeconds = now.cpuSeconds - last.cpuSeconds, seconds = now.seconds - last.seconds;
      if (cpuSeconds > longest.cpuSeconds || seconds > longest.seconds) {
        resolve(`it hangs: ${cpuSeconds.toFixed()} s of computing in ${seconds.toFixed()} s`);
      }
    }, 500);
    worker.onmessage = ({ data }) => data === "done" ? resolve(undefined) : note(data);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve(event.message);
    };
  });
  worker.postMessage(task);
  return ended.finally(() => {
    clearInterval(watch);
    worker.terminate();
  });
}

/** The time, and this process's share of it: a machine with other work to do is slow, but does not hang. */
function clocks(): { seconds: number; cpuSeconds: number } {
  const { user, system } = process.cpuUsage();
  return { seconds: performance.now() / 1000, cpuSeconds: (user + system) / 1e6 };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      ...{ files: { type: "string" }, seed: { type: "string" } },
      ...{ reader: { type: "string" }, keep: { type: "string" } },
    } as const,
  });
  const files = Number(values.files ?? 3000), seed = Number(values.seed ?? 1);
  const start = clocks();
  const { readers: counts, faults } = await fuzz({ files, seed, only: values.reader });
  for (const { file, reader, fault, bytes } of faults) {
    console.log(`FAULT at file ${file} (${reader}): ${fault}`);
    if (!values.keep || !bytes) continue;
    await mkdir(values.keep, { recursive: true });
    await writeFile(join(values.keep, `${reader.replaceAll(/\W+/g, "-")}-${file}`), bytes);
  }
  for (const [name, { read, refused, slowest }] of counts) {
    console.log(`${name}: ${read} read, ${refused} refused, the slowest took ${slowest.toFixed(0)} ms`);
  }
  const seconds = (clocks().seconds - start.seconds).toFixed(),
    cpu = (clocks().cpuSeconds - start.cpuSeconds).toFixed();
  console.log(`${files} files of seed ${seed} in ${seconds} s (computing ${cpu} s): ${faults.length} faults`);
  Deno.exit(faults.length === 0 ? 0 : 1);
}
