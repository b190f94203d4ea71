/** Reads damaged files one after the other and tells what became of them; the thread beside it watches the time. */
import { InputError } from "../../lib/errors.ts";
import { damagedFile, readers } from "./readers.ts";

/** The task of a worker. */
export interface Task {
  /** The first file's number, and the number after the last. */
  readonly first: number;
  readonly end: number;
  /** Key of the damage. */
  readonly seed: number;
  /** The one reader to test, by its name; all of them by default. */
  readonly only?: string;
  /** Folder for the files of readers that need a path. */
  readonly folder: string;
  /** Gets the number of the file that is being read. */
  readonly current: Int32Array<SharedArrayBuffer>;
}

/** Outcome of reading one file. */
export interface Outcome {
  readonly file: number;
  readonly reader: string;
  /** A value, an InputError, or what should not have happened. */
  readonly kind: "read" | "refused" | "fault";
  readonly milliseconds: number;
  /** Description of a fault. */
  readonly fault?: string;
  /** Bytes of the file that led to a fault. */
  readonly bytes?: Uint8Array;
}

/** A file may take this much memory besides a hundred times its size. */
const mostMemory = 64 << 20;

const scope = globalThis as unknown as {
  onmessage: (event: { data: Task }) => void;
  postMessage: (outcomes: Outcome[] | "done") => void;
};

scope.onmessage = async ({ data: { first, end, seed, only, folder, current } }) => {
  const all = await readers(folder, only);
  const wholes = new Map<string, string>();
  for (const { name, json, material, read } of all) {
    if (json) wholes.set(name, JSON.stringify(await read(material.samples[0]!)));
  }
  let outcomes: Outcome[] = [];
  for (let file = first; file < end; file++) {
    const { reader, bytes, mustBeSame } = damagedFile(all, seed, file);
    Atomics.store(current, 0, file);
    const before = memory();
    const start = performance.now();
    const found = await outcomeOf(reader.read(bytes), mustBeSame ? wholes.get(reader.name) : undefined);
    const milliseconds = performance.now() - start;
    const grown = memory() - before;
    const fault = found.fault ??
      (grown > mostMemory + 100 * bytes.length
        ? `took ${grown} bytes of memory for ${bytes.length}`
        : undefined);
    const outcome: Outcome = { file, reader: reader.name, kind: fault ? "fault" : found.kind, milliseconds };
    outcomes.push(fault ? { ...outcome, fault, bytes } : outcome);
    if (outcomes.length === 100 || fault) {
      scope.postMessage(outcomes);
      outcomes = [];
    }
  }
  scope.postMessage(outcomes);
  scope.postMessage("done");
};

/** Bytes outside of the heap, where the buffers are, and in it. */
function memory(): number {
  const { external, heapUsed } = Deno.memoryUsage();
  return external + heapUsed;
}

/** @param whole the result that it must have, if it must have one */
async function outcomeOf(
  reading: Promise<unknown>,
  whole: string | undefined,
): Promise<{ kind: "read" | "refused"; fault?: string }> {
  try {
    const result = JSON.stringify(await reading);
    const isSame = whole === undefined || result === whole;
    return {
      kind: "read",
      fault: isSame ? undefined : `another result in silence: ${firstDifference(result, whole)}`,
    };
  } catch (error) {
    if (!(error instanceof InputError)) {
      const { name, message, stack } = error as Error;
      return { kind: "refused", fault: `${name}: ${message} (${stack?.split("\n")[1]?.trim()})` };
    }
    const { message } = error;
    const isSentence = message.length <= 500 && !/\p{Cc}/u.test(message);
    return { kind: "refused", fault: isSentence ? undefined : `no one sentence: ${JSON.stringify(message)}` };
  }
}

function firstDifference(one: string, other: string): string {
  const place = [...one].findIndex((sign, place) => sign !== other[place]);
  const around = (text: string) => text.slice(Math.max(0, place - 40), place + 60);
  return `${around(one)} instead of ${around(other)}`;
}
