/**
 * Multi-task fine-tuning (paper sections 3.3 and 5.5, Table 7): tasks share all layers of one model, and each task t has a
 * classifier of its own, p(c | h, t) = softmax(W_t h) for the state h of [CLS]. A step is on a batch of one task: it
 * trains the layers and that task's classifier, and leaves the others as they are. The tasks' batches are mixed, so that a
 * task has as many steps as it has batches. Then each task is fine-tuned further by itself, at a lower rate: `fineTune`
 * from {@linkcode MultiTaskTuned.modelOf}.
 */
import { type BertConfig, requirePositions, requireSegments, withLabels } from "../bert/config.ts";
import { freshTensor } from "../bert/parameters.ts";
import type { StartModel } from "../bert/start_model.ts";
import type { Dataset } from "../data/examples.ts";
import { fold, Random } from "../random.ts";
import type { Metrics } from "../results/metrics.ts";
import { configurationHash, type EpochRecord } from "../results/records.ts";
import { mean } from "../results/statistics.ts";
import type { HostTensors } from "../tensors.ts";
import { trainingBatches } from "../training/batches.ts";
import { evaluateExamples, isBetter } from "../training/class_probabilities.ts";
import { type EpochResult, train } from "../training/loop.ts";
import { optimizer } from "../training/optimizers.ts";
import type { EpochBatches, StepBatch, Trainable } from "../training/step.ts";
import { Trainer } from "../training/trainer.ts";
import { classifierPlan } from "./classifier_plan.ts";
import { batchOptions, type FineTuneContext, type FineTuned } from "./fine_tune.ts";
import { learningRates } from "./layer_decay.ts";
import { encodeDataset, usedWords } from "./reading.ts";
import { type FineTuneSettings, fineTuningShape, settingsIdentity } from "./settings.ts";
import { requireTasks } from "./tasks.ts";
import { aContext, aDataset, aModel, requireArguments } from "../storage/arguments.ts";
import { list, object, text } from "../storage/json.ts";

const parts = ["weight", "bias"] as const;

/** `classifier.TASK.weight` [C, H] and `classifier.TASK.bias` [C], by which W_t is called. */
const nameOf = (task: string, part: typeof parts[number]) => `classifier.${task}.${part}`;

/** The task of a batch, which stands in its shape. */
const taskOf = (shape: unknown) => (shape as { readonly task: string }).task;

/** A batch as one of a task. */
function taskBatch(batch: StepBatch, task: string): StepBatch {
  return { ...batch, shape: { ...batch.shape as object, task } };
}

/** A task's classifier by BERT's own names. */
function classifierOf<Tensor>(task: string, all: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(parts.map((part) => [`classifier.${part}`, all[nameOf(task, part)]!]));
}

/** The loss of one classifier as that of several tasks: a batch's task says which classifier reads it and is trained. */
export function taskClassifiers(classifier: Trainable): Trainable {
  return {
    feeds: (shape) => classifier.feeds(shape),
    trains: (parameter, shape) =>
      !parameter.startsWith("classifier.") || parts.some((part) => parameter === nameOf(taskOf(shape), part)),
    loss: (inputs, key, shape) =>
      classifier.loss({ ...inputs, ...classifierOf(taskOf(shape), inputs) }, key, shape),
  };
}

/** The batches of all tasks, each once, in an order that is drawn from a key. */
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

/** A new classifier of a task, drawn as BERT's own is. */
function newClassifier(task: string, classes: number, config: BertConfig, seed: number): HostTensors {
  const shapes = { weight: [classes, config.hidden_size], bias: [classes] };
  return Object.fromEntries(parts.map((part) => {
    const name = nameOf(task, part);
    return [name, freshTensor(name, shapes[part], { seed, range: config.initializer_range })];
  }));
}

/** The shared model with a task's classifier on top, as a model of that task alone. */
export function taskModel(
  shared: StartModel,
  classifiers: HostTensors,
  task: string,
  labels: readonly string[],
): StartModel {
  const parameters = { ...shared.parameters, ...classifierOf(task, classifiers) };
  return { ...shared, config: withLabels(shared.config, labels), parameters };
}

/** One of the tasks. */
export interface Task {
  /** The name of its classifier. */
  readonly name: string;
  /** Its texts and classes. */
  readonly data: Dataset;
}

/** The settings of the training: as for one task, on the last layer's states. */
export type MultiTaskTuneSettings = Omit<
  FineTuneSettings,
  "method" | "features" | "evaluationsPerEpoch" | "classWeights"
>;

/** The engine of {@linkcode multiTaskTune}, its checkpoints, and who is told how it goes on. */
export interface MultiTaskContext extends Omit<FineTuneContext, "onEpoch"> {
  /** Told after each epoch. */
  onEpoch?(epoch: MultiTaskEpoch): void;
}

/** The result of an epoch. */
export interface MultiTaskEpoch extends Pick<EpochRecord, "epoch" | "trainLoss" | "seconds"> {
  /** Measures of each task on the split that the epoch is chosen by. */
  readonly tasks: Readonly<Record<string, Metrics>>;
}

