/** Parts of the check: memory that runs out, copies and products, and the host's part of a step. */
import * as tf from "@tensorflow/tfjs";
import { bandwidth, productSpeed } from "../../benchmarks/device_speed.ts";
import { median } from "../../lib/results/statistics.ts";
import { sequenceClassifier } from "../../lib/bert/classifier.ts";
import { newConfig } from "../../lib/bert/config.ts";
import { initialParameters } from "../../lib/bert/parameters.ts";
import { record } from "../../lib/graph/record.ts";
import { InputError } from "../../lib/errors.ts";
import { optimizer } from "../../lib/training/optimizers.ts";
import { Trainer } from "../../lib/training/trainer.ts";
import type { CheckContext, Outcome } from "./context.ts";

/** Asks for what no device has, and tells whether the answer is the sentence about it. */
async function sentence(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    await run();
    return { right: false, text: "nothing ran out" };
  } catch (error) {
    const { message } = error as Error;
    const right = error instanceof InputError && /^Out of memory on /.test(message);
    return { right, text: message.slice(0, 400), numbers: { message } };
  }
}

/** Checks that memory that runs out is told in a sentence, and that the engine goes on after it. */
export async function memory(context: CheckContext): Promise<void> {
  const limit = (await context.memory())?.limit;
  if (limit === undefined) {
    return context.skip(
      "state, program",
      "this device does not say how much memory it has, so none can be asked for",
    );
  }
  const engine = await context.open();
  const steps = async (): Promise<Outcome> => {
    const x = { shape: [1000], data: new Float32Array(1000).fill(2) };
    const graph = record(
      "twice",
      { state: { x: { shape: [1000], dtype: "float32" } }, feeds: {} },
      ({ x }) => ({ state: { x: tf.add(x!, x!) }, outputs: { sum: tf.sum(x!) } }),
    );
    const program = await engine.compile(graph);
    const state = engine.state({ x });
    const { sum } = await program.run(state, {});
    program.dispose();
    state.dispose();
    return { right: sum!.data[0] === 2000, text: "a program runs" };
  };
  await context.check("state: more and more tensors", async () => {
    const piece = { shape: [1 << 28], data: new Float32Array(1 << 28) }; // 1 GiB
    const state = engine.state({});
    try {
      return await sentence(async () => {
        for (let i = 0; i <= limit / 2 ** 30 + 4; i++) state.upload({ [`${i}`]: piece });
        await state.download(["0"]); // an allocation's error may come late
      });
    } finally {
      state.dispose();
    }
  });
  await context.check("after it", steps);
  await context.check("program: too large in between", async () => {
    const rows = Math.ceil(limit / 1e9) * 500_000;
    const graph = record(
      "too large",
      { state: { a: { shape: [rows, 1], dtype: "float32" } }, feeds: {} },
      ({ a }) => {
        const wide = tf.softmax(tf.matMul(a!, tf.ones([1, 500]))); // as many bytes as the device has, and twice
        return { state: { a: tf.add(a!, 1) }, outputs: { s: tf.sum(tf.matMul(wide, wide, true, false)) } };
      },
    );
    const state = engine.state({ a: { shape: [rows, 1], data: new Float32Array(rows) } });
    try {
      return await sentence(async () => {
        const program = await engine.compile(graph);
        await program.run(state, {}).finally(() => program.dispose());
      });
    } finally {
      state.dispose();
    }
  });
  await context.check("after that", steps);
}

/** Measures copies and products. */
export async function speeds(context: CheckContext): Promise<void> {
  const onGpu = await context.isOnGpu();
  const engine = await context.open();
  for (const megabytes of onGpu ? [1, 64, 512] : [1, 64]) {
    await context.check(`copies of ${megabytes} MB`, async () => {
      const { up, down } = await bandwidth(engine, megabytes);
      const right = up > 0 && down > 0;
      return { right, text: `${up.toFixed(1)} GB/s up, ${down.toFixed(1)} GB/s down`, numbers: { up, down } };
    });
  }
  const N = onGpu ? 8192 : 512;
  for (const precision of engine.capabilities.dtypes.map((dtype) => dtype === "float32" ? "f32" : "bf16")) {
    await context.check(`products of ${N} × ${N}, ${precision}`, async () => {
      const speed = await productSpeed(await context.open({ precision: precision as "f32" }), N);
      return { right: speed > 0, text: `${speed.toPrecision(3)} TFLOP/s`, numbers: { speed } };
    });
  }
}

/** Measures steps of a model so small that the time is the host's: twelve layers, as many tensors as BERT-base. */
export async function hostTime(context: CheckContext): Promise<void> {
  const [B, T, V] = [1, 8, 100];
  const config = newConfig({ vocab_size: V, hidden_size: 8, num_hidden_layers: 4, num_attention_heads: 1 });
  const parameters = initialParameters(config, { seed: 1, labels: 2 });
  const tensors = Object.keys(parameters).length;
  await context.check(`a step with ${tensors} tensors`, async () => {
    const engine = await context.open();
    const trainer = new Trainer(engine, sequenceClassifier(config), parameters, optimizer("adamw"), 1);
    const batch = {
      shape: { B, K: 1, T },
      parts: [{
        ids: { shape: [B, T], data: Int32Array.from({ length: B * T }, (_, i) => i % V) },
        mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) },
        labels: { shape: [B], data: new Int32Array(B) },
        weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
      }],
      examples: B,
      tokens: B * T,
    };
    const step = () => trainer.step(batch, () => 1e-5);
    for (let i = 0; i < 5; i++) await step();
    const times: number[] = [];
    while (times.length < 60) {
      const start = performance.now();
      await step();
      times.push(performance.now() - start);
    }
    const { loss } = await step();
    await trainer.dispose();
    const [best, middle] = [Math.min(...times), median(times)];
    return {
      right: Number.isFinite(loss),
      text: `${middle.toFixed(2)} ms, at best ${best.toFixed(2)} ms, nearly all of it the host's`,
      numbers: { best, median: middle, tensors },
    };
  });
}
