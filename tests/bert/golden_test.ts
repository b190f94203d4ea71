import { deepStrictEqual, ok, throws } from "node:assert/strict";
import * as tf from "@tensorflow/tfjs";
import { classify, clsStates, encode, pool } from "../../lib/bert/encoder.ts";
import type { EncoderInput, PackedInput, Parameters } from "../../lib/bert/modules.ts";
import { encoderInput } from "../../lib/bert/feeds.ts";
import type { BertConfig } from "../../lib/bert/config.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { DropoutKey, softmaxCrossEntropy, stepKey } from "../../lib/graph/composites.ts";
import { registerEagerKernels } from "../../lib/graph/eager.ts";
import { largestDifference, loadGoldenModel, relativeError } from "../golden/load.ts";
import { packedOf, statesOf } from "../helpers/packed.ts";

await tf.setBackend("cpu");
await tf.ready();
registerEagerKernels();

const golden = await loadGoldenModel();

function upload({ shape, data }: HostTensor): tf.Tensor {
  return tf.tensor(data, [...shape], data instanceof Int32Array ? "int32" : "float32");
}

function uploadAll(tensors: HostTensors): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, upload(tensor)]));
}

const { ids, mask, type_ids } = golden.batch;
const packed = packedOf({ ids, mask, type_ids });

/** The batch in both layouts, and the states that it has of golden ones. */
const layouts = {
  padded: { feeds: { ids, mask, type_ids }, statesOf: ({ data }: HostTensor): ArrayLike<number> => data },
  packed: {
    feeds: packed.tensors,
    statesOf: (golden: HostTensor): ArrayLike<number> => statesOf(golden, packed.padded),
  },
};

/** The model from ids to logits, as it is fine-tuned. */
function logitsOf(parameters: Parameters, config: BertConfig, input: EncoderInput) {
  const states = encode(parameters, config, input);
  const pooled = pool(parameters, clsStates(states.at(-1)!, input));
  return { states, pooled, logits: classify(parameters, config, pooled) };
}

for (const [layout, { feeds, statesOf }] of Object.entries(layouts)) {
  Deno.test(`hidden states, pooler and logits of ${layout} texts are those of transformers to 1e-5`, () => {
    tf.tidy(() => {
      const input = encoderInput(uploadAll(feeds));
      const { states, pooled, logits } = logitsOf(uploadAll(golden.parameters), golden.config, input);
      deepStrictEqual(states.length, golden.hiddenStates.length);
      const pairs: [string, tf.Tensor, ArrayLike<number>][] = [
        ...states.map((state, layer): [string, tf.Tensor, ArrayLike<number>] => [
          `hidden state ${layer}`,
          state,
          statesOf(golden.hiddenStates[layer]!),
        ]),
        ["pooler", pooled, golden.pooled.data],
        ["logits", logits, golden.logits.data],
      ];
      for (const [name, found, expected] of pairs) {
        const difference = largestDifference(found.dataSync().slice(0, expected.length), expected);
        ok(difference <= 1e-5, `${name} differs by ${difference}`);
      }
    });
  });

  Deno.test(`the loss of ${layout} texts and every gradient by name are those of transformers to 1e-4`, () => {
    tf.tidy(() => {
      const names = Object.keys(golden.parameters);
      const labels = upload(golden.batch.labels);
      const input = encoderInput(uploadAll(feeds));
      const gradientsOf = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
        const parameters = Object.fromEntries(names.map((name, index) => [name, tensors[index]!]));
        const { logits } = logitsOf(parameters, golden.config, input);
        return tf.mean(softmaxCrossEntropy(logits, labels)) as tf.Scalar;
      });
      const { value, grads } = gradientsOf(names.map((name) => upload(golden.parameters[name]!)));
      ok(
        Math.abs(value.dataSync()[0]! - golden.loss) < 1e-6,
        `loss ${value.dataSync()[0]} and not ${golden.loss}`,
      );
      const wrong = names.map((name, index) => {
        const expected = golden.gradients[name]!;
        deepStrictEqual(grads[index]!.shape, expected.shape, name);
        return { name, error: relativeError(grads[index]!.dataSync(), expected.data) };
      }).filter(({ error }) => !(error <= 1e-4));
      deepStrictEqual(wrong, []);
    });
  });

  Deno.test(`other activations and absent segment types of ${layout} texts give transformers' logits`, () => {
    tf.tidy(() => {
      const parameters = uploadAll(golden.parameters);
      const input = encoderInput(uploadAll(feeds));
      const found: Record<string, tf.Tensor> = {
        no_types: logitsOf(parameters, golden.config, { ...input, typeIds: undefined }).logits,
      };
      for (const hidden_act of ["gelu_new", "relu"] as const) {
        found[hidden_act] = logitsOf(parameters, { ...golden.config, hidden_act }, input).logits;
      }
      for (const [name, expected] of Object.entries(golden.otherLogits)) {
        const difference = largestDifference(found[name]!.dataSync(), expected.data);
        ok(difference <= 1e-5, `${name} differs by ${difference}`);
        ok(largestDifference(expected.data, golden.logits.data) > 1e-4, `${name} tests nothing`);
      }
    });
  });
}

