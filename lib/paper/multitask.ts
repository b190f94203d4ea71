/**
 * Multi-task fine-tuning (paper sections 3.3 and 5.5, Table 7): tasks share all layers of one model, and each has a
 * classifier of its own. A step is on a batch of one task, and a task has as many steps as it has batches. Then each
 * task is fine-tuned further by itself, at a lower rate: `fineTune` from {@linkcode MultiTaskTuned.modelOf}.
 */
import { requirePositions, requireSegments } from "../bert/config.ts";
import { evaluateExamples } from "./reading.ts";
import { trainingBatches } from "../training/batches.ts";
import type { Dataset } from "../data/examples.ts";
import { InputError } from "../errors.ts";
import { classifierPlan, type FineTuneContext } from "./fine_tune.ts";
import type { FineTuneSettings } from "./settings.ts";
import {
  encodeDataset,
  learningRates,
  passSize,
  settingsIdentity,
  stepBatches,
} from "./fine_tuning_steps.ts";
import { fold } from "../random.ts";
import type { Metrics } from "../results/metrics.ts";
import { configurationHash } from "../results/records.ts";
import type { StartModel } from "../bert/start_model.ts";
import { mixedBatches, newClassifier, taskBatch, taskClassifiers, taskModel } from "./task_classifiers.ts";
import type { HostTensors } from "../tensors.ts";
import { type EpochResult, train } from "../training/loop.ts";
import { optimizer } from "../training/optimizers.ts";
import { type StepBatch, Trainer } from "../training/trainer.ts";

/** One of the tasks. */
export interface Task {
  /** What its classifier is called. */
  readonly name: string;
  /** Its texts and classes. */
  readonly data: Dataset;
}

/** What the tasks are trained with: as for one task, on the last layer's states. */
export type MultiTaskTuneSettings = Omit<
  FineTuneSettings,
  "method" | "features" | "evaluationsPerEpoch" | "classWeights"
>;

/** What {@linkcode multiTaskTune} works with besides. */
export interface MultiTaskContext extends Omit<FineTuneContext, "onEpoch"> {
  /** Told after each epoch. */
  onEpoch?(epoch: MultiTaskEpoch): void;
}

/** What one epoch came to. */
export interface MultiTaskEpoch {
  /** 1 is the first. */
  readonly epoch: number;
  /** Mean loss of the epoch's steps, over all tasks. */
  readonly trainLoss: number;
  /** Measures of each task on the split that the epoch is chosen by. */
  readonly tasks: Readonly<Record<string, Metrics>>;
  /** Seconds of the epoch's steps, without evaluation. */
  readonly seconds: number;
}

/** A model of several tasks. */
export interface MultiTaskTuned {
  /** The layers after the best epoch, without a classifier. */
  readonly shared: StartModel;
  /** `classifier.TASK.weight` [C, H] and `classifier.TASK.bias` [C] of each task after that epoch. */
  readonly classifiers: HostTensors;
  /** What each epoch came to. */
  readonly epochs: readonly MultiTaskEpoch[];
  /** From 1: the one of the lowest mean error over the tasks. */
  readonly bestEpoch: number;
  /** Optimizer updates. */
  readonly steps: number;
  /** Seconds of training steps, of all sittings. */
  readonly trainSeconds: number;
  /** What a reader of the numbers should know. */
  readonly notes: readonly string[];
  /** The model with a task's classifier, to be fine-tuned further. @throws RangeError if there is no such task. */
  modelOf(task: string): StartModel;
}

