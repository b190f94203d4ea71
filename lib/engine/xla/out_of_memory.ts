/** Errors of a device that ran out of memory, with the numbers. */
import type { Device } from "./client.ts";
import { XlaError } from "./errors.ts";
import type { ProgramMemory } from "./executable.ts";

/**
 * Returns an error as it is; if memory ran out, a new one that says how much was asked for and how much there is.
 *
 * @param program The program's name, and how to ask for its memory if it could be compiled.
 */
export function withNumbers(
  error: unknown,
  device: Device,
  program?: { readonly name: string; readonly memory?: () => ProgramMemory },
): unknown {
  if (!(error instanceof XlaError) || !error.outOfMemory) return error;
  const memory = ifTold(() => device.memory);
  const plan = ifTold(() => program?.memory?.());
  const facts = [
    plan &&
    `it takes ${gigabytes(plan.peak || plan.arguments + plan.temporary)} GB, of which ${
      gigabytes(plan.temporary)
    } GB are in between`,
    memory &&
    `${gigabytes(memory.used)} GB${memory.limit ? ` of ${gigabytes(memory.limit)} GB` : ""} are in use`,
    memory?.largestFree !== undefined &&
    `the largest free piece has ${gigabytes(memory.largestFree)} GB`,
  ].filter((fact) => typeof fact === "string");
  const detail = error.detail.replaceAll(/\s+/g, " ").trim();
  return new XlaError(
    `Out of memory on ${device.kind}${program ? ` with the program "${program.name}"` : ""}: ` +
      `${
        [...facts, detail].join("; ")
      }; take fewer texts at once (micro-batch size) or a shorter maximum length`,
    error.code,
    error.detail,
    { cause: error },
  );
}

/** Returns a number of the plugin, or nothing if it does not tell: that must not hide the error itself. */
function ifTold<Value>(ask: () => Value): Value | undefined {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof XlaError)) throw error;
    return undefined;
  }
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toPrecision(3);
}
