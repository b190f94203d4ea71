/** The cost of a training before it is made: its operations (lib/runs/cost.ts) times the pace that was measured. */
import { type BertConfig, configLabels } from "../bert/config.ts";
import type { EncodedDataset } from "../paper/reading.ts";
import { type FineTuneSettings, fineTuneSettings } from "../paper/settings.ts";
import { textStrategy } from "../paper/long_text.ts";
import { type Configuration, paperPreTraining, paperSettings } from "../runs/configuration.ts";
import { runFlops } from "../runs/cost.ts";
import { stretchesOf } from "../training/stretches.ts";
import type { PreTrainingPlan, RecipePreTraining } from "../classifier/recipe.ts";

/** Operations of a training. */
export interface TrainingFlops {
  /** Of its updates. */
  readonly training: number;
  /** Of its measurements on the way. */
  readonly evaluation: number;
}

/** The measured speed of this machine, with what else it does. */
export interface Pace {
  /** Seconds of a training besides its operations. */
  readonly start: number;
  /** Seconds of an operation. */
  readonly operation: number;
}

/** Returns the seconds that operations take. */
export function secondsOf({ training, evaluation }: TrainingFlops, { start, operation }: Pace): number {
  return start + operation * (training + evaluation);
}

/**
 * Returns the operations of a fine-tuning.
 *
 * @param config of the model as it is trained, all of its layers
 * @param encoded the texts as its truncation makes them
 * @param steps updates of a pass
 */
export function fineTuningFlops(
  config: BertConfig,
  settings: FineTuneSettings,
  { split: { train, dev } }: Pick<EncodedDataset, "split">,
  steps: number,
): TrainingFlops {
  const pass = runFlops(config, configurationOf(settings), {
    ...{ train: train.length, dev: dev.length, test: 0 },
    classes: configLabels(config)?.length,
    samples: { [paperSettings.data]: train },
  });
  const stretches = stretchesOf(steps, settings);
  return {
    training: pass.fineTuning * stretches.at(-1)!.to / steps,
    evaluation: pass.evaluation * stretches.length,
  };
}

/** Returns the operations of reading texts once, for as many texts as the development split has. */
export function readingFlops(
  config: BertConfig,
  settings: FineTuneSettings,
  encoded: Pick<EncodedDataset, "split">,
): number {
  return fineTuningFlops(
    config,
    { ...settings, epochs: 1, evaluateEvery: undefined, maxSteps: undefined },
    encoded,
    1,
  )
    .evaluation;
}

/** Returns the operations of an update of pre-training, and of one of its new heads. */
export function preTrainingFlops(
  config: BertConfig,
  settings: FineTuneSettings,
  { nsp }: Pick<PreTrainingPlan, "nsp">,
  { batchSize = 32, maxLength = 128 }: Pick<RecipePreTraining, "batchSize" | "maxLength">,
): { readonly step: number; readonly headStep: number } {
  const of = (steps: number, headSteps: number) => {
    const preTraining = { ...paperPreTraining, corpus: [], batchSize, maxLength, nsp, steps, headSteps };
    const configuration = { ...configurationOf(settings), preTraining };
    return runFlops(config, configuration, { train: 1, dev: 1, test: 1 }).preTraining;
  };
  return { step: of(1, 0), headStep: of(0, 1) };
}

/** The settings as a configuration of one pass. */
function configurationOf(settings: FineTuneSettings): Configuration {
  const { maxFractions } = settings;
  return {
    ...paperSettings,
    ...fineTuneSettings(settings),
    ...{ epochs: 1, evaluationsPerEpoch: 1, preTraining: null, multiTask: null, protocol: "clean" },
    ...{ method: settings.method ?? "fine-tuning", features: settings.features ?? "last" },
    ...{ maxFractions: maxFractions ?? 8, text: textStrategy(settings.text, { maxFractions }).name },
  } as Configuration;
}
