import { oneLine, withoutUser } from "./printable.ts";

/**
 * A mistake of the user's, in a file, an option or a folder. The message is one sentence that says what was expected,
 * what was found, where, and what to do. Commands print it without a stack trace and exit with code 1.
 */
export class InputError extends Error {
  /** Name before the message in a trace. */
  override readonly name = "InputError";

  /** Makes an error; control characters that its message quotes are escaped, passwords in addresses taken out. */
  constructor(message: string, options?: ErrorOptions) {
    super(oneLine(withoutUser(message)), options);
  }
}
