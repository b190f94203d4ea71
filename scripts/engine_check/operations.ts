/** Parts of the check: single operations, masks, and a state that is updated in place. */
import * as tf from "@tensorflow/tfjs";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { dropout, DropoutKey, stepKey } from "../../lib/graph/composites.ts";
import { keyedMask } from "../../lib/graph/keyed_mask.ts";
import { record } from "../../lib/graph/record.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { signatures } from "../../lib/training/step.ts";
import { graphOf, runOnce } from "./case_graphs.ts";
import { cases } from "./cases.ts";
import type { CheckContext } from "./context.ts";
import { relativeError } from "./golden.ts";

/** Largest relative error of an operation's value or gradient. */
const operationLimit = 2e-6;

/** Checks that the devices can be opened, and that programs with products and with functions of libraries compile. */
export async function opening(context: CheckContext): Promise<void> {
  await context.check("devices", async () => {
    const { capabilities: { devices } } = await context.open();
    const memory = await context.memory();
    const limit = memory?.limit ? `, ${(memory.limit / 1e9).toFixed(1)} GB for programs` : "";
    return { right: devices.length > 0, text: `${devices.join(", ")}${limit}`, numbers: { devices, memory } };
  });
  await context.check("a program", async () => {
    const x = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const graph = record("product", { state: {}, feeds: signatures({ x }) }, ({ x }) => ({
      state: {},
      outputs: { sum: tf.add(x!, x!), product: tf.matMul(x!, x!, false, true), turned: tf.transpose(x!) },
    }));
    const { sum, product, turned } = await runOnce(await context.open(), graph, { x });
    const text = [sum, product, turned].map((each) => each!.data.join(" ")).join("; ");
    return { right: text === "2 4 6 8 10 12; 14 32 32 77; 1 4 2 5 3 6", text: "sum, product, transpose" };
  });
  await context.check("functions", async () => {
    const x = { shape: [8], data: Float32Array.from({ length: 8 }, (_, i) => 0.3 + i / 4) };
    const graph = record("functions", { state: {}, feeds: signatures({ x }) }, ({ x }) => ({
      state: {},
      outputs: { exp: tf.exp(x!), log: tf.log(x!), tanh: tf.tanh(x!), erf: tf.erf(x!), sqrt: tf.sqrt(x!) },
    }));
    const found = await runOnce(await context.open(), graph, { x });
    const functions = { exp: Math.exp, log: Math.log, tanh: Math.tanh, sqrt: Math.sqrt };
    const errors = Object.entries(functions).map(([name, f]) =>
      relativeError(found[name]!.data, x.data.map(f))
    );
    const right = Math.max(...errors) < operationLimit && found.erf!.data.every((y) => y > 0 && y < 1.00001);
    return { right, text: "exp, log, tanh, erf, square root", numbers: { errors } };
  });
}

/** Compares values and gradients of all operations with those of TensorFlow.js. */
export async function operations(context: CheckContext): Promise<void> {
  await context.check("values and gradients", async () => {
    const [engine, reference] = [await context.open(), await referenceEngine()];
    const errors: { name: string; error: number }[] = [];
    for (const [name, each] of Object.entries(cases)) {
      const graph = graphOf(name, each);
      const expected = await runOnce(reference, graph, each.inputs);
      const found = await runOnce(engine, graph, each.inputs).catch((error) => {
        context.tell({ name, state: "wrong", text: (error as Error).message });
        return undefined;
      });
      const worst = Object.entries(expected).map(([output, { data }]) =>
        found ? relativeError(found[output]!.data, data) : Infinity
      );
      errors.push({ name, error: worst.some(Number.isNaN) ? NaN : Math.max(...worst) });
    }
    const wrong = errors.filter(({ error }) => !(error < operationLimit));
    const most = errors.toSorted((a, b) => b.error - a.error).slice(0, 5);
    return {
      right: wrong.length === 0,
      text: wrong.length === 0
        ? `${errors.length} cases, the largest error ${most[0]!.error.toExponential(1)} (${most[0]!.name})`
        : `${wrong.length} of ${errors.length} cases differ: ${wrong.map(({ name }) => name).join(", ")}`,
      numbers: { cases: errors.length, wrong, most },
    };
  });
}

