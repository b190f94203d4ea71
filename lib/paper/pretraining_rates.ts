/** The learning rate of pre-training, step by step (paper section 5.2; BERT's optimization.py). */

/** How long the rate of pre-training rises and falls, and between which values. */
export interface PreTrainingRateSettings {
  /** Updates of the whole model. */
  readonly steps: number;
  /** Updates of the heads alone before those. */
  readonly headSteps: number;
  /** The constant rate of those. */
  readonly headLearningRate: number;
  /** The highest rate of the whole model. */
  readonly learningRate: number;
  /** Steps over which the rate rises from 0. */
  readonly warmupSteps: number;
  /** Steps at the end over which it falls to 0, at most all after the warm-up. */
  readonly decaySteps: number;
  /** Whether it jumps after the warm-up to a straight line from step 0 on, as in BERT's own code (optimization.py). */
  readonly jumps: boolean;
}

/** Rates by parameter and update: first of the heads alone, then of all, up, level and down in straight lines. */
export function preTrainingRates(
  { steps, headSteps, headLearningRate, learningRate, warmupSteps, decaySteps, jumps }:
    PreTrainingRateSettings,
): (parameter: string, update: number) => number {
  const decay = jumps ? steps : Math.max(1, Math.min(decaySteps, steps - warmupSteps));
  return (_, update) => {
    const step = update - headSteps;
    if (step < 0) return headLearningRate;
    const warm = warmupSteps > 0 ? step / warmupSteps : 1;
    const left = (steps - step) / decay;
    return learningRate * (jumps && step < warmupSteps ? warm : Math.min(1, warm, left));
  };
}
