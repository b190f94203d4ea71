/** Expected time of runs, and the models that they share with others. */
import type { Configuration } from "./configuration.ts";
import { type Experiment, resolveCells, type ScaleName, scaleOf } from "./experiment.ts";

/** Returns the identities of the models that a run shares with others: one pre-trained, one of all tasks. */
export function sharedModels(
  { model, layers, architecture, preTraining, multiTask, seed }: Configuration,
): { readonly pretrained?: string; readonly multiTask?: string } {
  const start = [model, layers, architecture, preTraining && { ...preTraining, point: 0 }];
  return {
    ...preTraining ? { pretrained: JSON.stringify(start) } : {},
    ...multiTask ? { multiTask: JSON.stringify([start, multiTask, seed]) } : {},
  };
}

const modelsOf = (configurations: readonly Configuration[]) =>
  new Set(configurations.flatMap((configuration) => Object.values(sharedModels(configuration))));

/**
 * Seconds that runs of an experiment will take, by the minutes that it states.
 *
 * @param due those to be made
 * @param made those that are made already, of whatever experiment: the models that they started from are there
 */
export async function expectedSeconds(
  experiment: Experiment,
  scaleName: ScaleName,
  due: readonly Configuration[],
  made: readonly Configuration[],
): Promise<number> {
  const { minutes, modelMinutes = 0 } = scaleOf(experiment, scaleName);
  const all = (await resolveCells(experiment, { scale: scaleName })).map(({ configuration }) =>
    configuration
  );
  const run = (minutes - modelMinutes * modelsOf(all).size) / all.length;
  const models = modelsOf(due).difference(modelsOf(made));
  return 60 * (run * due.length + modelMinutes * models.size);
}
