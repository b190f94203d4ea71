/** The model of a search that is the best so far: a folder that is replaced by a better one's. */
import { join } from "node:path";
import { saveClassifier } from "../classifier/save.ts";
import { loadTrainedModel } from "../classifier/trained.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import type { FineTuneSettings } from "../paper/settings.ts";
import { epochShape, keptPredictionsShape, metricsShape } from "../results/record.ts";
import type { EpochRecord, Predictions } from "../results/records.ts";
import type { Metrics } from "../results/metrics.ts";
import { flag, list, number, object, readJson, type Shape, text, whole } from "../storage/json.ts";
import { writeFolder } from "../storage/whole_folder.ts";

/** What a model's folder does not tell of its training. */
interface Course {
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
  ...{ description: text, epochs: list(epochShape), bestEpoch: number(0), dev: metricsShape },
  ...{ devPredictions: keptPredictionsShape, steps: whole(0), trainSeconds: number(0), pairs: flag },
  ...{ notes: list(text), modelNotes: list(text) },
});

const file = "course.json";

/** Keeps a classifier in a folder, in the place of that which is there. */
export async function keepBest(folder: string, tuned: FineTuned): Promise<void> {
  const { model, epochs, bestEpoch, dev, devPredictions, steps, trainSeconds, pairs, notes } = tuned;
  const course: Course = {
    ...{ description: model.description, modelNotes: model.notes, epochs, bestEpoch, dev: dev! },
    ...{ devPredictions: devPredictions!, steps, trainSeconds, pairs, notes },
  };
  await writeFolder(folder, async (beside) => {
    await saveClassifier(beside, tuned, undefined, { [file]: `${JSON.stringify(course)}\n` });
  });
}

/** Reads the classifier of a folder. @param settings those that it was trained with */
export async function readBest(folder: string, settings: FineTuneSettings): Promise<FineTuned> {
  const { description, modelNotes, ...course } = await readJson(
    join(folder, file),
    courseShape,
    "start the search anew with --overwrite",
  );
  const { config, parameters, tokenizer, thresholds } = await loadTrainedModel(folder);
  const model = { config, parameters, tokenizer, fresh: false, description, notes: modelNotes };
  return { ...course, model, settings, parameters, ...thresholds ? { thresholds } : {} };
}
