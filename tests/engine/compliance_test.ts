/** Duties of every engine: values and gradients of all operations, state in place, the same masks, equal reruns. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import type { HostTensors } from "../../lib/tensors.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { dropout, DropoutKey, stepKey } from "../../lib/graph/composites.ts";
import { keyedMask } from "../../lib/graph/keyed_mask.ts";
import { operations } from "../../lib/graph/operations.ts";
import { record } from "../../lib/graph/record.ts";
import { signatures } from "../../lib/training/step.ts";
import { relativeError } from "../golden/load.ts";
import { graphOf, runOnce } from "../../scripts/engine_check/case_graphs.ts";
import { cases } from "../../scripts/engine_check/cases.ts";
import { engines } from "./engines.ts";
import { slowUnless } from "../helpers/slow.ts";

const graphs = Object.entries(cases).map(([name, each]) => ({ name, ...each, graph: graphOf(name, each) }));

Deno.test("the cases use every operation of the table", () => {
  const used = new Set(graphs.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)));
  deepStrictEqual(Object.keys(operations).filter((op) => !used.has(op)), []);
});

for (const [name, make] of Object.entries(engines)) {
  slowUnless(name !== "xla")(`${name}: values and gradients of all operations`, async () => {
    const [engine, reference] = [await make(), await referenceEngine()];
    const wrong: string[] = [];
    for (const { name, graph, inputs } of graphs) {
      const expected = await runOnce(reference, graph, inputs);
      const found = await runOnce(engine, graph, inputs);
      for (const [output, { shape, data }] of Object.entries(expected)) {
        deepStrictEqual(found[output]!.shape, shape, `${name}: ${output}`);
        const error = relativeError(found[output]!.data, data);
        if (!(error < 2e-6)) wrong.push(`${name}: ${output} differs by ${error}`);
      }
    }
    deepStrictEqual(wrong, []);
  });

  Deno.test(`${name}: the state is updated, in place or not, and only what the graph updates`, async () => {
    const engine = await make();
    const tensors: HostTensors = {
      a: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
      b: { shape: [2, 2], data: Float32Array.of(5, 6, 7, 8) },
      c: { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) },
    };
    // a's new value needs b's old one and the other way round: neither can be overwritten first.
    const graph = record("swap", { state: signatures(tensors), feeds: {} }, ({ a, b, c }) => ({
      state: { a: tf.add(b!, 0), b: tf.matMul(a as tf.Tensor2D, c as tf.Tensor2D) },
      outputs: { sum: tf.sum(tf.mul(a!, b!)) },
    }));
    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    const sums = [];
    for (let i = 0; i < 3; i++) sums.push((await program.run(state, {})).sum!.data[0]);
    const after = await state.download();
    deepStrictEqual(sums, [70, 70, 70]);
    deepStrictEqual(after.a!.data, tensors.b!.data);
    deepStrictEqual(after.b!.data, tensors.a!.data);
    deepStrictEqual(after.c!.data, tensors.c!.data);
    deepStrictEqual(tensors.a!.data, Float32Array.of(1, 2, 3, 4), "what was uploaded is the caller's");
    await rejects(async () => await program.run(engine.state({ a: tensors.a! }), {}), {
      message: 'The state has no tensor "b": upload it before the run',
    });
    program.dispose();
    state.dispose();
  });

  Deno.test(`${name}: large tensors that are updated from each other are read before they are written`, async () => {
    const engine = await make();
    const size = 300_001;
    const tensors: HostTensors = {
      a: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => i % 11) },
      b: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => i % 7) },
    };
    const steps: Record<string, (a: tf.Tensor, b: tf.Tensor) => [tf.Tensor, tf.Tensor]> = {
      swap: (a, b) => [tf.add(b, 0), tf.add(a, 0)],
      butterfly: (a, b) => [tf.add(a, b), tf.sub(a, b)],
    };
    for (const [name, step] of Object.entries(steps)) {
      const graph = record(name, { state: signatures(tensors), feeds: {} }, ({ a, b }) => {
        const [nextA, nextB] = step(a!, b!);
        return { state: { a: nextA, b: nextB }, outputs: {} };
      });
      const program = await engine.compile(graph);
      const state = engine.state(tensors);
      deepStrictEqual(await program.run(state, {}), {});
      const { a, b } = await state.download();
      const [oldA, oldB] = [tensors.a!.data, tensors.b!.data];
      const swapped = name === "swap";
      ok(a!.data.every((value, i) => value === (swapped ? oldB[i]! : oldA[i]! + oldB[i]!)), `${name}: a`);
      ok(b!.data.every((value, i) => value === (swapped ? oldA[i]! : oldA[i]! - oldB[i]!)), `${name}: b`);
      program.dispose();
      state.dispose();
    }
  });

  Deno.test(`${name}: dropout's masks are those of keyed_mask.ts, one for each site`, async () => {
    const engine = await make();
    const size = 1001;
    const key = stepKey(3, 4);
    const graph = record("masks", {
      state: {},
      feeds: { x: { shape: [size], dtype: "float32" }, key: { shape: [1], dtype: "int32" } },
    }, ({ x, key }) => {
      const drop = new DropoutKey(key!);
      return { state: {}, outputs: { first: dropout(x!, 0.1, drop), second: dropout(x!, 0.1, drop) } };
    });
    const found = await runOnce(engine, graph, {
      x: { shape: [size], data: new Float32Array(size).fill(0.9) },
      key: { shape: [1], data: Int32Array.of(key) },
    });
    for (const [site, output] of ["first", "second"].entries()) {
      const kept = Array.from(found[output]!.data, (value) => value > 0 ? 1 : 0);
      deepStrictEqual(Uint8Array.from(kept), keyedMask(key, site, size, 0.1), output);
      ok(found[output]!.data.every((value) => value === 0 || Math.abs(value - 1) < 1e-6));
    }
  });
}

Deno.test("masks drop the right share, and differ by key and by site", () => {
  const size = 100_000;
  const share = (mask: Uint8Array) => mask.reduce((sum, kept) => sum + kept, 0) / size;
  const mask = keyedMask(1, 0, size, 0.1);
  ok(Math.abs(share(mask) - 0.9) < 0.003, `${share(mask)} kept`);
  for (const other of [keyedMask(2, 0, size, 0.1), keyedMask(1, 1, size, 0.1)]) {
    const both = share(mask.map((kept, i) => kept & other[i]!));
    ok(Math.abs(both - 0.81) < 0.005, `${both} kept by both`);
  }
});
