/** PJRT's errors, each as one sentence with its code. */
import { InputError } from "../../errors.ts";

/** Abseil's status codes, which PJRT uses (PJRT_Error_Code). */
const codes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The name of a status. */
export type ErrorCode = typeof codes[number];

/** An error that a PJRT function returned. */
export class XlaError extends InputError {
  /**
   * @param code The status.
   * @param detail PJRT's own words.
   */
  constructor(message: string, readonly code: ErrorCode, readonly detail: string, options?: ErrorOptions) {
    super(message, options);
  }

  /** Returns the error of a status number, as one sentence. */
  static of(doing: string, status: number, detail: string): XlaError {
    const code = codes[status] ?? "UNKNOWN";
    return new XlaError(`Cannot ${doing}: ${oneLine(detail)} (${code})`, code, detail);
  }

  /** True if memory ran out. */
  get outOfMemory(): boolean {
    return this.code === "RESOURCE_EXHAUSTED";
  }
}

/** Returns the start of PJRT's message on one line; a trace may follow it. */
function oneLine(detail: string): string {
  const text = detail.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
