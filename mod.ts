/**
 * bertlab fine-tunes BERT and reproduces the experiments of "How to Fine-Tune BERT for Text Classification?" (Sun, Qiu,
 * Xu, Huang 2019).
 *
 * @module
 */
export { InputError } from "./lib/errors.ts";
export type { HostTensor, HostTensors } from "./lib/tensors.ts";

// Data and models.
export { dataset, datasetNames, limit } from "./lib/data/dataset.ts";
export { describe } from "./lib/data/describe.ts";
export type { Dataset, Example, Splits } from "./lib/data/examples.ts";
export { datasetFromFiles, type FileOptions } from "./lib/data/files.ts";
export { readDocuments } from "./lib/data/document_files.ts";
export { type Documents, encodeDocuments } from "./lib/data/pretraining_segments.ts";
export { MODEL_NAMES } from "./lib/bert/models.ts";
export { type BertConfig, HIDDEN_ACTS, type HiddenAct } from "./lib/bert/config.ts";
export type { PreTrainingHeads } from "./lib/bert/parameters.ts";
export { type NewModel, type StartModel, startModel, type StartModelOptions } from "./lib/start_model.ts";
export { characterTokenizer, loadTokenizer, type SpecialIds, type Tokenizer } from "./lib/text/tokenizer.ts";

// The paper's methods.
export {
  head,
  headTail,
  hierarchical,
  type Pooling,
  tail,
  type TextStrategy,
  textStrategy,
  textStrategyNames,
} from "./lib/long_text.ts";
export { type LayerDecayOptions, layerLearningRate } from "./lib/lr_decay.ts";
export { schedule, type ScheduleName, scheduleNames, type ScheduleOptions } from "./lib/schedules.ts";
export {
  fineTune,
  type FineTuneContext,
  type FineTuned,
  type FineTuneSettings,
  saveClassifier,
} from "./lib/fine_tune.ts";
export {
  furtherPretrain,
  type FurtherPretrainContext,
  type FurtherPretrained,
  type FurtherPretrainOptions,
  savePretrained,
} from "./lib/further_pretraining.ts";
export type { PreTrainingEvaluation } from "./lib/pretraining_steps.ts";
export {
  type Corpus,
  corpusSets,
  corpusTexts,
  domains,
  domainSets,
  holdOut,
  withinTask,
} from "./lib/corpora.ts";
export {
  type PreTrainedModel,
  preTrainedModel,
  type PreTrainedModelOptions,
} from "./lib/pretrained_model.ts";

// Engines and training.
export type { Capabilities, Engine, Program, State } from "./lib/engine/engine.ts";
export { onnxEngine, type OnnxOptions } from "./lib/engine/onnx.ts";
export { xlaEngine, type XlaOptions } from "./lib/engine/xla/engine.ts";
export { referenceEngine } from "./lib/engine/reference.ts";
export { record } from "./lib/graph/record.ts";
export type {
  Attributes,
  ElementType,
  Graph,
  GraphBody,
  Node,
  Signature,
  StepFunction,
  StepResult,
  Tensors,
  Value,
} from "./lib/graph/graph.ts";
export type { CheckpointOptions } from "./lib/training/checkpoints.ts";
export type { StepReport } from "./lib/training/loop.ts";
export type { OptimizerOptions } from "./lib/training/optimizers.ts";

// Experiments, records and tables.
export * from "./lib/experiment.ts";
export * from "./lib/run_experiment.ts";
export { measure, type Metrics } from "./lib/results/metrics.ts";
export {
  type DataRecord,
  type EpochRecord,
  type MachineRecord,
  type Predictions,
  type PreTrainingMeasures,
  type PreTrainingRecord,
  type ReadRecords,
  readRecords,
  type RunRecord,
  type RunResult,
} from "./lib/results/records.ts";
export { type Curve, type Figure, figureSvg, type Panel } from "./lib/results/figures.ts";
export { markdownTable, type ResultTable, type TableCell } from "./lib/results/tables.ts";
export {
  type BootstrapResult,
  mean,
  pairedBootstrap,
  pairedT,
  type PairedTResult,
  standardDeviation,
} from "./lib/results/statistics.ts";
