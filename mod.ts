/**
 * bertlab fine-tunes BERT and reproduces the experiments of "How to Fine-Tune BERT for Text Classification?" (Sun, Qiu,
 * Xu, Huang 2019). {@linkcode trainClassifier} for one line, {@linkcode fineTune} for your own engine and model,
 * {@linkcode runRecipe} with pre-training and checkpoints.
 *
 * @example From a file of texts and labels to a classifier
 * ```ts
 * import { datasetFromFiles, describe, saveClassifier, trainClassifier } from "./mod.ts";
 *
 * const reviews = await datasetFromFiles({ train: "reviews.csv", test: "more.csv" });
 * console.log(describe(reviews));
 * const classifier = await trainClassifier(reviews, {
 *   model: "minilm",
 *   text: "head+tail",
 *   learningRate: 5e-5,
 *   layerDecay: 0.95,
 * });
 * console.log(classifier.test?.errorRate, await classifier.classify(["Not worth the money."]));
 * await saveClassifier("my-classifier", classifier);
 * ```
 *
 * @module
 */
export { InputError } from "./lib/errors.ts";
export type { HostTensor, HostTensors } from "./lib/tensors.ts";

// Data and models.
export { datasetNames, type DatasetOptions, embeddedNames } from "./lib/data/dataset.ts";
export { dataset, datasetFromFiles, limit } from "./lib/notebook/data.ts";
export { hubFile, hubFiles, type HubOptions, type HubRepository } from "./lib/storage/hub.ts";
export type { EncodedExample } from "./lib/training/text_tensors.ts";
export { type SplitCounts, type Survey, surveyLines, surveyOf } from "./lib/classifier/survey.ts";
export { describe } from "./lib/data/describe.ts";
export type { Dataset, Example, Splits } from "./lib/data/examples.ts";
export type { FileOptions } from "./lib/data/files.ts";
export type { LabelOptions } from "./lib/data/label_lists.ts";
export type { TableOptions } from "./lib/tables/table.ts";
export type { TableFormat } from "./lib/tables/rows.ts";
export type { Quotes } from "./lib/tables/delimited.ts";
export { readDocuments } from "./lib/data/document_files.ts";
export { type Documents, encodeDocuments } from "./lib/paper/segments.ts";
export { MODEL_NAMES } from "./lib/bert/models.ts";
export { type BertConfig, HIDDEN_ACTS, type HiddenAct, type ModernConfig } from "./lib/bert/config.ts";
export type { PreTrainingHeads } from "./lib/bert/parameters.ts";
export {
  type NewModel,
  type RunModel,
  savePretrained,
  type StartModel,
  startModel,
  type StartModelOptions,
} from "./lib/bert/start_model.ts";
export { characterTokenizer, loadTokenizer, type SpecialIds, type Tokenizer } from "./lib/text/tokenizer.ts";

// The paper's methods.
export {
  head,
  headTail,
  hierarchical,
  type Pooling,
  type Stretch,
  tail,
  type TextStrategy,
  textStrategy,
  textStrategyNames,
} from "./lib/paper/long_text.ts";
export { fewShot } from "./lib/paper/few_shot.ts";
export { type LayerDecayOptions, layerLearningRate } from "./lib/paper/layer_decay.ts";
export { schedule, type ScheduleName, scheduleNames, type ScheduleOptions } from "./lib/paper/schedules.ts";
export { fineTune, type FineTuneContext, type FineTuned } from "./lib/paper/fine_tune.ts";
export type { FineTuneSettings } from "./lib/paper/settings.ts";
export type { Classification, ClassifierText } from "./lib/classifier/classification.ts";
export { Classifier, type ClassifierOptions, loadClassifier } from "./lib/classifier/classifier.ts";
export { saveClassifier } from "./lib/classifier/save.ts";
export { exportClassifier, type ExportedClassifier } from "./lib/classifier/export.ts";
export { type ExportedPage, exportPage, type PageOptions } from "./lib/page/export_page.ts";
export type { WeightFormat } from "./lib/graph/onnx/weights.ts";
export {
  explain,
  type Explained,
  type ExplainedPart,
  type ExplainOptions,
  type Explanation,
  type PartKind,
  type TextPart,
} from "./lib/classifier/occlusion.ts";
export {
  furtherPretrain,
  type FurtherPretrainContext,
  type FurtherPretrained,
  type FurtherPretrainOptions,
} from "./lib/paper/further_pretraining.ts";
export { layerDistances } from "./lib/paper/forgetting.ts";
export {
  type ForgettingProbe,
  forgettingProbe,
  type ForgettingProbeOptions,
  type ProbedModel,
} from "./lib/runs/forgetting_probe.ts";
export {
  type MultiTaskContext,
  type MultiTaskEpoch,
  multiTaskTune,
  type MultiTaskTuned,
  type MultiTaskTuneSettings,
  type Task,
} from "./lib/paper/multitask.ts";
export {
  paperPasses,
  type PreTrainingOutcome,
  type PreTrainingPlan,
  type Recipe,
  type RecipeContext,
  type RecipePreTraining,
  type RecipeRun,
  runRecipe,
} from "./lib/classifier/recipe.ts";
export {
  crossValidate,
  type CrossValidation,
  type Fold,
  type FoldsContext,
  foldsOf,
  type Spread,
} from "./lib/classifier/folds.ts";
export type { RunOutcome } from "./lib/classifier/run_outcome.ts";
export { prepareLog, TrainingLog } from "./lib/classifier/training_log.ts";
export { tested } from "./lib/classifier/tested.ts";
export type { Choice, ChoiceName, Level, Space } from "./lib/search/choices.ts";
export {
  type SearchContext,
  type SearchOptions,
  type SearchProgress,
  searchRecipe,
  type SearchResult,
} from "./lib/search/search.ts";
export { type SearchEffects, searchEffects } from "./lib/search/search_text.ts";
export type { Effect } from "./lib/search/effects.ts";
export type { Pace } from "./lib/search/cost.ts";
export type { Rung, SearchPreTraining, SearchState, Trial } from "./lib/search/state.ts";
export { encodeDataset, type EncodedDataset, type ReadExample } from "./lib/paper/reading.ts";
export type { PreTrainingEvaluation } from "./lib/paper/pretraining_steps.ts";
export {
  type Corpus,
  corpusSets,
  corpusTexts,
  domains,
  domainSets,
  holdOut,
  withinTask,
} from "./lib/paper/corpora.ts";
export {
  type PreTrainedModel,
  preTrainedModel,
  type PreTrainedModelOptions,
} from "./lib/runs/pretrained_model.ts";

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
export {
  type LoweredModule,
  lowerToStablehlo,
  type ModuleInput,
  type ModuleOutput,
} from "./lib/graph/stablehlo/lower.ts";
export type { LoweringOptions } from "./lib/graph/stablehlo/emitter.ts";
export { openEngine } from "./lib/engine/open.ts";
export type { CheckpointOptions } from "./lib/training/checkpoints.ts";
export type { StepReport } from "./lib/training/loop.ts";
export type { OptimizerOptions } from "./lib/training/optimizers.ts";

