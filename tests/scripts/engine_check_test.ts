/** The check of an engine: what it finds on engines that are right, wrong, missing, that abort or hang. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../../lib/engine/engine.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { compareAttention } from "../../scripts/engine_check/attention.ts";
import { CheckContext, type Finding } from "../../scripts/engine_check/context.ts";
import { parts } from "../../scripts/engine_check/parts.ts";
import { enginesCommand } from "../../scripts/engines.ts";
import { pluginForTests } from "../engine/engines.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

const plugin = await pluginForTests("the check of the engine xla");
const ignore = plugin === undefined;

/** An engine whose outputs are changed. */
function changed(engine: Engine, change: (outputs: HostTensors) => void): Engine {
  return {
    ...engine,
    async compile(graph) {
      const program = await engine.compile(graph);
      return {
        dispose: () => program.dispose(),
        async run(state, feeds) {
          const outputs = await program.run(state, feeds);
          change(outputs);
          return outputs;
        },
      };
    },
  };
}

/** The findings of a part of an engine. */
async function findingsOf(part: string, engine: Engine): Promise<Finding[]> {
  const found: Finding[] = [];
  class Context extends CheckContext {
    override open = () => Promise.resolve(engine);
  }
  await parts[part]!.run(new Context("onnx", "", 1, (finding) => found.push(finding)));
  return found;
}

test.slow("parts find an engine right, and one whose numbers are a little off wrong", async () => {
  const off = changed(onnxEngine(), (outputs) => {
    for (const { data } of Object.values(outputs)) if (data instanceof Float32Array) data[0]! *= 1.0002;
  });
  for (const part of ["model", "masks"]) {
    const states = (await findingsOf(part, onnxEngine())).map(({ state }) => state);
    ok(states.length > 0 && states.every((state) => state === "right"), `${part}: ${states}`);
  }
  for (const part of ["open", "model", "losses"]) {
    ok((await findingsOf(part, off)).some(({ state }) => state === "wrong"), part);
  }
});

Deno.test("attention in one call is compared with plain attention, and NaN from padding is found", async () => {
  const engine = onnxEngine(), shape = { B: 3, T: 12, N: 2, D: 8, padded: true };
  const right = await compareAttention(shape, { exact: engine, plain: engine, fused: engine });
  ok(right.right, right.text);
  // The last row is padding alone, so its gradient is asked for by nobody, but a trained weight would take it up.
  const fused = changed(engine, ({ dk }) => {
    if (dk) dk.data[dk.data.length - 1] = NaN;
  });
  const wrong = await compareAttention(shape, { exact: engine, plain: engine, fused });
  deepStrictEqual(wrong.right, false);
  match(wrong.text, /NOT ALL FINITE/);
  const skewed = changed(engine, ({ y }) => {
    if (y) y.data[0]! += 1;
  });
  deepStrictEqual(
    (await compareAttention(shape, { exact: engine, plain: engine, fused: skewed })).right,
    false,
  );
});

const check = (...args: string[]) => runInTest(enginesCommand, "--check", "--engine", "xla", ...args);

/** The table's lines by part: state and text. */
function tableOf(out: string): Map<string, { state: string; text: string }> {
  const lines = out.slice(out.indexOf("\npart ")).trim().split("\n").slice(1);
  return new Map(lines.map((line) => {
    const [, part, state, text] = /^(\S+).*? {2}(right|WRONG|not run) +[\d.]+ {2}(.*)$/.exec(line)!;
    return [part!, { state: state!, text: text! }] as const;
  }));
}

test.slow(
  "the whole check of the CPU's plugin is right, and its findings are in the file",
  () =>
    inFolder(async (folder) => {
      const json = join(folder, "check.jsonl");
      const { code, out } = await withEnvironment(
        { BERTLAB_XLA_PLUGIN: plugin! },
        () => check("--json", json),
      );
      const table = tableOf(out);
      deepStrictEqual([...table.keys()], Object.keys(parts));
      for (const [part, { state, text }] of table) {
        const isForGpus = part === "attention" || part === "memory";
        deepStrictEqual(state, isForGpus ? "not run" : "right", `${part}: ${text}`);
      }
      deepStrictEqual(code, 0);
      const lines = (await readFile(json, "utf8")).trim().split("\n").map((line) => JSON.parse(line));
      deepStrictEqual(new Set(lines.map(({ part }) => part)), new Set(Object.keys(parts)));
      ok(lines.every(({ name }) => typeof name === "string"));
      const { text } = lines.find(({ part, name }) => part === "resume" && name === "bf16");
      deepStrictEqual(text, "8 steps at once and 4 + 4 in two processes end with the same bits");
    }),
  { ignore },
);

test.slow(
  "a plugin that is missing or aborts is a wrong line of the table, and nothing else is run",
  () =>
    inFolder(async (folder) => {
      const cut = join(folder, "cut.so");
      await Deno.copyFile(plugin!, cut);
      await truncate(cut, 1_000_000);
      for (
        const [path, text] of [[join(folder, "none.so"), /no such file/], [
          cut,
          /Cannot (load|use) the plugin/,
        ]] as const
      ) {
        const { code, out, error } = await withEnvironment({ BERTLAB_XLA_PLUGIN: path }, () => check());
        const { open, ...others } = Object.fromEntries(tableOf(out));
        deepStrictEqual(open!.state, "WRONG");
        match(open!.text, text);
        for (const { state, text } of Object.values(others)) {
          deepStrictEqual([state, text], ["not run", "the engine does not open"]);
        }
        deepStrictEqual(code, 1);
        match(error, /\nNot all parts of the check of the engine xla are right: the table says which$/);
      }
    }),
  { ignore },
);

test.slow("a part that hangs is stopped", () =>
  inFolder(async (folder) => {
    const pipe = join(folder, "pipe.so"); // whoever opens it waits for a writer
    const made = await new Deno.Command("mkfifo", { args: [pipe] }).output().catch(() => undefined);
    if (!made?.success || Deno.build.os === "windows") return console.warn("SKIPPED: there is no mkfifo");
    try {
      const settings = { BERTLAB_XLA_PLUGIN: pipe };
      const { code, out } = await withEnvironment(settings, () => check("--limit", "4", "--part", "masks"));
      const table = tableOf(out);
      deepStrictEqual([code, [...table.keys()]], [1, ["open", "masks"]]);
      match(
        table.get("open")!.text,
        /its process did not end well \(stopped after 4 s\)|Cannot use the plugin/,
      );
      deepStrictEqual(table.get("masks")!.state, "not run");
    } finally {
      // Lets the process go that still waits to read.
      await new Deno.Command("timeout", { args: ["1", "sh", "-c", `: > ${pipe}`] }).output();
    }
  }));

Deno.test("what cannot be understood of a check is one sentence, before anything is run", async () => {
  const { code, error } = await check("--part", "everything");
  deepStrictEqual(code, 1);
  match(error, /^Unknown part "everything": expected one of open, operations, model, /);
});

test.slow("an engine without plugins is checked, too", async () => {
  const { code, out } = await runInTest(enginesCommand, "--check", "--engine", "onnx");
  const table = tableOf(out);
  for (const [part, { state, text }] of table) ok(state !== "WRONG", `${part}: ${text}`);
  deepStrictEqual([code, table.get("resume")!.state], [0, "right"]);
});
