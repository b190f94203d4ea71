/** cuDNN's attention is used where it works, and nowhere else. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { Client } from "../../../lib/engine/xla/client.ts";
import { isKnownGood } from "../../../lib/engine/xla/cudnn.ts";
import { engineOn } from "../../../lib/engine/xla/engine.ts";
import { attention } from "../../../lib/graph/composites.ts";
import type { Graph } from "../../../lib/graph/graph.ts";
import { record } from "../../../lib/graph/record.ts";
import { Random } from "../../../lib/random.ts";
import type { HostTensors } from "../../../lib/tensors.ts";
import { pluginForTests } from "../engines.ts";
import { withStandIn } from "./cudnn_stand_in.ts";
import { type Fault, FaultyPlugin } from "./faulty.ts";

const path = await pluginForTests("cuDNN's attention by a stand-in");
const ignore = path === undefined;

const [B, N, D] = [3, 2, 8];
const names = ["q", "k", "v"];

/** The gradients of attention over T tokens. */
function graphOf(T: number): Graph {
  const wide = { shape: [B, T, N * D], dtype: "float32" } as const;
  return record(`attention ${T}`, {
    state: {},
    feeds: { q: wide, k: wide, v: wide, bias: { shape: [B, T], dtype: "float32" } },
  }, (inputs) => {
    const loss = (...[q, k, v]: tf.Tensor[]) =>
      tf.sum(tf.square(attention(q!, k!, v!, inputs.bias!, N, 0))) as tf.Scalar;
    const gradients = tf.grads(loss)(names.map((name) => inputs[name]!));
    return { state: {}, outputs: Object.fromEntries(names.map((name, i) => [name, gradients[i]!])) };
  });
}

/** Rows of all, half and a quarter of the tokens. */
function feedsOf(T: number): HostTensors {
  const random = new Random(T);
  const shape = [B, T, N * D];
  const wide = () => ({ shape, data: Float32Array.from({ length: B * T * N * D }, () => random.normal()) });
  const bias = new Float32Array(B * T);
  bias.fill(-1e9, T + T / 2, 2 * T).fill(-1e9, 2 * T + T / 4);
  return { q: wide(), k: wide(), v: wide(), bias: { shape: [B, T], data: bias } };
}

/** Gradients by cuDNN's stand-in, where it is used, and by products; the lines that were said; what was compiled last. */
async function gradients(
  T: number,
  { isFaulty = (_: number): boolean => false, fault = undefined as Fault | undefined } = {},
) {
  using faulty = new FaultyPlugin(path!);
  faulty.rewrite = (text) => withStandIn(text, isFaulty);
  if (fault) faulty.faults.set("Client_Compile", fault);
  const opened = { plugin: faulty.plugin, client: new Client(faulty.plugin.api) };
  const said: string[] = [];
  const run = async (fusedAttention: boolean) => {
    const engine = engineOn(opened, {
      precision: "bf16",
      fusedAttention,
      cacheFolder: false,
      say: (line) => said.push(line),
    });
    const program = await engine.compile(graphOf(T));
    const state = engine.state({});
    const found = await program.run(state, feedsOf(T));
    program.dispose();
    return found;
  };
  const fused = await run(true);
  const calls = faulty.programs.at(-1)!.match(/__cudnn/g)?.length ?? 0;
  return { fused, calls, said, plain: await run(false) };
}

/** |a − b| / |b|. */
function distance(a: HostTensors, b: HostTensors): number {
  let [difference, size] = [0, 0];
  for (const name of names) {
    a[name]!.data.forEach((value, i) => {
      difference += (value - b[name]!.data[i]!) ** 2;
      size += b[name]!.data[i]! ** 2;
    });
  }
  return Math.sqrt(difference / size);
}

Deno.test({
  name: "gradients of padding are zero, though cuDNN leaves what was in their memory",
  ignore,
  async fn() {
    const { fused, calls, said, plain } = await gradients(16);
    deepStrictEqual([calls, said], [2, []], "one call forward, one backward");
    ok(distance(fused, plain) < .02, `differs by ${distance(fused, plain)}`);
    for (const name of ["k", "v"]) {
      deepStrictEqual(
        [...fused[name]!.data.slice((16 + 8) * N * D, 2 * 16 * N * D)],
        new Array(8 * N * D).fill(0),
      );
    }
  },
});

Deno.test({
  name: "where cuDNN's gradients are not finite, attention is computed by products, which is said",
  ignore,
  async fn() {
    const { fused, calls, said, plain } = await gradients(16, { isFaulty: (tokens) => tokens === 16 });
    deepStrictEqual(calls, 0);
    deepStrictEqual(said, [
      "Attention over 16 tokens with heads of 8 is computed by matrix products, not by cuDNN: its gradient of the " +
      "query is not finite",
    ]);
    deepStrictEqual(fused, plain);
  },
});

Deno.test({
  name: "where cuDNN refuses a shape, alone or in a program, attention is computed by products",
  ignore,
  async fn() {
    const message = "No valid engine configs";
    for (const within of [/__cudnn/, /__cudnn.*tensor<3x16x2x8xbf16>/]) {
      const { fused, calls, said, plain } = await gradients(16, { fault: { status: 13, message, within } });
      deepStrictEqual([calls, said.length], [0, 1]);
      match(said[0]!, /not by cuDNN: it refuses [^\n]*No valid engine configs/);
      deepStrictEqual(fused, plain);
    }
  },
});

Deno.test("versions of cuDNN that are known for gradients that are not numbers are used for multiples of 128 alone", () => {
  const shape = (tokens: number) => ({ tokens, heads: 12, size: 64 });
  for (const version of [91900, 91901, 92000, 92003]) {
    deepStrictEqual([64, 128, 192, 256].map((tokens) => isKnownGood(version, shape(tokens))), [
      false,
      true,
      false,
      true,
    ]);
  }
  for (const version of [91800, 92100, 92601, undefined]) ok(isKnownGood(version, shape(64)));
});
