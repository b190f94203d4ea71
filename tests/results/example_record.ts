import { measure } from "../../lib/results/metrics.ts";
import { createHash } from "node:crypto";
import { canonicalJson, type RunRecord } from "../../lib/results/records.ts";

/** A complete record; the true classes of its ten examples are 0, and it gets `wrong` of them wrong. */
export function exampleRecord(changes: Partial<RunRecord> & { wrong?: number } = {}): RunRecord {
  const { wrong = 2, seed = 1, configuration = { data: "imdb", seed }, ...fields } = changes;
  return {
    format: 1,
    experiment: "table2",
    cell: { row: "head-only", column: "IMDb" },
    scale: "mini",
    protocol: "clean",
    seed,
    configuration,
    hash: createHash("sha256").update(canonicalJson(configuration)).digest("hex"),
    data: { name: "imdb", fingerprint: "0123456789abcdef", train: 40, dev: 10, test: 10 },
    model: "minilm, lowest 3 of 6 layers",
    engine: "onnx",
    precision: "f32",
    notes: [],
    steps: 9,
    trainSeconds: 20,
    epochs: [{ epoch: 1, trainLoss: 0.7, seconds: 20 }],
    bestEpoch: 1,
    test: measure(exampleProbabilities(wrong), Array(10).fill(0), 2),
    versions: { deno: "2.9.6", bertlab: "0.1.0" },
    machine: { os: "linux", arch: "x86_64", cpu: "Example CPU", cores: 2, memoryBytes: 8e9 },
    start: "2030-01-02T03:04:05.000Z",
    seconds: 30,
    peakMemoryBytes: 1.26e9,
    predictions: "predictions/abababababababab.json",
    ...fields,
  };
}

/** Probabilities [10*2]; the first `wrong` examples are wrong. */
export const exampleProbabilities = (wrong: number) =>
  Array.from({ length: 10 }, (_, n) => n < wrong ? [0.25, 0.75] : [0.75, 0.25]).flat();
