/** Numbers and texts as they stand in sentences. */

/** A share in percent: "12.5 %". */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** A number of things: "1 run", "3 runs". */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** Returns a text whose first letter is large. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Returns a text in one line, cut to at most so many characters. */
export function shortened(text: string, most: number): string {
  const line = [...text.slice(0, 4 * most).replace(/[\s\p{C}]+/gu, " ").trim()];
  return line.length > most ? `${line.slice(0, most - 1).join("")}…` : line.join("");
}