/** Compares dropout's masks with the pure function that every engine follows. */
export async function masks(context: CheckContext): Promise<void> {
  await context.check("two sites", async () => {
    const size = 1_000_001, key = stepKey(3, 4);
    const feeds = {
      x: { shape: [size], data: new Float32Array(size).fill(0.9) },
      key: { shape: [1], data: Int32Array.of(key) },
    };
    const graph = record("masks", { state: {}, feeds: signatures(feeds) }, ({ x, key }) => {
      const drop = new DropoutKey(key!);
      return { state: {}, outputs: { first: dropout(x!, 0.1, drop), second: dropout(x!, 0.1, drop) } };
    });
    const found = await runOnce(await context.open(), graph, feeds);
    let wrong = 0;
    for (const [site, output] of ["first", "second"].entries()) {
      const expected = keyedMask(key, site, size, 0.1);
      found[output]!.data.forEach((value, i) => wrong += Number(value > 0) === expected[i] ? 0 : 1);
    }
    return { right: wrong === 0, text: `${wrong} of ${2 * size} elements differ`, numbers: { wrong } };
  });
}

/** Checks that a state is updated in place: tensors that need each other, and memory that does not grow. */
export async function donation(context: CheckContext): Promise<void> {
  const engine = await context.open();
  await context.check("tensors updated from each other", async () => {
    const size = 3_000_001;
    const tensors: HostTensors = {
      a: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => i % 11) },
      b: { shape: [size], data: Float32Array.from({ length: size }, (_, i) => i % 7) },
    };
    const graph = record("butterfly", { state: signatures(tensors), feeds: {} }, ({ a, b }) => ({
      state: { a: tf.add(a!, b!), b: tf.sub(a!, b!) },
      outputs: {},
    }));
    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    for (let i = 0; i < 2; i++) await program.run(state, {});
    const { a, b } = await state.download(); // twice: a, b → 2a, 2b
    program.dispose();
    state.dispose();
    let wrong = 0;
    for (let i = 0; i < size; i++) if (a!.data[i] !== 2 * (i % 11) || b!.data[i] !== 2 * (i % 7)) wrong++;
    return { right: wrong === 0, text: `${wrong} of ${size} elements are wrong`, numbers: { wrong } };
  });
  await context.check("uploads are copies", async () => {
    const data = new Float32Array(10_000_000).fill(3);
    const state = engine.state({ a: { shape: [data.length], data } });
    data.fill(9); // right after the call, while the copy may still be under way
    const { a } = await state.download();
    state.dispose();
    const wrong = (a!.data as Float32Array).reduce((sum, value) => sum + Number(value !== 3), 0);
    return {
      right: wrong === 0,
      text: `${wrong} elements changed with the host's array`,
      numbers: { wrong },
    };
  });
  await context.check("memory", async () => {
    const size = 25_000_000, bytes = 4 * size;
    const graph = record(
      "grow",
      { state: { a: { shape: [size], dtype: "float32" } }, feeds: {} },
      ({ a }) => ({ state: { a: tf.add(a!, 1) }, outputs: {} }),
    );
    const program = await engine.compile(graph);
    const state = engine.state({ a: { shape: [size], data: new Float32Array(size).fill(1) } });
    await program.run(state, {});
    const before = await context.memory();
    for (let i = 0; i < 20; i++) await program.run(state, {});
    const after = await context.memory();
    const { a } = await state.download();
    state.dispose();
    program.dispose();
    const sum = a!.data[size - 1] === 22;
    if (!before || !after) {
      return { right: sum, text: "20 updates are right; this device does not count its memory" };
    }
    const grown = after.used - before.used;
    return {
      right: sum && grown < bytes / 2,
      text: `20 updates of ${bytes / 1e6} MB: ${(grown / 1e6).toFixed(0)} MB more in use after them`,
      numbers: { before, after },
    };
  });
}
