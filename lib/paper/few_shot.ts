/**
 * Few labelled texts (paper section 5.6, Figure 4): how much of the training set does a method need? The paper draws one
 * sample for each share of IMDb. Here a sample is the beginning of an order in which every beginning holds each class in
 * its share ({@linkcode stratifiedOrder}): the text of rank r among the n of its class, which are drawn at random, has the
 * place (r + ½) / n. So the samples of one draw are nested, the smaller one a part of the larger; and every seed may have a
 * draw of its own, so that the spread over seeds has that of the samples in it.
 */
import { type Dataset, smallerDataset, stratifiedOrder } from "../data/examples.ts";
import { aDataset, requireArguments } from "../storage/arguments.ts";
import { number } from "../storage/json.ts";

/**
 * A data set with so many of its training examples; development and test examples stay. A run draws the same by its
 * settings `limits.train` and `resample`.
 *
 * @param examples their number; all if there are no more
 * @param draw number of the draw; samples of one draw are nested
 */
export function fewShot(data: Dataset, examples: number, draw: number): Dataset {
  requireArguments("fewShot", {
    data: [data, aDataset],
    examples: [examples, number()],
    draw: [draw, number()],
  });
  if (!Number.isInteger(examples) || examples < 0) {
    throw new RangeError(`Expected a whole number of train examples of at least 0, found ${examples}`);
  }
  const { train, dev, test } = data;
  if (examples >= train.length) return data;
  const sample = stratifiedOrder(train, draw).slice(0, examples).sort((a, b) => a - b);
  return smallerDataset(data, { train: sample.map((place) => train[place]!), dev, test });
}
