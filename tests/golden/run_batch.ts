/** A golden batch through a recorded classifier: what comes out, and every gradient. */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { Engine } from "../../lib/engine/engine.ts";
import { stepKey } from "../../lib/graph/composites.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { stateName } from "../../lib/training/optimizers.ts";
import {
  evaluationGraph,
  gradientGraph,
  signatures,
  type Trainable,
  trainedNames,
} from "../../lib/training/step.ts";
import { packedOf } from "../helpers/packed.ts";
import { largestDifference, relativeError } from "./load.ts";

/** Results of a batch. */
export interface BatchResult {
  /** Outputs of the evaluation: loss [] and logits [B, C]. */
  readonly outputs: HostTensors;
  /** Gradients by parameter. */
  readonly gradients: HostTensors;
}

/** The tensors whose names start so, under their names after it. */
export function startingWith(tensors: HostTensors, prefix: string): HostTensors {
  return Object.fromEntries(
    Object.entries(tensors).filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );
}

/**
 * @param batch ids, mask and, of pairs, type_ids [B, T], labels [B] or [B, C]; all weigh alike, and together 1
 * @param layout of the texts in the step: as they are given, or packed
 */
export async function runBatch(
  engine: Engine,
  trainable: Trainable,
  parameters: HostTensors,
  { ids, mask, type_ids: typeIds, labels }: HostTensors,
  layout: "padded" | "packed" = "padded",
): Promise<BatchResult> {
  const [B, T] = ids!.shape as [number, number];
  const padded = { ids: ids!, mask: mask!, ...typeIds && { type_ids: typeIds } };
  const { shape: size, tensors } = layout === "packed"
    ? packedOf(padded)
    : { shape: { T }, tensors: padded };
  const { shape: ofLabels, data } = labels!;
  const C = ofLabels.length === 2 ? { C: ofLabels[1]! } : {};
  const shape = { B, K: 1, ...C, ...size, pairs: typeIds !== undefined };
  const weights = { shape: ofLabels, data: new Float32Array(data.length).fill(1 / data.length) };
  const feeds: HostTensors = { ...tensors, labels: labels!, weights };
  const types = signatures(parameters);
  const names = trainedNames(trainable, types, shape);
  const gradients = names.map((name) => {
    const { shape, data } = parameters[name]!;
    return [stateName.gradient(name), { shape, data: new Float32Array(data.length).fill(7) }];
  });
  const state = engine.state({ ...parameters, ...Object.fromEntries(gradients) });
  const evaluation = await engine.compile(evaluationGraph(trainable, types, shape));
  const outputs = await evaluation.run(state, feeds);
  const program = await engine.compile(gradientGraph(trainable, types, shape));
  await program.run(state, { ...feeds, key: { shape: [1], data: Int32Array.of(stepKey(1, 0)) } });
  const written = await state.download(names.map(stateName.gradient));
  for (const each of [evaluation, program, state]) each.dispose();
  return {
    outputs,
    gradients: Object.fromEntries(names.map((name) => [name, written[stateName.gradient(name)]!])),
  };
}

/** Loss and logits to 1e-5, and exactly the golden gradients, each to 1e-4 of its norm. */
export function requireGolden({ outputs, gradients }: BatchResult, golden: HostTensors): void {
  for (const name of ["loss", "logits"]) {
    const difference = largestDifference(outputs[name]!.data, golden[name]!.data);
    ok(difference <= 1e-5, `${name} differs by ${difference}`);
  }
  const expected = startingWith(golden, "gradient.");
  deepStrictEqual(Object.keys(gradients).sort(), Object.keys(expected).sort());
  const wrong = Object.entries(expected).map(([name, { shape, data }]) => {
    deepStrictEqual(gradients[name]!.shape, shape, name);
    // Those of the keys' biases are zero but for rounding.
    const floor = name.endsWith("key.bias") ? 1e-2 : 1e-3;
    return { name, error: relativeError(gradients[name]!.data, data, floor) };
  }).filter(({ error }) => !(error <= 1e-4));
  deepStrictEqual(wrong, []);
}
