/** Ctrl-C and SIGTERM, as real signals to real processes. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { contentsOf, makeWorks } from "../../scripts/campaign_works.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { slowUnless } from "../helpers/slow.ts";

const root = join(import.meta.dirname!, "../..");
const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
const ignore = process.platform === "win32";

interface Started {
  kill(signal: Deno.Signal): void;
  /** Standard error so far. */
  said(): string;
  ended: Promise<{ code: number; error: string }>;
}

/** Starts a task's own process, or with `setsid` the task through `deno task` in a group that gets the signals. */
function start(
  task: string,
  args: readonly string[],
  env: Record<string, string>,
  { group = false } = {},
): Started {
  const own = tasks[task].split(" ").slice(2);
  const [command, first] = group ? ["setsid", [Deno.execPath(), "task", task]] : [Deno.execPath(), own];
  const child = new Deno.Command(command, {
    args: [...first, ...args],
    cwd: root,
    env,
    stdout: "null",
    stderr: "piped",
  })
    .spawn();
  let error = "";
  const reading = (async () => {
    for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) error += part;
  })();
  return {
    kill: (signal) => void process.kill(group ? -child.pid : child.pid, signal),
    said: () => error,
    ended: child.status.then(async ({ code }) => (await reading, { code, error })),
  };
}

/** Waits until something is so, or the process has ended. */
async function until(started: Started, isSo: () => Promise<boolean>): Promise<void> {
  let ended = false;
  void started.ended.then(() => ended = true);
  while (!ended && !await isSo()) await sleep(2);
}

const hasCheckpoint = (folder: string) => async () =>
  (await readdir(folder, { recursive: true }).catch(() => [])).some((name) =>
    /checkpoint-\d+\.safetensors$/.test(name)
  );

const cases = [
  { work: "train", signal: "SIGINT", code: 130, group: true, checkpoints: "output" },
  { work: "itpt-fit", signal: "SIGTERM", code: 143, group: false, checkpoints: "output" },
  { work: "pretrain", signal: "SIGTERM", code: 143, group: true, checkpoints: "output" },
  { work: "reproduce", signal: "SIGINT", code: 130, group: false, checkpoints: "cache" },
] as const;

for (const { work, signal, code, group, checkpoints } of cases) {
  slowUnless(false)(
    `${work} that ${signal} stops${
      group ? " through deno task" : ""
    } saves its step, says how to go on, and goes on to the same`,
    () =>
      inFolder(async (folder) => {
        const { works, environment } = await makeWorks(folder);
        const { task, args, goOn } = works.find(({ name }) => name === work)!;
        const output = join(folder, "output");
        const long = task === "reproduce" ? ["--set", "preTraining.steps=1500"] : [];
        const into = (more: readonly string[] = []) => [
          ...args.map((arg) => arg === "OUT" ? output : arg),
          ...long,
          ...more,
        ];
        const whole = await start(task, into(), environment).ended;
        assert.equal(whole.code, 0, whole.error);
        const expected = await contentsOf(output);
        for (const path of [output, join(folder, "cache")]) {
          await Deno.remove(path, { recursive: true }).catch(() => {});
        }

        const stopped = start(task, into(), environment, { group });
        const place = checkpoints === "output" ? output : join(folder, "cache");
        if (checkpoints === "output") await until(stopped, hasCheckpoint(output));
        else {
          // Its checkpoints are a minute apart, so the signal comes some time after its first line.
          await until(stopped, () => Promise.resolve(/pre-training on/.test(stopped.said())));
          await sleep(800);
        }
        stopped.kill(signal);
        const { code: found, error } = await stopped.ended;
        assert.equal(found, code, error);
        assert.match(
          error,
          new RegExp(
            `\\nStopped by ${signal} with all steps saved: the same command ${
              goOn ? "with --resume " : ""
            }goes on from there\\n$`,
          ),
        );
        assert.ok(await hasCheckpoint(place)(), "a checkpoint is there");
        const names = [...await readdir(folder, { recursive: true })];
        assert.deepEqual(names.filter((name) => /\.(tmp|lock)$/.test(name) && !name.endsWith("/lock")), []);
        const again = await start(task, into(goOn ? [goOn] : []), environment).ended;
        assert.equal(again.code, 0, again.error);
        assert.deepEqual(await contentsOf(output), expected);
      }),
    { ignore },
  );
}

Deno.test({
  name: "predict that is stopped removes its temporary file and leaves the older one",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const { works, environment } = await makeWorks(folder);
      const train = works.find(({ name }) => name === "train")!;
      const trained = await start(
        "train",
        train.args.map((arg) => arg === "OUT" ? join(folder, "trained") : arg),
        environment,
      ).ended;
      assert.equal(trained.code, 0, trained.error);
      const input = join(folder, "long.csv");
      await Deno.writeTextFile(input, `text\n${"bo ku du\n".repeat(200_000)}`);
      const output = join(folder, "out.csv");
      await Deno.writeTextFile(output, "old");
      const args = ["--model", join(folder, "trained"), "--input", input, "--output", output];
      for (const [signal, code, group] of [["SIGINT", 130, true], ["SIGTERM", 143, false]] as const) {
        const stopped = start("predict", args, environment, { group });
        await until(stopped, async () =>
          (await readdir(folder)).some((name) => /^out\.csv\..*\.tmp$/.test(name)));
        stopped.kill(signal);
        const { code: found, error } = await stopped.ended;
        assert.equal(found, code, error);
        assert.match(error, new RegExp(`Stopped at once by ${signal}: `));
        assert.deepEqual(
          (await readdir(folder)).filter((name) =>
            name.startsWith("out")
          ),
          ["out.csv"],
        );
        assert.equal(await readFile(output, "utf8"), "old");
      }
    }),
});

slowUnless(false)("a second Ctrl-C ends at once", () =>
  inFolder(async (folder) => {
    const { works, environment } = await makeWorks(folder);
    const { args } = works.find(({ name }) => name === "train")!;
    const output = join(folder, "output");
    // A step of many passes takes seconds, so that the second signal comes within it.
    const long = ["--batch-size", "4096", "--micro-batch-size", "1"];
    const table = await Deno.readTextFile(join(folder, "train.csv"));
    const rows = table.trim().split("\n").slice(1);
    await Deno.writeTextFile(
      join(folder, "train.csv"),
      ["text,label", ...Array.from({ length: 100 }, () => rows).flat()].join("\n"),
    );
    const stopped = start("train", [
      ...args.map((arg) => arg === "OUT" ? output : arg),
      ...long,
      "--checkpoint-every",
      "1",
    ], environment);
    await until(stopped, hasCheckpoint(output));
    stopped.kill("SIGINT");
    await until(stopped, () => Promise.resolve(/Stopping at the end/.test(stopped.said())));
    await sleep(600);
    stopped.kill("SIGINT");
    const { code, error } = await stopped.ended;
    assert.equal(code, 130, error);
    assert.match(error, /Stopped at once by SIGINT: .*\n$/);
  }), { ignore });
