/** Texts from the fields of the paper's data sets. */

/**
 * Undoes the escapes in a field of the files of Zhang, Zhao and LeCun (2015): `\n` for a line break and `\"` for a
 * quotation mark, on the hub too. The paper's code left both as they are.
 */
export function unescaped(field: string): string {
  return field.replaceAll("\\n", "\n").replace(/\\"+/g, '"').trim();
}

/** Puts a space for each run of HTML line breaks; the public IMDb has them, the authors' files had none. */
export function withoutBreaks(text: string): string {
  return text.replace(/(?:\s*<br\s*\/?>\s*)+/gi, " ").trim();
}

/** Puts each field in one line and joins those that are not empty by a separator. */
export function joined(fields: readonly string[], separator: string): string {
  return fields.map(inOneLine).filter((field) => field !== "").join(separator);
}

/**
 * Returns a question of Yahoo! Answers, title and content in one line. The paper's code reads an empty content as the
 * word "nan"; here it is left out.
 */
export function yahooQuestion([title = "", content = ""]: readonly string[]): string {
  return joined([title, content].map(unescaped), " ");
}

/** Returns the best answer to a question of Yahoo! Answers. */
export function yahooAnswer([, , answer = ""]: readonly string[]): string {
  return unescaped(answer);
}

function inOneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