// Experiments, records and tables.
export {
  type Configuration,
  type Draft,
  type Limits,
  type MultiTaskSettings,
  paperPreTraining,
  paperSettings,
  type PreTrainingSettings,
  type Protocol,
  type ResolvedPreTraining,
  type Settings,
} from "./lib/runs/configuration.ts";
export * from "./lib/runs/experiment.ts";
export * from "./lib/runs/experiment_figures.ts";
export * from "./lib/runs/run_experiment.ts";
export { measure, type Metrics, type MultiLabelMetrics } from "./lib/results/metrics.ts";
export { chooseThresholds, labelMatrix, measureLabels, type Thresholds } from "./lib/results/multi_label.ts";
export {
  type DataRecord,
  type EpochRecord,
  type ForgettingRecord,
  type MachineRecord,
  type MultiTaskRecord,
  type Predictions,
  type PreTrainingMeasures,
  type PreTrainingRecord,
  type ReadRecords,
  readRecords,
  type RunRecord,
  type RunResult,
} from "./lib/results/records.ts";
export { type Curve, type Figure, figureSvg, type Panel } from "./lib/results/figures.ts";
export {
  type EvaluatedCell,
  evaluateTable,
  type Improvements,
  improvements,
  type ResultTable,
  type SettingDifference,
  type TableCell,
} from "./lib/results/result_table.ts";
export { markdownTable } from "./lib/results/tables.ts";
export {
  type BootstrapOptions,
  type BootstrapResult,
  holm,
  mean,
  pairedBootstrap,
  pairedT,
  type PairedTResult,
  standardDeviation,
  stratifiedBootstrap,
} from "./lib/results/statistics.ts";
export {
  type AdjustedComparison,
  compareRuns,
  compareSums,
  compareWithChance,
  type Comparison,
  type NotCompared,
  type Verdict,
  type WeightedPair,
  withHolm,
} from "./lib/results/comparison.ts";
export {
  type Claim,
  type ClaimRuns,
  type ClaimVerdict,
  judgeClaims,
  type Judgement,
} from "./lib/results/claims.ts";
export type { EvaluatedTable } from "./lib/results/differences.ts";
export { claimsMarkdown } from "./lib/results/claims_text.ts";
export type { StandardErrors } from "./lib/results/power.ts";
export { type PrintedRun, type Resolution, resolutionOf } from "./lib/results/resolution.ts";
export { atTemperature, fitTemperature } from "./lib/results/calibration.ts";
export { encoderFlops, type RunData, type RunFlops, runFlops } from "./lib/runs/cost.ts";
export {
  countData,
  type DataCounts,
  type DataTable,
  dataTableMarkdown,
  type DataTableOptions,
  dataTokenizer,
  measureDataTable,
  type MeasuredData,
} from "./lib/runs/data_table.ts";

// Notebooks: what a cell shows, and training that is watched.
export {
  type Content,
  type Displayable,
  displayable,
  jupyterDisplay,
  terminalPrint,
  withDisplay,
} from "./lib/notebook/displayable.ts";
export { watch, type WatchedStep } from "./lib/notebook/live.ts";
export {
  type Place,
  recorded,
  reproduce,
  type Reproduction,
  tryCell,
  verdicts,
} from "./lib/notebook/reproduce.ts";
export {
  showConfusion,
  showFigure,
  showLines,
  showMarkdown,
  type ShownRun,
  showRates,
  showRun,
  showSchedules,
  showTable,
} from "./lib/notebook/show.ts";
export {
  crossValidateClassifier,
  type CrossValidatedClassifier,
  type FoldsSettings,
  type FoundClassifier,
  searchClassifier,
  type SearchSettings,
} from "./lib/notebook/search.ts";
export {
  showClassifier,
  type ShowClassifierOptions,
  type ShownClassifier,
} from "./lib/notebook/show_classifier.ts";
export { trainClassifier, type TrainedClassifier, type TrainSettings } from "./lib/notebook/train.ts";