Deno.test("dropout has as many sites as in transformers, and acts only with a key", () => {
  tf.tidy(() => {
    const parameters = uploadAll(golden.parameters);
    const config = { ...golden.config, hidden_dropout_prob: 0.5, attention_probs_dropout_prob: 0.5 };
    const input = encoderInput(uploadAll(layouts.padded.feeds));
    const evaluated = encode(parameters, config, input);
    deepStrictEqual(
      largestDifference(evaluated.at(-1)!.dataSync(), golden.hiddenStates.at(-1)!.data) <= 1e-5,
      true,
    );
    const run = (seed: number) => {
      const key = new DropoutKey(tf.tensor1d([stepKey(seed, 0)], "int32"));
      const states = encode(parameters, config, input, key);
      classify(parameters, config, tf.zeros([4, 32]), key);
      return { states: states.map((state) => state.dataSync()), sites: key.nextSite() };
    };
    const [first, again, other] = [run(1), run(1), run(2)];
    // One after the embeddings, three in each of three layers, one before the classifier.
    deepStrictEqual(first.sites, 1 + 3 * 3 + 1);
    deepStrictEqual(first.states, again.states);
    ok(largestDifference(first.states.at(-1)!, other.states.at(-1)!) > 1e-3);
    const dropped = first.states[0]!.filter((value) => value === 0).length / first.states[0]!.length;
    ok(Math.abs(dropped - 0.5) < 0.05, `${dropped} of the embeddings are dropped`);
    const rates = { ...config, classifier_dropout: 0 };
    deepStrictEqual(
      classify(parameters, rates, tf.ones([4, 32]), new DropoutKey(tf.tensor1d([1], "int32"))).dataSync(),
      classify(parameters, rates, tf.ones([4, 32])).dataSync(),
    );
  });
});

Deno.test("shapes that do not fit and missing parameters are named", () => {
  tf.tidy(() => {
    const parameters = uploadAll(golden.parameters);
    const ids = tf.zeros([1, 25], "int32");
    throws(() => encode(parameters, golden.config, { ids, mask: ids }), {
      message: "25 tokens are more than the model's 24 positions",
    });
    throws(() => encode(parameters, golden.config, { ids, mask: tf.zeros([25], "int32") }), {
      message: "ids, mask and typeIds must all be [B, T]: found [1,25] and [25]",
    });
    const one = encoderInput(uploadAll(packed.tensors)) as PackedInput;
    throws(() => encode(parameters, golden.config, { ...one, positions: tf.zeros([3], "int32") }), {
      message: `tokens must be [S]: found [${one.ids.shape}] and [3]`,
    });
    throws(() => pool({}, tf.zeros([1, 32])), {
      message: "The parameter bert.pooler.dense.weight is missing",
    });
  });
});
