/**
 * Records that still hold. A run is found by its configuration, which says its model and data sets by name; what these
 * names stand for may have changed since: a model that could not be had then, or other files in a folder.
 */
import { datasetContent } from "../data/dataset.ts";
import { modelContent, resolveModel } from "../bert/models.ts";
import { InputError } from "../errors.ts";
import { hasStandIn, type RunRecord } from "../results/records.ts";
import { standInIdentity } from "../bert/start_model.ts";
import { counted } from "../wording.ts";

/**
 * Leaves out the runs that a new model made in place of one that can be had by now, and those of a model or data sets
 * whose files are others by now; `say` is told of the latter. What cannot be had keeps its runs.
 *
 * @param contents identities of the files' contents by names, as far as they were read before; others are added
 */
export async function validRecords(
  records: readonly RunRecord[],
  say: (line: string) => void,
  contents: Map<string, string | undefined>,
): Promise<readonly RunRecord[]> {
  const had = new Map<string, boolean>();
  const changed = new Map<string, number>();
  const kept: RunRecord[] = [];
  for (const record of records) {
    const model = `${record.configuration["model"]}`;
    if (hasStandIn(record)) {
      if (!had.has(model)) had.set(model, !(await standInIdentity(model, say)).standIn);
      if (had.get(model)) continue;
    }
    const other = await changedName(record, model, contents, say);
    if (other === undefined) kept.push(record);
    else changed.set(other, (changed.get(other) ?? 0) + 1);
  }
  for (const [name, runs] of changed) {
    say(`The files of ${name} are not those that ${counted(runs, "run")} on record used.`);
  }
  return kept;
}

/** The first of a run's names under which other files lie now. */
async function changedName(
  { contents = {} }: RunRecord,
  model: string,
  now: Map<string, string | undefined>,
  say: (line: string) => void,
): Promise<string | undefined> {
  for (const [key, content] of Object.entries(contents)) {
    const name = key === "model" ? model : key;
    if (!now.has(name)) {
      const found = key === "model"
        ? resolveModel(name, { onProgress: say }).then(modelContent)
        : datasetContent(name, { say });
      now.set(name, await found.catch(ifUnknown));
    }
    if ((now.get(name) ?? content) !== content) return name;
  }
}

function ifUnknown(error: unknown): undefined {
  if (!(error instanceof InputError)) throw error;
}
