/**
 * A mistake in what the user gave: a file, an option, a folder. The message is one sentence that says what was
 * expected, what was found, where, and what to do. Commands print it without a stack trace and exit with code 1.
 */
export class InputError extends Error {
  /** What stands before the message in a trace. */
  override readonly name = "InputError";
}
