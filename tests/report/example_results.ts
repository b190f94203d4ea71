/** Made-up results of experiments: seeded errors that differ by row, with everything that a record may hold. */
import { join } from "node:path";
import { type CellOptions, type Experiment, resolveCells } from "../../lib/runs/experiment.ts";
import { fold, Random } from "../../lib/random.ts";
import { measure } from "../../lib/results/metrics.ts";
import {
  appendRecord,
  type Predictions,
  type PreTrainingMeasures,
  type RunRecord,
  writePredictions,
} from "../../lib/results/records.ts";

/** Options of made-up results. */
export interface ExampleOptions extends CellOptions {
  /** Test examples of each run; 60 if not given. */
  readonly examples?: number;
  /** Tells whether a cell is run; all are if not given. */
  readonly keep?: (row: string, column: string, seed: number) => boolean;
  /** Changes each record before it is written. */
  readonly change?: (record: RunRecord) => RunRecord;
  /** Names of the classes; a, b if not given. */
  readonly labels?: readonly string[];
}

/** Writes records and predictions of an experiment into a results folder; returns the records. */
export async function exampleResults(
  experiment: Experiment,
  resultsDir: string,
  options: ExampleOptions = {},
): Promise<RunRecord[]> {
  const { examples = 60, keep = () => true, change = (record) => record, labels = ["a", "b"] } = options;
  const made: RunRecord[] = [];
  for (const cell of await resolveCells(experiment, options)) {
    const { row, column, scale, configuration, hash } = cell;
    const { seed, data, epochs, evaluationsPerEpoch, preTraining, protocol } = configuration;
    if (!keep(row, column, seed)) continue;
    const rows = Object.keys(experiment.rows);
    const quality = 0.15 + 0.2 * rows.indexOf(row) / rows.length;
    const random = new Random(fold(rows.indexOf(row), experiment.columns.indexOf(column), seed));
    const expected = Array.from({ length: examples }, (_, n) => n % labels.length);
    const answers = (wrongShare: number): Predictions => ({
      labels,
      expected,
      probabilities: expected.flatMap((label) => {
        const wrong = random.uniform() < wrongShare;
        const guess = wrong ? (label + 1) % labels.length : label;
        const sure = (wrong ? 0.52 : 0.6) + 0.38 * random.uniform();
        return labels.map((_, c) => c === guess ? sure : (1 - sure) / (labels.length - 1));
      }),
    });
    const measured = (wrongShare: number) =>
      measure(answers(wrongShare).probabilities, expected, labels.length);
    const predictions = answers(quality);
    const count = epochs * evaluationsPerEpoch;
    const masked = (accuracy: number): PreTrainingMeasures => ({
      mlmLoss: 6 - 8 * accuracy,
      mlmAccuracy: accuracy,
    });
    const folder = join(resultsDir, scale);
    const record = change({
      format: 1,
      experiment: experiment.name,
      cell: { row, column },
      scale,
      protocol,
      seed,
      configuration: { ...configuration },
      hash,
      data: {
        name: data,
        fingerprint: `f00d${data.length}`.padEnd(64, "0"),
        train: 400,
        dev: 100,
        test: examples,
      },
      model: "minilm, lowest 4 layers",
      ...preTraining
        ? {
          preTraining: {
            start: "minilm, lowest 4 layers",
            corpus: preTraining.corpus,
            texts: 25_000,
            steps: preTraining.steps,
            seconds: 95.5,
            before: { ...masked(0.21), nspLoss: 0.69, nspAccuracy: 0.5 },
            after: { ...masked(0.33), nspLoss: 0.58, nspAccuracy: 0.68 },
          },
        }
        : {},
      ...configuration.forgetting === null ? {} : {
        forgetting: {
          before: masked(0.3),
          after: masked(0.3 - 0.6 * (quality - 0.15)),
          distances: { "embeddings": 0.01, "layer 0": 0.02, "layer 1": quality / 5 },
        },
      },
      engine: configuration.engine,
      precision: configuration.precision,
      notes: [`${data}: Only the lowest 4 of 6 layers were kept.`],
      steps: 75,
      trainSeconds: 30 + 10 * random.uniform(),
      epochs: Array.from({ length: count }, (_, n) => ({
        epoch: (n + 1) / evaluationsPerEpoch,
        trainLoss: 0.7 / (n + 1),
        ...evaluationsPerEpoch > 1 ? { train: measured(quality / (n + 1)) } : {},
        [protocol === "paper" ? "test" : "dev"]: measured(quality + 0.1 / (n + 1)),
        seconds: 10,
      })),
      bestEpoch: epochs,
      dev: measured(quality),
      test: measure(predictions.probabilities, expected, labels.length),
      versions: { deno: "2.9.6", bertlab: "0.1.0", tfjs: "4.22.0", onnxruntime: "1.30.0" },
      commit: "0123456789abcdef0123456789abcdef01234567",
      machine: { os: "linux", arch: "x86_64", cpu: "Example CPU", cores: 2, memoryBytes: 8e9 },
      start: "2030-01-02T03:04:05.000Z",
      seconds: 45 + 10 * random.uniform(),
      peakMemoryBytes: 1.26e9,
      predictions: await writePredictions(folder, hash, predictions),
    });
    await appendRecord(join(folder, "records.jsonl"), record);
    made.push(record);
  }
  return made;
}
