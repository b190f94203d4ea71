/** The depth of a model that is given instead of an experiment's own, and the experiment that goes by it. */
import { readConfig } from "../bert/config.ts";
import { namedConfig, resolveModel } from "../bert/models.ts";
import { InputError } from "../errors.ts";
import type { RunRecord } from "../results/records.ts";
import type { Experiment } from "./experiment.ts";

/** Returns the layers that the first of some runs' models says to have. */
export function recordedLayers(records: Iterable<Pick<RunRecord, "model">>): number | undefined {
  const [first] = records;
  const digits = first && /, (?:lowest )?(\d+) layers/.exec(first.model)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Returns an experiment for a model that is given instead of its own; the experiment as it is where its rows are not
 * layers.
 *
 * @param options.layers only so many of the model's are used
 * @param options.fetch `true` if the model may be fetched; without it, one that is not here has the rows of the paper's
 * @throws InputError if the model is to be fetched and cannot be had.
 */
export async function experimentFor(
  experiment: Experiment,
  model: string | undefined,
  { layers, fetch, say }: {
    readonly layers?: number;
    readonly fetch: boolean;
    readonly say: (line: string) => void;
  },
): Promise<Experiment> {
  if (model === undefined || !experiment.forLayers) return experiment;
  const own = async () => {
    const named = namedConfig(model);
    const config = named ?? await readConfig(await resolveModel(model, { offline: !fetch, onProgress: say }));
    return config.num_hidden_layers;
  };
  try {
    return experiment.forLayers(layers ?? await own());
  } catch (error) {
    if (fetch || !(error instanceof InputError)) throw error;
    return experiment;
  }
}
