/** Errors are one sentence each; they end nothing and leave nothing behind. */
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "../../../lib/engine/xla/client.ts";
import { engineOn } from "../../../lib/engine/xla/engine.ts";
import { XlaError } from "../../../lib/engine/xla/errors.ts";
import { structs } from "../../../lib/engine/xla/layouts.ts";
import { openPlugin } from "../../../lib/engine/xla/open.ts";
import { tryPlugin } from "../../../lib/engine/xla/probe.ts";
import { InputError } from "../../../lib/errors.ts";
import { record } from "../../../lib/graph/record.ts";
import type { HostTensors } from "../../../lib/tensors.ts";
import { signatures } from "../../../lib/training/step.ts";
import { pluginForTests } from "../engines.ts";
import { FaultyPlugin } from "./faulty.ts";
import { batch, newTrainer } from "../../training/example_training.ts";
import { inFolder } from "../../helpers/in_folder.ts";

const path = await pluginForTests("the faults of the engine xla");

/** The head of an ELF file for 64-bit Arm, and nothing after it. */
const foreign = Uint8Array.of(
  0x7f,
  0x45,
  0x4c,
  0x46,
  2,
  1,
  1,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  3,
  0,
  0xb7,
  0,
  ...new Array(44).fill(0),
);

/** The engine of a plugin with faults; it keeps no programs. */
const engineOf = ({ plugin }: FaultyPlugin) =>
  engineOn({ plugin, client: new Client(plugin.api) }, { cacheFolder: false });

Deno.test("libraries that are no plugin, of another processor or not there are refused in one sentence", async () => {
  await inFolder(async (folder) => {
    const file = (name: string) => join(folder, name);
    await writeFile(file("text.so"), "not a library");
    await writeFile(file("foreign.so"), foreign);
    for (const name of ["text.so", "foreign.so", "missing.so"]) {
      await rejects(tryPlugin(file(name)), (error) => {
        if (!(error instanceof InputError)) return false;
        match(error.message, /^Cannot (load|use) the plugin \S+: [^\n]+$/);
        return true;
      });
    }
  });
});

Deno.test({
  name: "a plugin that is cut off ends only the process that tries it; once it is whole it has one client",
  ignore: path === undefined,
  fn: () =>
    inFolder(async (folder) => {
      const copy = join(folder, "cut.so");
      await Deno.copyFile(path!, copy);
      await truncate(copy, 1_000_000);
      await rejects(openPlugin(copy), /^InputError: Cannot (load|use) the plugin \S+: [^\n]+$/);
      await rm(copy);
      await symlink(path!, copy);
      const [one, two] = await Promise.all([openPlugin(copy), openPlugin(copy)]);
      strictEqual(one.client, two.client, "opened once");
    }),
});

Deno.test({
  name: "API versions from 0.81 on are accepted, and newer ones get room for fields of theirs",
  ignore: path === undefined,
  async fn() {
    for (const [major, minor] of [[0, 80], [0, 57], [1, 81]] as const) {
      throws(() => new FaultyPlugin(path!, { major, minor }), {
        message:
          `Cannot use ${path} as it speaks PJRT API ${major}.${minor}: expected 0.81 or newer, which ` +
          "`deno task xla install` fetches",
      });
    }
    for (const minor of [81, 999]) {
      using faulty = new FaultyPlugin(path!, { major: 0, minor });
      deepStrictEqual(faulty.plugin.api.version, minor);
      const engine = engineOf(faulty);
      const program = await engine.compile(graph), state = engine.state(tensors);
      deepStrictEqual((await program.run(state, feeds)).sum!.data, Float32Array.of(3));
      deepStrictEqual(faulty.programSizes, [structs.Program.size + (minor === 999 ? 64 : 0)]);
      program.dispose();
      state.dispose();
    }
  },
});

const tensors: HostTensors = { a: { shape: [2], data: Float32Array.of(1, 2) } };
const graph = record("twice", {
  state: signatures(tensors),
  feeds: { x: { shape: [2], dtype: "float32" } },
}, ({ a, x }) => ({ state: { a: tf.add(a!, x!) }, outputs: { sum: tf.sum(a!) } }));
const feeds: HostTensors = { x: { shape: [2], data: Float32Array.of(3, 4) } };
const outOfMemory = { status: 8, message: "Out of memory allocating 123 bytes." };

