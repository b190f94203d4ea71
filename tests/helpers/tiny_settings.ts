/** Settings of fine-tuning that suit {@linkcode tinyModel}. */
import { textStrategy } from "../../lib/paper/long_text.ts";
import type { FineTuneSettings } from "../../lib/paper/settings.ts";

/** One epoch at a constant rate, but for these changes. */
export const tinySettings = (changes: Partial<FineTuneSettings> = {}): FineTuneSettings => ({
  text: textStrategy("head+tail"),
  maxLength: 16,
  epochs: 1,
  batchSize: 8,
  learningRate: 0.01,
  layerDecay: 1,
  schedule: "constant",
  warmupProportion: 0,
  optimizer: "adamw",
  protocol: "clean",
  seed: 1,
  ...changes,
});
