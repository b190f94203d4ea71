/**
 * Several tasks over one model (paper section 3.3): all layers are shared, and each task has a classifier of its own,
 * `classifier.TASK.weight` [C, H] and `classifier.TASK.bias` [C]. A batch's shape says which task it is of; it trains
 * the layers and that task's classifier, and leaves the other classifiers as they are.
 */
import { type BertConfig, withLabels } from "../bert/config.ts";
import { freshTensor } from "../bert/parameters.ts";
import { Random } from "../random.ts";
import type { StartModel } from "../bert/start_model.ts";
import type { HostTensors } from "../tensors.ts";
import type { EpochBatches } from "../training/loop.ts";
import type { Trainable } from "../training/step.ts";
import type { StepBatch } from "../training/trainer.ts";

const parts = ["weight", "bias"] as const;

/** The task of a batch, beside the sizes that the classifier knows. */
interface TaskShape {
  readonly task: string;
}

/** A loss of BertForSequenceClassification's parameters as one of several tasks'. */
export function taskClassifiers(classifier: Trainable): Trainable {
  return {
    feeds: (shape) => classifier.feeds(shape),
    trains: (parameter, shape) => {
      const { task } = shape as TaskShape;
      return !parameter.startsWith("classifier.") || parts.some((part) => parameter === nameOf(task, part));
    },
    loss: (inputs, key, shape) => {
      const { task } = shape as TaskShape;
      const own = parts.map((part) => [`classifier.${part}`, inputs[nameOf(task, part)]!]);
      return classifier.loss({ ...inputs, ...Object.fromEntries(own) }, key, shape);
    },
  };
}

function nameOf(task: string, part: typeof parts[number]): string {
  return `classifier.${task}.${part}`;
}

/** A new classifier of a task, drawn as BERT's own is. */
export function newClassifier(
  task: string,
  classes: number,
  config: BertConfig,
  seed: number,
): HostTensors {
  const fresh = { seed, range: config.initializer_range };
  return {
    [nameOf(task, "weight")]: freshTensor(nameOf(task, "weight"), [classes, config.hidden_size], fresh),
    [nameOf(task, "bias")]: freshTensor(nameOf(task, "bias"), [classes], fresh),
  };
}

/** A batch as one of a task. */
export function taskBatch(batch: StepBatch, task: string): StepBatch {
  return { ...batch, shape: { ...batch.shape as object, task } };
}

/** The batches of all tasks, each once, in an order that is drawn from a key: a task comes as often as it has batches. */
export function mixedBatches(
  tasks: readonly { readonly name: string; readonly batches: EpochBatches }[],
  key: number,
): EpochBatches {
  const inTurn = tasks.flatMap(({ name, batches }) =>
    Array.from({ length: batches.length }, (_, place) => () => taskBatch(batches.at(place), name))
  );
  const order = new Random(key).shuffle(inTurn);
  return { length: order.length, at: (place) => order[place]!() };
}

/** The shared model with a task's classifier on top, as a model of that task alone. */
export function taskModel(
  shared: StartModel,
  classifiers: HostTensors,
  task: string,
  labels: readonly string[],
): StartModel {
  const own = parts.map((part) => [`classifier.${part}`, classifiers[nameOf(task, part)]!]);
  return {
    ...shared,
    config: withLabels(shared.config, labels),
    parameters: { ...shared.parameters, ...Object.fromEntries(own) },
  };
}