/**
 * Trains a model on several tasks at once, measures all of them after each epoch and keeps the best one: of the lowest
 * mean error over the tasks' development splits (test splits with the protocol of the paper's code), and of the lowest
 * mean loss where errors are equal. The parameters of a pooling of fractions are shared as well, and not kept.
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
  checkTasks(tasks);
  const { tokenizer } = model;
  const { maxLength, batchSize, seed, epochs } = settings;
  const { trainable, additional, config: { id2label: _, label2id: __, ...config } } = classifierPlan(
    model.config,
    settings,
  );
  requirePositions(config, maxLength);
  const rows = passSize(settings);
  const encoded = tasks.map(({ name, data }) => ({
    name,
    classes: data.labels.length,
    ...encodeDataset(data, tokenizer, settings),
  }));
  if (encoded.some(({ pairs }) => pairs)) requireSegments(config);
  const layers = startingWith("bert.", model.parameters);
  const classifiers = encoded.map(({ name, classes }) => newClassifier(name, classes, config, seed));

  const trainer = new Trainer(
    context.engine,
    taskClassifiers(trainable),
    Object.assign({ ...layers, ...additional(seed) }, ...classifiers),
    optimizer(settings.optimizer),
    seed,
  );
  try {
    const batching = { batchSize, maxLength, tokenizerIds: tokenizer.ids, padToMax: settings.padToMax };
    const epochBatches = (epoch: number) => {
      const ofTasks = encoded.map(({ name, split }, task) => {
        const batches = trainingBatches(split.train, { ...batching, key: fold(seed, 1, epoch, task) });
        return { name, batches: stepBatches(batches, rows) };
      });
      return mixedBatches(ofTasks, fold(seed, 2, epoch));
    };
    const evaluate = async () => {
      const measures: Record<string, Metrics> = {};
      for (const { name, classes, split, chosenBy } of encoded) {
        const evaluateBatch = (batch: StepBatch) => trainer.evaluate(taskBatch(batch, name));
        const { metrics } = await evaluateExamples(evaluateBatch, split[chosenBy], { ...batching, classes });
        measures[name] = metrics;
      }
      return measures;
    };
    const record = ({ evaluation, ...epoch }: EpochResult<Record<string, Metrics>>): MultiTaskEpoch => ({
      ...epoch,
      tasks: evaluation,
    });
    const result = await train(trainer, {
      epochs,
      batches: epochBatches,
      rate: learningRates(settings, config.num_hidden_layers, epochBatches(0).length * epochs),
      evaluate,
      better: (a, b) =>
        mean(a, "errorRate") < mean(b, "errorRate") ||
        (mean(a, "errorRate") === mean(b, "errorRate") && mean(a, "loss") < mean(b, "loss")),
      checkpoint: context.checkpoint && {
        ...context.checkpoint,
        identity: await configurationHash({
          ...settingsIdentity(settings),
          model: model.description,
          content: model.content,
          tasks: tasks.map(({ name, data }) => [name, data.fingerprint]),
        }),
      },
      onStep: context.onStep,
      onEpoch: (epoch) => context.onEpoch?.(record(epoch)),
    });
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
      notes: [
        ...model.notes,
        ...encoded.flatMap(({ name, notes }) => notes.map((note) => `${name}: ${note}`)),
      ],
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

function checkTasks(tasks: readonly Task[]): void {
  if (tasks.length === 0) throw new RangeError("Expected at least one task, found none");
  const repeated = tasks.find(({ name }, place) => tasks.findIndex((task) => task.name === name) !== place);
  if (repeated) {
    throw new InputError(
      `Cannot train on several tasks as two are called the same: found "${repeated.name}" twice`,
    );
  }
  const [first] = tasks;
  const other = tasks.find(({ data }) => data.language !== first!.data.language);
  if (other) {
    throw new InputError(
      `Cannot train one model on ${
        first!.name
      } and ${other.name} as their texts are in different languages: found ` +
        `"${first!.data.language}" and "${other.data.language}"`,
    );
  }
}

/** The tensors whose names begin so. */
function startingWith(prefix: string, tensors: HostTensors): HostTensors {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(prefix)));
}

/** The mean of a measure over the tasks. */
function mean(tasks: Readonly<Record<string, Metrics>>, measure: "errorRate" | "loss"): number {
  const values = Object.values(tasks).map((metrics) => metrics[measure]);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
