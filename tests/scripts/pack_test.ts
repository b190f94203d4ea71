/** A pack: written, moved, and used without a network, with an empty home. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { loadClassifier } from "../../lib/classifier/classifier.ts";
import { saveClassifier } from "../../lib/classifier/save.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { fineTune } from "../../lib/paper/fine_tune.ts";
import { loadTokenizer, type Tokenizer, vocabularyTokenizer } from "../../lib/text/tokenizer.ts";
import { specialPieces } from "../../lib/text/tokenizer_files.ts";
import { copyHalf, halfSafetensors } from "../../scripts/pack/half.ts";
import { copyPruned } from "../../scripts/pack/pruned.ts";
import { packCommand } from "../../scripts/pack.ts";
import { InferenceSession, Tensor } from "../../scripts/pack/no_onnx.ts";
import { pluginForTests } from "../engine/engines.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";
import { writeModel, writeTexts } from "./train_files.ts";

const plugin = await pluginForTests("a pack with the plugin of the engine xla");

/** Most megabytes of a pack without models, data sets and plugins. */
const mostMegabytes = 50;

/** The words before a command that take the network away from it; none where that is not allowed. */
async function withoutNetwork(): Promise<string[]> {
  for (const words of [["unshare", "-n"], ["unshare", "-rn"]]) {
    const [program, ...args] = words as [string, ...string[]];
    const done = await new Deno.Command(program, { args: [...args, "true"] }).output().catch(() => undefined);
    if (done?.success) return words;
  }
  console.warn("SKIPPED: taking the network away: unshare -n is not allowed here");
  return [];
}

test.slow(
  `a pack has at most ${mostMegabytes} MB, and trains, predicts, evaluates and checks without a network`,
  () =>
    inFolder(async (folder) => {
      const model = await writeModel(join(folder, "start"));
      const packed = join(folder, "packed"), moved = join(folder, "moved"), home = join(folder, "home");
      const made = await runInTest(packCommand, packed, "--model", model, "--plugin", "cpu");
      strictEqual(made.code, 0, made.error);
      const size = Number(/: ([\d.]+) MB of programs/.exec(made.out)![1]);
      ok(size <= mostMegabytes, made.out);
      console.log(made.out);
      await mkdir(moved);
      await mkdir(home);
      const copied = await new Deno.Command("sh", {
        args: ["-c", `tar -C ${packed} -cf - . | tar -C ${moved} -xf -`],
      })
        .output();
      ok(copied.success);
      await Deno.remove(packed, { recursive: true });
      const alone = await withoutNetwork();
      const train = await writeTexts(join(folder, "train.csv"), 40, 1);
      const more = await writeTexts(join(folder, "more.csv"), 20, 2);
      const bertlab = async (...args: string[]) => {
        const [program, ...words] = [...alone, join(moved, "bertlab"), ...args] as [string, ...string[]];
        const { code, stdout, stderr } = await new Deno.Command(program, {
          args: words,
          cwd: folder,
          clearEnv: true,
          env: { HOME: home, PATH: "/usr/bin:/bin", NO_COLOR: "1" },
        }).output();
        const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
        return { code, out: text(stdout), error: text(stderr) };
      };
      const xla = ["--engine", "xla"];
      const small = ["--batch-size", "8", "--max-length", "16", "--epochs", "1"];
      const trained = await bertlab(
        ...["train", "--train", train, "--model", join(moved, "models/start"), "--output", "my-model"],
        ...[...small, ...xla],
      );
      strictEqual(trained.code, 0, trained.error);
      const predicted = await bertlab(
        ...["predict", "--model", "my-model", "--input", more, "--output", "labelled.csv", ...xla],
      );
      strictEqual(predicted.code, 0, predicted.error);
      match(await readFile(join(folder, "labelled.csv"), "utf8"), /^text,label,predicted_label,/);
      const evaluated = await bertlab("evaluate", "--model", "my-model", "--input", more, ...xla);
      match(evaluated.out, /^20 texts of .*: error /, evaluated.error);
      const checked = await bertlab("engines", "--check", ...xla, "--part", "losses", "--part", "resume");
      strictEqual(checked.code, 0, checked.out + checked.error);
      match(checked.out, /\nlosses +right /);
      const timed = await bertlab(
        ...["bench", "gpu", "--run", "--tiny", "--seconds", "0.1", "--only", "base B32 T128 f32"],
      );
      match(timed.out, /^base B32 T128 f32: [\d.]+ ms a step/, timed.error);
      const listed = await bertlab("reproduce", "table2", "--dry-run", ...xla);
      match(listed.out, /table2: 0 of 12 runs are on record/, listed.error);
      const onnx = await bertlab("evaluate", "--model", "my-model", "--input", more, "--engine", "onnx");
      deepStrictEqual([onnx.code, onnx.error.split("\n").at(-1)], [
        1,
        "Cannot use the engine onnx, which a pack does not have: give --engine xla",
      ]);
      const nothing = await bertlab();
      match(nothing.error, /^Cannot run no command: expected one of train, predict, /);
      deepStrictEqual(await readdir(home), [], "nothing was written into the home");
    }),
  { ignore: plugin === undefined },
);