Deno.test({
  name:
    "running out of memory when uploading, compiling or running says so, and nothing is left on the device",
  ignore: path === undefined,
  async fn() {
    using faulty = new FaultyPlugin(path!);
    const engine = engineOf(faulty);
    const isOutOfMemory = (error: unknown) => {
      if (!(error instanceof XlaError)) return false;
      match(
        error.message,
        /^Out of memory on \S+( with the program "twice")?: [^\n]*allocating 123 bytes[^\n]*$/,
      );
      return error.outOfMemory;
    };
    faulty.faults.set("Client_BufferFromHostBuffer", outOfMemory);
    throws(() => engine.state(tensors), isOutOfMemory);
    faulty.faults.clear();
    const second = {
      shape: [1],
      get data() {
        faulty.faults.set("Client_BufferFromHostBuffer", outOfMemory);
        return Float32Array.of(1);
      },
    };
    throws(() => engine.state({ ...tensors, second }), isOutOfMemory);
    deepStrictEqual(faulty.uploads.size, 0, "of a state that has no room nothing stays");
    faulty.faults.clear();

    faulty.faults.set("Client_Compile", outOfMemory);
    await rejects(engine.compile(graph), isOutOfMemory);
    faulty.faults.clear();

    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    faulty.faults.set("LoadedExecutable_Execute", outOfMemory);
    await rejects(program.run(state, feeds), isOutOfMemory);
    deepStrictEqual(faulty.uploads.size, 1, "the state stays, the feed is freed");
    faulty.faults.clear();

    deepStrictEqual((await program.run(state, feeds)).sum!.data, Float32Array.of(3));
    deepStrictEqual((await state.download()).a!.data, Float32Array.of(4, 6));
    program.dispose();
    state.dispose();
    deepStrictEqual(faulty.uploads.size, 0);
  },
});

Deno.test({
  name: "a plugin that does not tell its memory does not hide that memory ran out",
  ignore: path === undefined,
  async fn() {
    using faulty = new FaultyPlugin(path!);
    const engine = engineOf(faulty);
    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    faulty.faults.set("LoadedExecutable_Execute", outOfMemory);
    const silent = { status: 12, message: "not implemented" };
    faulty.faults.set("Executable_GetCompiledMemoryStats", silent);
    faulty.faults.set("Device_MemoryStats", { ...silent, status: 13 });
    await rejects(program.run(state, feeds), {
      name: "InputError",
      message:
        'Out of memory on cpu with the program "twice": Out of memory allocating 123 bytes.; take fewer ' +
        "texts at once (micro-batch size) or a shorter maximum length",
    });
  },
});

for (const after of [false, true]) {
  Deno.test({
    name: `after running out of memory ${
      after ? "when" : "before"
    } donated gradients are gone, a smaller batch trains`,
    ignore: path === undefined,
    async fn() {
      using faulty = new FaultyPlugin(path!);
      const engine = engineOf(faulty);
      const trainer = newTrainer({ engine });
      const untouched = newTrainer({ engine });
      faulty.faults.set("LoadedExecutable_Execute", { ...outOfMemory, after });
      await rejects(
        trainer.step(batch(1, 6), () => .01),
        (error) => error instanceof XlaError && error.outOfMemory,
      );
      faulty.faults.clear();
      deepStrictEqual(await trainer.parameters(), await untouched.parameters());
      const outcomes = [trainer, untouched].map((each) => each.step(batch(2, 2), () => .01));
      deepStrictEqual(await outcomes[0], await outcomes[1]);
      deepStrictEqual(await trainer.parameters(), await untouched.parameters());
      for (const each of [trainer, untouched]) await each.dispose();
    },
  });
}

Deno.test({
  name: "a run that fails on the device, after it was enqueued, says so where it is waited for",
  ignore: path === undefined,
  async fn() {
    using faulty = new FaultyPlugin(path!);
    const engine = engineOf(faulty);
    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    await program.run(state, feeds);
    faulty.faults.set("Event_Await", { ...outOfMemory, after: true });
    const wait = program.start!(state, feeds);
    await rejects(wait(), (error) => error instanceof XlaError && error.outOfMemory);
    faulty.faults.clear();
    deepStrictEqual([...state.shapes.keys()], [], "what the run should have made is not taken for a value");
    state.dispose();
  },
});

Deno.test({
  name: "a feed that is missing or misshapen is named",
  ignore: path === undefined,
  async fn() {
    const engine = engineOn(await openPlugin(path!), { cacheFolder: false });
    const program = await engine.compile(graph);
    const state = engine.state(tensors);
    await rejects(program.run(state, {}), {
      message: 'The graph "twice" is fed "x" of shape [2]: found nothing',
    });
    await rejects(program.run(state, { x: { shape: [3], data: new Float32Array(3) } }), {
      message: 'The graph "twice" is fed "x" of shape [2]: found [3]',
    });
    program.dispose();
    state.dispose();
  },
});
