/**
 * Few labelled texts (paper section 5.6, Figure 4): how much of the training set does a method need? The paper draws one
 * sample for each share of IMDb. Here samples hold each class in its share and are nested, the smaller one a part of the
 * larger, and every seed may have a draw of its own, so that the spread over seeds has that of the samples in it.
 */
import { limit } from "../data/dataset.ts";
import type { Dataset } from "../data/examples.ts";

/**
 * A data set with so many of its training examples; development and test examples stay.
 *
 * @param examples how many; all if there are no more
 * @param draw which sample: those of one draw are nested
 */
export function fewShot(data: Dataset, examples: number, draw: number): Dataset {
  return limit(data, { train: examples }, draw);
}
