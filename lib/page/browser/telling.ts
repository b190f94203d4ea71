/** Sentences on how far something is, at the pace of a screen reader. */

/** Milliseconds between two sentences. */
const pause = 2000;

/**
 * Returns a function that says a sentence if the one before is old enough, or if it is the last: a screen reader could not
 * follow all of them.
 */
export function patiently(say: (sentence: string) => void): (sentence: string, isLast: boolean) => void {
  let told = performance.now();
  return (sentence, isLast) => {
    const now = performance.now();
    if (!isLast && now - told < pause) return;
    told = now;
    say(sentence);
  };
}
