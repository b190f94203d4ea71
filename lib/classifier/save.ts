/** A trained classifier as a folder: the model, its tokenizer, and how it reads texts. */
import { saveCheckpoint } from "../bert/checkpoint.ts";
import { InputError } from "../errors.ts";
import type { FineTuned } from "../paper/fine_tune.ts";
import { textStrategy } from "../paper/long_text.ts";
import { having, path, requireArguments } from "../storage/arguments.ts";
import { numberThat, optional } from "../storage/json.ts";
import { multiLabelType } from "./trained.ts";

/**
 * Saves a classifier as a Hugging Face folder with bertlab.json beside it, in the place of a model that is there.
 *
 * @param temperature of a calibrated model: what its logits are divided by; where a text may have several labels it has
 * thresholds instead
 * @param files further files that belong to it, such as result.json
 *
 * @throws InputError if it reads BERT's features by a biLSTM, which no Hugging Face class does.
 */
export async function saveClassifier(
  folder: string,
  trained: FineTuned,
  temperature?: number,
  files?: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  requireArguments("saveClassifier", {
    folder: [folder, path],
    trained: [
      trained,
      having(
        "a trained classifier, as trainClassifier() and fineTune() return",
        "model",
        "parameters",
        "settings",
      ),
    ],
    temperature: [temperature, optional(numberThat("a number above 0", (value) => value > 0))],
    files: [files, optional(having("files by name"))],
  });
  const { model, parameters, settings, pairs, thresholds, labelLists } = trained;
  const { text: name, maxFractions, ...rest } = settings;
  const text = textStrategy(name, { maxFractions });
  if (rest.method === "feature-extraction") {
    throw new InputError(
      `Cannot save a classifier that was trained by feature-extraction in ${folder}: a Hugging Face folder has no ` +
        "place for its biLSTM; train by fine-tuning to save one",
    );
  }
  await saveCheckpoint(folder, {
    config: { ...model.config, ...thresholds ? { problem_type: multiLabelType } : {} },
    parameters,
    tokenizerFiles: model.tokenizer.files,
    files,
    extra: {
      text: text.name,
      max_fractions: text.maxFractions,
      ...rest,
      ...pairs ? { pairs } : {},
      ...temperature === undefined || thresholds ? {} : { temperature },
      ...thresholds ? { thresholds } : {},
      ...labelLists ? { label_lists: true } : {},
      start: model.description,
    },
  });
}
