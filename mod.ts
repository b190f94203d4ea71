/**
 * bertlab fine-tunes BERT and reproduces the experiments of "How to Fine-Tune BERT for Text Classification?" (Sun, Qiu,
 * Xu, Huang 2019).
 *
 * @module
 */
export { InputError } from "./lib/errors.ts";
export * from "./lib/experiment.ts";
export * from "./lib/run_experiment.ts";
export { type LayerDecayOptions, layerLearningRate } from "./lib/lr_decay.ts";
export { schedule, type ScheduleName, scheduleNames, type ScheduleOptions } from "./lib/schedules.ts";
export { measure, type Metrics } from "./lib/results/metrics.ts";
export {
  type DataRecord,
  type EpochRecord,
  type MachineRecord,
  type Predictions,
  type ReadRecords,
  readRecords,
  type RunRecord,
  type RunResult,
} from "./lib/results/records.ts";
export { markdownTable, type ResultTable, type TableCell } from "./lib/results/tables.ts";
export {
  type BootstrapResult,
  mean,
  pairedBootstrap,
  pairedT,
  type PairedTResult,
  standardDeviation,
} from "./lib/results/statistics.ts";
