/** What a search and a cross-validation keep of each of their trainings, so that a stopped one goes on after them. */
import { dirname } from "node:path";
import { mkdir } from "node:fs/promises";
import { InputError } from "../errors.ts";
import { startIdentity } from "../bert/start_model.ts";
import type { Metrics } from "../results/metrics.ts";
import { epochShape, keptPredictionsShape, metricsShape } from "../results/record.ts";
import { configurationHash, type EpochRecord, type Predictions } from "../results/records.ts";
import { settingsIdentity } from "../paper/settings.ts";
import { list, number, object, readJsonIfThere, type Shape, text, whole } from "../storage/json.ts";
import { writeWhole } from "../storage/whole_file.ts";
import type { Recipe } from "./recipe.ts";

/** The result of a training without its parameters. */
export interface RunOutcome {
  /** The record of each measurement. */
  readonly epochs: readonly EpochRecord[];
  /** The one of `epochs` that is kept. */
  readonly bestEpoch: number;
  /** Measures of the texts that are held out: a fold, or the development split. */
  readonly metrics: Metrics;
  /** The predictions of these texts. */
  readonly predictions: Predictions;
  /** Optimizer updates. */
  readonly steps: number;
  /** Seconds from its beginning to its end, of the sitting that ended it. */
  readonly seconds: number;
}

/** The shape of {@linkcode RunOutcome}. */
export const outcomeShape: Shape<RunOutcome> = object<RunOutcome>({
  ...{ epochs: list(epochShape), bestEpoch: number(0), metrics: metricsShape },
  ...{ predictions: keptPredictionsShape, steps: whole(0), seconds: number(0) },
});

/** Returns a hash of everything that the trainings of a recipe depend on, and of what is done with it. */
export async function recipeIdentity(recipe: Recipe, kind: object): Promise<string> {
  const { data, model: name, start, fineTuning, preTraining } = recipe;
  const { seed, layers, architecture, offline, say = () => {} } = start;
  return await configurationHash({
    ...{ name, seed, layers, preTraining, kind },
    ...name === "new" ? { architecture } : {},
    ...await startIdentity({ name, sets: [], offline, say }),
    ...settingsIdentity(fineTuning),
    data: data.fingerprint,
  });
}

const advice = "start anew with --overwrite, which removes it";

/** Reads a value that is kept for a run; undefined if there is none. @throws InputError if it is another run's. */
export async function readKept<Value>(
  path: string,
  identity: string,
  shape: Shape<Value>,
): Promise<Value | undefined> {
  const kept = await readJsonIfThere(path, object<Kept<Value>>({ identity: text, value: shape }), advice);
  if (kept === undefined || kept.identity === identity) return kept?.value;
  throw new InputError(
    `Cannot resume from ${path} as it is of a run with other settings or data: give those of that run, or ${advice}`,
  );
}

interface Kept<Value> {
  readonly identity: string;
  readonly value: Value;
}

/** Keeps a value for a run. */
export async function keep<Value>(path: string, identity: string, value: Value): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, [`${JSON.stringify({ identity, value } satisfies Kept<Value>)}\n`]);
}
