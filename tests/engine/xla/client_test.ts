/** The client against a real plugin. */
import { deepStrictEqual, ok, rejects, throws } from "node:assert/strict";
import { XlaError } from "../../../lib/engine/xla/errors.ts";
import { openPlugin } from "../../../lib/engine/xla/open.ts";
import type { HostTensor } from "../../../lib/tensors.ts";
import { pluginForTests } from "../engines.ts";
import { runChild } from "./child.ts";

const path = await pluginForTests("the client of the engine xla");

/** a − b, a's memory becoming the result's, and whether a > b. */
const subtract = `module {
  func.func public @main(%a: tensor<2x3xf32> {tf.aliasing_output = 0 : i32}, %b: tensor<2x3xf32>) -> (tensor<2x3xf32>, tensor<2x3xi1>) {
    %0 = stablehlo.subtract %a, %b : tensor<2x3xf32>
    %1 = stablehlo.compare GT, %a, %b, FLOAT : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>
    return %0, %1 : tensor<2x3xf32>, tensor<2x3xi1>
  }
}`;
const a: HostTensor = { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const b: HostTensor = { shape: [2, 3], data: Float32Array.of(1, 1, 1, 9, 9, 9) };

Deno.test({
  name: "a program is compiled, run, written and read; the donated input is gone",
  ignore: path === undefined,
  async fn() {
    const { client } = await openPlugin(path!);
    const device = client.devices[0]!;
    using first = await client.compile(subtract);
    deepStrictEqual(first.executable.memory.aliased, 24);
    using second = client.load(first.executable.serialize());
    for (const program of [first, second]) {
      using donated = client.upload(a, device);
      using kept = client.upload(b, device);
      const [[difference, greater]] = await program.run([[donated, kept]]) as [
        [typeof donated, typeof donated],
      ];
      deepStrictEqual([donated.isDeleted, kept.isDeleted], [true, false]);
      deepStrictEqual(await difference.download(), {
        shape: [2, 3],
        data: Float32Array.of(0, 1, 2, -5, -4, -3),
      });
      deepStrictEqual(await greater.download(), { shape: [2, 3], data: Int32Array.of(0, 1, 1, 0, 0, 0) });
      await rejects(program.run([[donated, kept]]), (error) => {
        ok(error instanceof XlaError);
        deepStrictEqual(error.code, "INVALID_ARGUMENT");
        return /^Cannot run a program: .*deleted or donated/.test(error.message);
      });
      difference.dispose();
      difference.dispose();
      throws(() => difference.shape, TypeError);
      greater.dispose();
    }
  },
});

Deno.test({
  name: "tensors of any rank go to the device and come back",
  ignore: path === undefined,
  async fn() {
    const { client } = await openPlugin(path!);
    const tensors: HostTensor[] = [
      { shape: [], data: Float32Array.of(2.5) },
      { shape: [3], data: Int32Array.of(-1, 0, 2 ** 31 - 1) },
      { shape: [2, 3, 2], data: Float32Array.from({ length: 12 }, (_, i) => i / 7) },
      { shape: [2], data: Float32Array.of(7, 8, 9).subarray(1) },
    ];
    for (const tensor of tensors) {
      for (const device of client.devices) {
        using buffer = client.upload(tensor, device);
        const { shape, data } = await buffer.download();
        deepStrictEqual({ shape, data: [...data] }, { shape: tensor.shape, data: [...tensor.data] });
      }
    }
  },
});

Deno.test({
  name: "a module that is none, and an option that is none, are one sentence each",
  ignore: path === undefined,
  async fn() {
    const { client } = await openPlugin(path!);
    await rejects(client.compile("module {"), (error) => {
      return error instanceof XlaError && /^Cannot compile a program: [^\n]* \(\w+\)$/.test(error.message);
    });
    await rejects(client.compile(subtract, { overrides: { xla_no_such_option: true } }), {
      message: "Cannot compile a program: No such compile option: 'xla_no_such_option' (INVALID_ARGUMENT)",
    });
  },
});

Deno.test({
  name: "a CPU is parted into as many devices as are asked for",
  ignore: path === undefined,
  async fn() {
    const { client } = await openPlugin(path!);
    if (client.platform !== "cpu") return;
    const more = await openPlugin(path!, client.devices.length + 2);
    deepStrictEqual(more.client.devices.length, client.devices.length + 2);
    deepStrictEqual((await openPlugin(path!, 2)).client, client);
  },
});

Deno.test({
  name: "the event loop goes on while a program is compiled",
  ignore: path === undefined,
  async fn() {
    const { client } = await openPlugin(path!);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    // A chain of functions that no optimization shortens.
    const lines = Array.from(
      { length: 60 },
      (_, i) => `%${i + 1} = stablehlo.${i % 2 ? "sine" : "tanh"} %${i} : tensor<64xf32>`,
    );
    const text = `module { func.func public @main(%0: tensor<64xf32>) -> tensor<64xf32> {
      ${lines.join("\n")}
      return %60 : tensor<64xf32>
    } }`;
    using program = await client.compile(text);
    clearInterval(timer);
    ok(ticks > 0);
    deepStrictEqual(program.executable.outputCount, 1);
  },
});

Deno.test({
  name: "a process that ends while programs are running ends well",
  ignore: path === undefined,
  async fn() {
    deepStrictEqual(await runChild("ends_running.ts", [path!]), {
      code: 0,
      output: "running: true\nrunning at the end: false\n",
    });
  },
});
