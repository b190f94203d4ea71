/** The model that a search has chosen so far: a folder that is replaced by the next choice's. */
import { join } from "node:path";
import { saveClassifier } from "../classifier/save.ts";
import { loadTrainedModel } from "../classifier/trained.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import { epochShape, keptPredictionsShape, metricsShape } from "../results/record.ts";
import type { EpochRecord, Predictions } from "../results/records.ts";
import type { Metrics } from "../results/metrics.ts";
import {
  flag,
  list,
  number,
  object,
  readJson,
  readJsonIfThere,
  type Shape,
  text,
  whole,
} from "../storage/json.ts";
import { InputError } from "../errors.ts";
import { writeFolder } from "../storage/whole_folder.ts";
import type { Trial } from "./state.ts";

/** A training by its place in the search. */
type Place = Pick<Trial, "choice" | "rung">;

const isSame = (a: Place, b: Place) => a.choice === b.choice && a.rung === b.rung;

/** What a model's folder does not tell of its training. */
interface Course extends Place {
  readonly description: string;
  readonly epochs: readonly EpochRecord[];
  readonly bestEpoch: number;
  readonly dev: Metrics;
  readonly devPredictions: Predictions;
  readonly steps: number;
  readonly trainSeconds: number;
  readonly pairs: boolean;
  readonly notes: readonly string[];
  readonly modelNotes: readonly string[];
}

const courseShape: Shape<Course> = object<Course>({
  ...{ choice: whole(0), rung: whole(0) },
  ...{ description: text, epochs: list(epochShape), bestEpoch: number(0), dev: metricsShape },
  ...{ devPredictions: keptPredictionsShape, steps: whole(0), trainSeconds: number(0), pairs: flag },
  ...{ notes: list(text), modelNotes: list(text) },
});

const file = "course.json";

/** Keeps the classifier of a training in a folder, in the place of that which is there. */
export async function keepBest(
  folder: string,
  { choice, rung }: Place,
  tuned: FineTuned,
): Promise<void> {
  const { model, epochs, bestEpoch, dev, devPredictions, steps, trainSeconds, pairs, notes } = tuned;
  const course: Course = {
    ...{ choice, rung },
    ...{ description: model.description, modelNotes: model.notes, epochs, bestEpoch, dev: dev! },
    ...{ devPredictions: devPredictions!, steps, trainSeconds, pairs, notes },
  };
  await writeFolder(folder, async (beside) => {
    await saveClassifier(beside, tuned, undefined, { [file]: `${JSON.stringify(course)}\n` });
  });
}

const remedy = "start the search anew with --overwrite";

/** Returns true if the folder's classifier is that of a training. */
export async function isBest(folder: string, trial: Place): Promise<boolean> {
  const kept = await readJsonIfThere(join(folder, file), courseShape, remedy);
  return kept !== undefined && isSame(kept, trial);
}

/**
 * Reads the classifier of a training.
 *
 * @param settings those that it was trained with
 * @throws InputError if the folder's is another training's.
 */
export async function readBest(
  folder: string,
  trial: Place,
  settings: FineTuneSettings,
): Promise<FineTuned> {
  const path = join(folder, file);
  const { description, modelNotes, choice, rung, ...course } = await readJson(path, courseShape, remedy);
  if (!isSame({ choice, rung }, trial)) {
    throw new InputError(
      `Cannot use ${path}: expected the classifier that was chosen, found another; ${remedy}`,
    );
  }
  const { config, parameters, tokenizer, thresholds } = await loadTrainedModel(folder);
  const model = { config, parameters, tokenizer, fresh: false, description, notes: modelNotes };
  return { ...course, model, settings, parameters, ...thresholds ? { thresholds } : {} };
}
