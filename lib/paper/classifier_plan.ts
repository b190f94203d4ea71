/**
 * A classifier on top of BERT, as settings put it together: the lowest layers that are needed, the feature that comes
 * of their [CLS] states (layers.ts, section 5.3.2) and of a text's fractions (long_text.ts, 5.3.1), or of a biLSTM over
 * all states of a frozen BERT (bert_feat.ts, 5.4.3).
 */
import { sequenceClassifier } from "../bert/classifier.ts";
import type { BertConfig } from "../bert/config.ts";
import { freshTensor, keepLayers } from "../bert/parameters.ts";
import { InputError } from "../errors.ts";
import type { HostTensors } from "../tensors.ts";
import type { Trainable } from "../training/step.ts";
import { bertFeatures } from "./bert_feat.ts";
import { classifierFeatures, featureWidth, layerFeatures } from "./layers.ts";
import { poolingParameters, textStrategy } from "./long_text.ts";
import type { FineTuneSettings } from "./settings.ts";

/** A classifier without its numbers: the layers of the model that it uses, and how its loss comes from them. */
export interface ClassifierPlan {
  /** Configuration of the layers that are used. */
  readonly config: BertConfig;
  /** F, the width of the feature that is classified. */
  readonly width: number;
  /** True if the feature goes through the pooler. */
  readonly pooler: boolean;
  /** The loss. */
  readonly trainable: Trainable;
  /** The parameters besides those of BERT and the classifier, from a seed. */
  readonly additional: (seed: number) => HostTensors;
}

/**
 * @throws InputError if there are no features or no text strategy of that name, the model has too few layers, or there is
 * no such method or it does not read such texts or features.
 */
export function classifierPlan(
  model: BertConfig,
  { method = "fine-tuning", text, features: name = "last", attentionDropout }: Pick<
    FineTuneSettings,
    "method" | "text" | "features" | "attentionDropout"
  >,
): ClassifierPlan {
  const features = layerFeatures(name, model.num_hidden_layers);
  const config = {
    ...keepLayers({}, model, features.layers.at(-1)! + 1).config,
    ...typeof attentionDropout === "number" ? { attention_probs_dropout_prob: attentionDropout } : {},
  };
  const strategy = textStrategy(text);
  const { pooling } = strategy;
  if (method === "feature-extraction") {
    return { config, pooler: false, ...bertFeatures(config, strategy, features) };
  }
  if (method !== "fine-tuning") {
    throw new InputError(
      `Cannot train by the method "${method}": expected fine-tuning or feature-extraction`,
    );
  }
  const classified = classifierFeatures(features, pooling);
  const width = featureWidth(features, config.hidden_size);
  return {
    config,
    width,
    pooler: classified.pooler,
    trainable: sequenceClassifier(config, classified),
    additional: (seed) => pooling ? poolingParameters(pooling, width, seed) : {},
  };
}

/** The parameters that a classifier starts from: those of the model that it uses, and what it needs besides. */
export function classifierParameters(
  { config, width, pooler, additional }: ClassifierPlan,
  model: { readonly config: BertConfig; readonly parameters: HostTensors },
  classes: number,
  seed: number,
): HostTensors {
  const { parameters } = keepLayers(model.parameters, model.config, config.num_hidden_layers);
  const kept = Object.entries(parameters).filter(([name]) => pooler || !name.startsWith("bert.pooler."));
  const range = config.initializer_range;
  return {
    ...Object.fromEntries(kept),
    ...width === config.hidden_size
      ? {}
      : { "classifier.weight": freshTensor("classifier.weight", [classes, width], { seed, range }) },
    ...additional(seed),
  };
}

/**
 * Returns parameters whose new classifier of several labels a text starts at the labels' shares π of the training texts:
 * its bias is log(π / (1 − π)), as Lin et al. (2017, "Focal Loss", section 3.3) start theirs. From a bias of 0 the first
 * hundreds of steps only teach that most labels are absent.
 *
 * @param examples the training texts
 */
export function atBaseRates(
  parameters: HostTensors,
  examples: readonly { readonly classes?: readonly number[] }[],
): HostTensors {
  const bias = parameters["classifier.bias"];
  if (!bias || bias.data.some((value) => value !== 0)) return parameters;
  const counts = new Float32Array(bias.data.length);
  for (const { classes = [] } of examples) for (const c of classes) counts[c]!++;
  const data = counts.map((count) => Math.log((count + .5) / (examples.length - count + .5)));
  return { ...parameters, "classifier.bias": { shape: bias.shape, data } };
}