Deno.test("a pack is not written over other files, and names what it cannot find", () =>
  inFolder(async (folder) => {
    const full = await runInTest(packCommand, folder + "/..");
    deepStrictEqual(full.code, 1);
    match(full.error, /^Cannot write a pack into .* as it is not empty: give --overwrite$/);
    ok((await stat(folder)).isDirectory());
    throws(() => new Tensor(), { message: /^Cannot use the engine onnx, which a pack does not have/ });
    throws(() => InferenceSession.create(), { message: /give --engine xla$/ });
  }));

Deno.test("a pruned model reads and classifies the texts as before, and has a row for each of their pieces", () =>
  inFolder(async (folder) => {
    const from = join(folder, "start"), to = join(folder, "pruned");
    const data = exampleDataset();
    const texts = data.train.slice(0, 1).map(({ text }) => text);
    const trained = await fineTune(await tinyModel(data), data, tinySettings({}), { engine: onnxEngine() });
    await saveClassifier(from, trained);
    const { before, after } = await copyPruned(from, to, texts);
    ok(after < before && after > 5, `${after} of ${before}`);
    const [whole, pruned] = await Promise.all([from, to].map((path) => loadTokenizer(path)));
    const pieces = ({ files }: Tokenizer) =>
      new Map(
        Object.entries<number>(JSON.parse(String(files["tokenizer.json"])).model.vocab).map((
          [p, i],
        ) => [i, p]),
      );
    const [old, now] = [pieces(whole!), pieces(pruned!)];
    for (const text of texts) {
      deepStrictEqual(
        Array.from(pruned!.encode(text), (id) => now.get(id)),
        Array.from(whole!.encode(text), (id) => old.get(id)),
      );
    }
    const used = new Set(texts.flatMap((text) => [...whole!.encode(text)]));
    strictEqual(after, new Set([...used, ...Object.values(whole!.ids)]).size);
    strictEqual((await loadCheckpoint(to, { seed: 1 })).config.vocab_size, after);
    const [expected, found] = await Promise.all([from, to].map(async (path) => {
      const classifier = await loadClassifier(path, { engine: onnxEngine() });
      const probabilities = await classifier.probabilities(texts);
      await classifier.dispose();
      return probabilities;
    }));
    deepStrictEqual(found, expected);
    await copyHalf(to, to);
    ok((await loadCheckpoint(to, { seed: 1 })).parameters["classifier.weight"]);
  }));

Deno.test("a vocabulary is not pruned to no texts, nor where a text would be read in another way", () =>
  inFolder(async (folder) => {
    const none = await runInTest(packCommand, join(folder, "pack"), "--prune");
    deepStrictEqual([none.code, none.error], [
      1,
      "Cannot prune a vocabulary to the texts of no data set: give --data as well",
    ]);
    const model = await tinyModel(exampleDataset());
    const from = join(folder, "model");
    const pieces = [...specialPieces, "ab", "a", "d", "##bc"]; // "abc" is [UNK] as "ab" is taken first
    const { files: tokenizerFiles } = vocabularyTokenizer(pieces);
    await saveCheckpoint(from, { ...model, tokenizerFiles });
    await rejects(copyPruned(from, join(folder, "to"), ["abc", "a dbc"]), {
      name: "InputError",
      message:
        `Cannot prune the vocabulary of ${from}: with what is left, "abc" would be other wordpieces; pack the ` +
        "model whole",
    });
  }));

Deno.test("a model's folder with weights of 16 bits is half as large, and is read again", () =>
  inFolder(async (folder) => {
    const from = await writeModel(join(folder, "start")), to = join(folder, "half");
    await copyHalf(from, to);
    const [whole, half] = await Promise.all([from, to].map((path) => loadCheckpoint(path, { seed: 1 })));
    deepStrictEqual(half!.config, whole!.config);
    deepStrictEqual(Object.keys(half!.parameters).sort(), Object.keys(whole!.parameters).sort());
    for (const [name, { data }] of Object.entries(whole!.parameters)) {
      const nearest = (value: number) => Math.f16round(value);
      deepStrictEqual(half!.parameters[name]!.data, (data as Float32Array).map(nearest), name);
    }
    const sizes = await Promise.all([from, to].map((path) => stat(join(path, "model.safetensors"))));
    ok(sizes[1]!.size < 0.6 * sizes[0]!.size);
    const huge = { a: { shape: [1], data: Float32Array.of(7e4) } };
    throws(() => halfSafetensors(huge, "m"), {
      message: 'Cannot write m as F16: "a" has numbers beyond 65504',
    });
  }));
