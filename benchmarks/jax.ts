/**
 * Our recorded training step on the xla engine against the same model's step written in JAX, on the same plugin with
 * the same options. It tests whether our recorded graph is slower for XLA.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import type { DeviceBuffer } from "../lib/engine/xla/buffer.ts";
import { oneDnnOverrides, platformOverrides } from "../lib/engine/xla/compile_options.ts";
import { findPlugin } from "../lib/engine/xla/discovery.ts";
import { openPlugin } from "../lib/engine/xla/open.ts";
import { InputError } from "../lib/errors.ts";
import { Random } from "../lib/random.ts";
import { openEngine } from "../lib/engine/open.ts";
import { describe, type Side } from "./sides.ts";
import { classifierSide, stepShapes } from "./step.ts";
import { interleave } from "./timing.ts";

/** Returns shapes and types of the arguments of a module's @main, in order. */
function argumentsOf(text: string): { shape: number[]; type: string }[] {
  const main = text.slice(text.indexOf("@main("), text.indexOf("->", text.indexOf("@main(")));
  return [...main.matchAll(/%arg\d+: tensor<((?:\d+x)*)(\w+)>/g)].map(([, sizes, type]) => ({
    shape: sizes!.split("x").filter(Boolean).map(Number),
    type: type!,
  }));
}

/** Makes a step written in JAX that takes its own results; all arguments before the batch are donated state. */
async function jaxSide(python: string, { L, H, B, T }: { L: number; H: number; B: number; T: number }) {
  const script = join(import.meta.dirname!, "step_jax.py");
  const { stdout: text } = await promisify(execFile)(python, [script, ...[L, H, B, T].map(String)], {
    maxBuffer: 1 << 28,
  }).catch((error) => {
    throw new InputError(`Cannot lower a step with JAX by ${python}: ${error.message.split("\n").at(-2)}`);
  });
  const { client } = await openPlugin((await findPlugin()).path);
  const device = client.devices[0]!;
  const oneDnn = process.env.BERTLAB_XLA_ONEDNN === "1" ? oneDnnOverrides : {};
  const program = await client.compile(text, {
    overrides: { ...platformOverrides(client.platform), ...oneDnn },
  });
  const random = new Random(1);
  const inputs = argumentsOf(text);
  const batch = inputs.length - 5; // ids, mask, labels, key, count
  let buffers = inputs.map(({ shape, type }, place): DeviceBuffer => {
    const size = shape.reduce((product, length) => product * length, 1);
    if (type !== "f32") {
      const below = place === batch ? 30_522 : 2;
      return client.upload(
        { shape, data: Int32Array.from({ length: size }, () => random.below(below)) },
        device,
      );
    }
    const value = () => place > batch ? 1 : place < batch / 3 ? .02 * random.normal() : 0;
    return client.upload({ shape, data: Float32Array.from({ length: size }, value) }, device);
  });
  const step: Side = async () => {
    const start = performance.now();
    const [results] = await program.run([buffers]) as [DeviceBuffer[]];
    for (const buffer of buffers.slice(0, batch)) buffer.dispose();
    const loss = await results.at(-1)!.download();
    if (!Number.isFinite(loss.data[0])) throw new Error(`The JAX-written step's loss is ${loss.data[0]}`);
    results.at(-1)!.dispose();
    buffers = [...results.slice(0, -1), ...buffers.slice(batch)];
    return performance.now() - start;
  };
  await step();
  return {
    step,
    end: () => {
      for (const buffer of buffers) buffer.dispose();
      program.dispose();
    },
  };
}

/** Runs the benchmark; returns its numbers for the history. */
export async function benchJax(
  { python, repeats, say }: { python?: string; repeats: number; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  if (python === undefined) {
    throw new InputError("Cannot compare with JAX: name a Python that has it by --python");
  }
  const results: Record<string, unknown> = {};
  for (const shape of stepShapes) {
    const ours = await classifierSide(await openEngine("xla"), shape);
    const jax = await jaxSide(python, shape);
    const timings = await interleave({ xla: ours.step, "JAX-written": jax.step }, repeats);
    await ours.end();
    jax.end();
    const label = `L${shape.L} H${shape.H} B${shape.B} T${shape.T}`;
    say(`${label}: ${describe(timings, "xla", 1)}`);
    results[label] = timings;
  }
  return results;
}
