/** The log of a training as TensorBoard's event files: losses, rates and what is measured on the way. */
import { path, requireArguments, someOf } from "../storage/arguments.ts";
import { flag } from "../storage/json.ts";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { EventFile, eventFileName } from "../results/event_file.ts";
import type { Metrics } from "../results/metrics.ts";
import type { StepReport } from "../training/loop.ts";
import type { RecipeContext } from "./recipe.ts";

/** The subfolder of pre-training's events, as it counts its own steps. */
const preTrainingPart = "pre-training";

/**
 * Makes a folder ready for the log of a run, with those of its parts in subfolders. Without resuming, events of an
 * earlier run are removed, if that is allowed.
 *
 * @throws InputError if there are some, and they are not to be replaced.
 */
export async function prepareLog(
  folder: string,
  options: { readonly resume?: boolean; readonly overwrite?: boolean } = {},
): Promise<void> {
  requireArguments("prepareLog", {
    folder: [folder, path],
    options: [options, someOf({ resume: flag, overwrite: flag })],
  });
  const { resume = false, overwrite = false } = options;
  if (resume) return;
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const events = names.filter((name) => eventFileName.test(name.split(/[/\\]/).at(-1)!));
  if (events.length > 0 && !overwrite) {
    throw new InputError(
      `Cannot log into ${folder} as events of another run are there: name another folder, or give --overwrite`,
    );
  }
  for (const name of events) await rm(join(folder, name), { force: true });
}

/** The log of one training; its methods go into the context of `runRecipe`. `close` ends its files. */
export class TrainingLog {
  readonly #tuning: EventFile;
  readonly #preTraining: EventFile;
  #step = 0;
  /** Split whose masked words are measured. */
  #measuredOn: "dev" | "train" = "dev";
  /** The measures before pre-training: only a sitting that begins with its first step writes them. */
  #before: Readonly<Record<string, number>> | undefined;

  /** Opens nothing yet: a file is made at its first event. @param folder that of fine-tuning; pre-training has one in it */
  constructor(folder: string) {
    this.#tuning = new EventFile(folder);
    this.#preTraining = new EventFile(join(folder, preTrainingPart));
  }

  /** Callbacks that write what they are told, and then tell it on. */
  around(context: Partial<RecipeContext>): Partial<RecipeContext> {
    return {
      ...context,
      onPreTraining: (plan) => {
        this.#measuredOn = plan.measuredOn;
        context.onPreTraining?.(plan);
      },
      onPreTrainingStep: (report) => {
        if (report.step === 1 && this.#before) this.#preTraining.write(0, this.#before);
        this.#before = undefined;
        this.#preTraining.write(report.step, stepScalars(report));
        context.onPreTrainingStep?.(report);
      },
      onEvaluation: (evaluation) => {
        const { step, mlmLoss, mlmAccuracy, nspLoss, nspAccuracy } = evaluation;
        const split = this.#measuredOn;
        const scalars = {
          [`${split}/mlm_loss`]: mlmLoss,
          [`${split}/mlm_accuracy`]: mlmAccuracy,
          ...nspLoss === undefined
            ? {}
            : { [`${split}/nsp_loss`]: nspLoss, [`${split}/nsp_accuracy`]: nspAccuracy! },
        };
        if (step === 0) this.#before = scalars;
        else this.#preTraining.write(step, scalars);
        context.onEvaluation?.(evaluation);
      },
      onStep: (report) => {
        this.#step = report.step;
        this.#tuning.write(report.step, stepScalars(report));
        context.onStep?.(report);
      },
      onEpoch: (record) => {
        const { epoch, trainLoss, dev } = record;
        this.#tuning.write(this.#step, {
          "epoch": epoch,
          "train/mean_loss": trainLoss,
          ...dev ? metricScalars("dev", dev) : {},
        });
        context.onEpoch?.(record);
      },
    };
  }

  /** Writes the measures of the test split at the end; the curves of an earlier sitting stay as they are. */
  test(metrics: Metrics, step: number): void {
    this.#tuning.write(step, metricScalars("test", metrics), step + 1);
  }

  /** Ends the files. */
  close(): void {
    this.#tuning.close();
    this.#preTraining.close();
  }
}

const stepScalars = ({ loss, gradientNorm, highestRate, lowestRate }: StepReport) => ({
  "train/loss": loss,
  "train/gradient_norm": gradientNorm,
  "rate/highest": highestRate,
  "rate/lowest": lowestRate,
});

/** The measures that have one number, under the names of result.json. */
const metricScalars = (
  split: string,
  { accuracy, errorRate, macroF1, loss, ece, brier, multiLabel }: Metrics,
) => {
  const one = { accuracy, error_rate: errorRate, macro_f1: macroF1, loss, ece, brier };
  const several = multiLabel ? { micro_f1: multiLabel.microF1, hamming_loss: multiLabel.hammingLoss } : {};
  return Object.fromEntries(
    Object.entries({ ...one, ...several }).map(([name, value]) => [`${split}/${name}`, value]),
  );
};
