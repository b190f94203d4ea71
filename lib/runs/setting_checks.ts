/** What the fields of a configuration may hold, for values that come from a command line. */
import { scheduleNames } from "../paper/schedules.ts";

/** What a field may hold. */
export interface Check {
  /** Whether it may hold a value. */
  readonly fits: (value: unknown) => boolean;
  /** What is expected, in words. */
  readonly expected: string;
}

const whole = (least: number): Check => ({
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= least,
  expected: `a whole number of at least ${least}`,
});

const wholeOrNull = (least: number): Check => ({
  fits: (value) => value === null || whole(least).fits(value),
  expected: `${whole(least).expected}, or null`,
});

const oneOf = (words: readonly string[]): Check => ({
  fits: (value) => words.includes(value as string),
  expected: `one of ${words.join(", ")}`,
});

const share: Check = {
  fits: (value) => typeof value === "number" && value >= 0 && value <= 1,
  expected: "a number from 0 to 1",
};

const positive: Check = {
  fits: (value) => typeof value === "number" && value > 0 && Number.isFinite(value),
  expected: "a number above 0",
};

/** By a field's dotted name or the last part of it. */
const checks: Readonly<Record<string, Check>> = {
  train: wholeOrNull(1),
  dev: wholeOrNull(0),
  test: wholeOrNull(0),
  layers: wholeOrNull(1),
  "architecture.layers": whole(1),
  tokens: oneOf(["characters", "wordpieces", "learnt-wordpieces"]),
  vocabulary: whole(6),
  hidden: whole(1),
  heads: whole(1),
  intermediate: whole(1),
  initializerRange: positive,
  steps: whole(1),
  headSteps: whole(0),
  point: share,
  points: {
    fits: (value) => Array.isArray(value) && value.length > 0 && value.every(share.fits),
    expected: "a list of numbers from 0 to 1, such as [1]",
  },
  method: oneOf(["fine-tuning", "feature-extraction"]),
  maxFractions: whole(1),
  maxLength: whole(4),
  epochs: whole(1),
  evaluationsPerEpoch: whole(1),
  forgetting: wholeOrNull(0),
  batchSize: whole(1),
  microBatchSize: wholeOrNull(1),
  learningRate: positive,
  layerDecay: positive,
  schedule: oneOf(scheduleNames),
  warmupProportion: share,
  optimizer: oneOf(["adamw", "bertadam"]),
  protocol: oneOf(["clean", "paper"]),
  precision: oneOf(["f32", "bf16"]),
  attentionDropout: {
    fits: (value) => value === null || (share.fits(value) && value !== 1),
    expected: "a number from 0 to below 1, or null",
  },
  seed: whole(0),
};

/** What a field of a configuration may hold, by its dotted name; undefined for those that may hold anything of a type. */
export function checkOf(field: string): Check | undefined {
  return checks[field] ?? checks[field.split(".").at(-1)!];
}
