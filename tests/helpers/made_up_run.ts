/** A run that takes no time, for tests of what is done with runs. */
import type { Configuration } from "../../lib/runs/configuration.ts";
import { measure } from "../../lib/results/metrics.ts";
import type { CellResult } from "../../lib/runs/run_experiment.ts";

/** Returns a made-up result of a configuration: of `texts` test texts, all of the first class, `wrong` are told wrong. */
export function madeUpRun(configuration: Configuration, texts: number, wrong: number): CellResult {
  const probabilities = Array.from({ length: texts }, (_, n) => n < wrong ? [0.4, 0.6] : [0.9, 0.1]).flat();
  const expected = Array<number>(texts).fill(0);
  return {
    data: { name: configuration.data, fingerprint: "f00d", train: 40, dev: 4, test: texts },
    model: "none",
    engine: configuration.engine,
    precision: configuration.precision,
    notes: [],
    steps: 1,
    trainSeconds: 0,
    epochs: [{ epoch: 1, trainLoss: 0.5, seconds: 0 }],
    bestEpoch: 1,
    test: measure(probabilities, expected, 2),
    testPredictions: { labels: ["a", "b"], expected, probabilities },
  };
}
