/** The golden values of the tiny BERT, and how far numbers are from them. */
export {
  type GoldenBatch,
  goldenFolder,
  loadGoldenModel,
  loadGoldenTraining,
  relativeError,
} from "../../scripts/engine_check/golden.ts";

/** The largest absolute difference between two lists of numbers; NaN where one has it. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) {
    throw new RangeError(`${found.length} numbers and not ${expected.length}`);
  }
  let largest = 0;
  for (let i = 0; i < found.length; i++) {
    const difference = Math.abs(found[i]! - expected[i]!);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
