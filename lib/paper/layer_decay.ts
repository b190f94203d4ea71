/**
 * Layer-wise decreasing learning rate (paper section 5.3.4, Table 4): eta_{l-1} = xi * eta_l, times the schedule
 * (schedules.ts) at each step.
 *
 * The top layer has the base rate; each layer below it has xi times the rate of the one above. The paper does not say
 * what the rest gets: here the classifier, the pooler and any other head train at the base rate, and the embeddings
 * as if they were one layer below layer 0.
 */
import { layerOf } from "../bert/parameters.ts";
import { schedule } from "./schedules.ts";
import type { FineTuneSettings } from "./settings.ts";
import { requireArguments } from "../storage/arguments.ts";
import { number, object, text, whole } from "../storage/json.ts";

/** Settings that the rate of a parameter depends on. */
export interface LayerDecayOptions {
  /** L, the number of encoder layers. */
  readonly layers: number;
  /** xi, the decay from a layer to the one below; 1 gives every parameter the base rate. */
  readonly decay: number;
  /** The base rate, that of the top layer. */
  readonly learningRate: number;
}

/**
 * The learning rate of a parameter, from its Hugging Face name: base * xi^(L-1-l) in `bert.encoder.layer.l.…`, base *
 * xi^L in `bert.embeddings.…`, base in anything else.
 *
 * @throws RangeError if the parameter's layer is not one of the L.
 */
export function layerLearningRate(name: string, options: LayerDecayOptions): number {
  requireArguments("layerLearningRate", {
    name: [name, text],
    options: [options, object({ layers: whole(1), decay: number(0), learningRate: number(0) })],
  });
  const { layers, decay, learningRate } = options;
  const layer = layerOf(name);
  if (layer !== undefined) {
    if (layer >= layers) {
      throw new RangeError(`Parameter ${name} is in layer ${layer}, but there are ${layers} layers`);
    }
    return learningRate * decay ** (layers - 1 - layer);
  }
  return name.startsWith("bert.embeddings.") ? learningRate * decay ** layers : learningRate;
}

/** The rate of a parameter at an update (the first is 0): its layer's rate times the schedule. */
export function learningRates(
  settings: Pick<FineTuneSettings, "learningRate" | "layerDecay" | "schedule" | "warmupProportion">,
  layers: number,
  totalSteps: number,
): (parameter: string, update: number) => number {
  const { learningRate, layerDecay: decay, warmupProportion } = settings;
  const multiplier = schedule(settings.schedule, {
    totalSteps,
    warmupSteps: Math.round(totalSteps * warmupProportion),
    baseRate: learningRate,
  });
  return (parameter, update) =>
    layerLearningRate(parameter, { layers, decay, learningRate }) * multiplier(update);
}