/** A model of several tasks. */
export interface MultiTaskTuned extends Pick<FineTuned, "steps" | "trainSeconds" | "notes"> {
  /** The layers after the best epoch, without a classifier. */
  readonly shared: StartModel;
  /** `classifier.TASK.weight` [C, H] and `classifier.TASK.bias` [C] of each task after that epoch. */
  readonly classifiers: HostTensors;
  /** The results of all epochs. */
  readonly epochs: readonly MultiTaskEpoch[];
  /** Number, from 1, of the epoch with the lowest mean error over the tasks. */
  readonly bestEpoch: number;
  /** The model with a task's classifier, to be fine-tuned further. @throws RangeError if there is no such task. */
  modelOf(task: string): StartModel;
}

/**
 * Trains a model on several tasks at once, measures all of them after each epoch and keeps the best one: of the lowest
 * mean error, then loss, over the tasks. The parameters of a pooling of fractions are shared as well, and not kept.
 *
 * @throws InputError if two tasks are called the same or differ in their language, the maximum length is more than the
 * model's positions, there is nothing to choose the epoch by, or the loss stops being finite.
 */
export async function multiTaskTune(
  model: StartModel,
  tasks: readonly Task[],
  settings: MultiTaskTuneSettings,
  context: MultiTaskContext,
): Promise<MultiTaskTuned> {
  requireArguments("multiTaskTune", {
    model: [model, aModel],
    tasks: [tasks, list(object({ name: text, data: aDataset }))],
    settings: [settings, fineTuningShape],
    context: [context, aContext],
  });
  const { engine, checkpoint, onStep, onEpoch } = context;
  requireTasks(tasks);
  const { tokenizer } = model;
  const { maxLength, seed, epochs } = settings;
  const { trainable, additional, config: labelled } = classifierPlan(model.config, settings);
  const { id2label: _, label2id: __, ...config } = labelled;
  requirePositions(config, maxLength);
  const encoded = tasks.map(({ name, data }) => {
    const batching = batchOptions(settings, tokenizer, engine, data);
    return { name, classes: data.labels.length, batching, ...encodeDataset(data, tokenizer, settings) };
  });
  if (encoded.some(({ pairs }) => pairs)) requireSegments(config);
  const start: HostTensors = Object.assign(
    startingWith("bert.", model.parameters),
    additional(seed),
    ...encoded.map(({ name, classes }) => newClassifier(name, classes, config, seed)),
  );
  const [update, words] = [optimizer(settings.optimizer), usedWords(model, encoded)];
  const trainer = new Trainer(engine, taskClassifiers(trainable), start, update, seed, words);
  try {
    const ofTasks = encoded.map(({ name, batching, split }, task) => {
      const keys = Array.from({ length: epochs }, (_, epoch) => fold(seed, 1, epoch, task));
      return { name, epochs: trainingBatches(split.train, batching, keys) };
    });
    const epochBatches = (epoch: number) => {
      const batches = ofTasks.map(({ name, epochs }) => ({ name, batches: epochs[epoch]! }));
      return mixedBatches(batches, fold(seed, 2, epoch));
    };
    const evaluate = async () => {
      const measures: Record<string, Metrics> = {};
      for (const { name, classes, batching, split, chosenBy } of encoded) {
        const own = (batch: StepBatch) => trainer.evaluate(taskBatch(batch, name));
        measures[name] = (await evaluateExamples(own, split[chosenBy], { ...batching, classes })).metrics;
      }
      return measures;
    };
    const record = ({ evaluation: tasks, ...of }: EpochResult<MultiTaskEpoch["tasks"]>) => ({ ...of, tasks });
    const result = await train(trainer, {
      epochs,
      batches: epochBatches,
      rate: learningRates(settings, config.num_hidden_layers, epochBatches(0).length * epochs),
      evaluate,
      better: (a, b) => isBetter(meanOf(a), meanOf(b)),
      checkpoint: checkpoint && {
        ...checkpoint,
        identity: await configurationHash({
          ...settingsIdentity(settings),
          model: model.description,
          content: model.content,
          tasks: tasks.map(({ name, data }) => [name, data.fingerprint]),
        }),
      },
      onStep,
      onEpoch: (epoch) => onEpoch?.(record(epoch)),
    });
    const notes = encoded.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`));
    const trained = startingWith("classifier.", result.parameters);
    const shared: StartModel = {
      ...model,
      config,
      parameters: startingWith("bert.", result.parameters),
      fresh: false,
      description: `${model.description}, fine-tuned on ${tasks.map(({ name }) => name).join(", ")}`,
    };
    return {
      shared,
      classifiers: trained,
      epochs: result.epochs.map(record),
      bestEpoch: result.bestEpoch,
      steps: result.steps,
      trainSeconds: result.seconds,
      notes: [...model.notes, ...notes],
      modelOf: (task) => {
        const found = tasks.find(({ name }) => name === task);
        if (!found) throw new RangeError(`Expected a task that was trained, found ${task}`);
        return taskModel(shared, trained, task, found.data.labels);
      },
    };
  } finally {
    await trainer.dispose();
  }
}

/** The tensors whose names begin so. */
function startingWith(prefix: string, tensors: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(prefix)));
}

/** The means of the tasks' measures. */
function meanOf(tasks: MultiTaskEpoch["tasks"]): Pick<Metrics, "errorRate" | "loss"> {
  const of = Object.values(tasks);
  return { errorRate: mean(of.map(({ errorRate }) => errorRate)), loss: mean(of.map(({ loss }) => loss)) };
}
