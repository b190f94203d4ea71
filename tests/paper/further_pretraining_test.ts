import assert from "node:assert/strict";
import { encodeDocuments } from "../../lib/paper/segments.ts";
import { onnxEngine } from "../../lib/engine/onnx.ts";
import { referenceEngine } from "../../lib/engine/reference.ts";
import { InputError } from "../../lib/errors.ts";
import { furtherPretrain, type FurtherPretrainOptions } from "../../lib/paper/further_pretraining.ts";
import { holdOut } from "../../lib/paper/corpora.ts";
import type { PreTrainingEvaluation } from "../../lib/paper/pretraining_steps.ts";
import { startModel } from "../../lib/bert/start_model.ts";
import { tinyArchitecture } from "../helpers/example_model.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** Documents of sentences that count up from somewhere: the words beside a masked one give it away. */
const texts = Array.from({ length: 40 }, (_, document) =>
  Array.from({ length: 4 }, (_, sentence) => {
    const words = ["one", "two", "six", "ten", "red"];
    return Array.from({ length: 5 }, (_, place) => words[(document + sentence + place) % 5]).join(" ") + ".";
  }).join("\n") + ` Text ${String.fromCharCode(97 + document % 26)}${Math.floor(document / 26)}.`);

const newModel = await startModel("new", {
  seed: 1,
  preTraining: {},
  labels: ["a", "b"],
  architecture: { ...tinyArchitecture, tokens: "learnt-wordpieces", vocabulary: 45, initializerRange: .1 },
  texts,
});

/** Taken for one that has been trained before. */
const model = { ...newModel, fresh: false };

const documents = holdOut(texts, .2, 1);

const options: FurtherPretrainOptions = {
  model,
  documents,
  steps: 4,
  batchSize: 8,
  maxLength: 32,
  learningRate: 1e-2,
  seed: 1,
  heldOutExamples: 16,
};

/** The names of parameters that differ bit for bit. */
function changed(after: Record<string, { data: ArrayLike<number> }>): string[] {
  return Object.keys(after).filter((name) => {
    const before = model.parameters[name]!.data;
    return Array.from(after[name]!.data).some((value, i) => !Object.is(value, before[i]));
  });
}

Deno.test("pre-training lowers the loss of masked words in held-out documents, measured from step 0 on", async () => {
  const told: PreTrainingEvaluation[] = [];
  const steps: number[] = [];
  const run = await furtherPretrain({ ...options, steps: 60, evaluateEvery: 25, wholeWords: true }, {
    engine: onnxEngine(),
    onEvaluation: (evaluation) => void told.push(evaluation),
    onStep: ({ step }) => steps.push(step),
  });
  assert.deepEqual(run.evaluations.map(({ step }) => step), [0, 25, 50, 60]);
  assert.deepEqual(told, run.evaluations);
  assert.deepEqual([steps.length, steps.at(-1), run.steps], [60, 60, 60]);
  const [first, last] = [run.evaluations[0]!, run.evaluations.at(-1)!];
  assert.ok(
    Math.abs(first.mlmLoss - Math.log(model.config.vocab_size)) < .5,
    `${first.mlmLoss} at the start`,
  );
  assert.ok(last.mlmLoss < first.mlmLoss - 1, `${first.mlmLoss} → ${last.mlmLoss}`);
  assert.ok(last.mlmAccuracy > first.mlmAccuracy);
  assert.ok(Math.abs(first.nspLoss! - Math.log(2)) < .2 && first.nspAccuracy! <= 1);
  assert.ok(run.tokensPerSecond! > 0 && run.seconds > 0);
  assert.ok(run.shuffledMlmLoss > 0 && run.shuffledMlmLoss !== last.mlmLoss);
  const same = Object.keys(model.parameters).filter((name) => !changed(run.parameters).includes(name));
  assert.deepEqual(
    same.sort(),
    ["classifier.bias", "classifier.weight"],
    "all but the classifier is trained",
  );
});

Deno.test("whole words are masked where they are asked for", async () => {
  const engine = onnxEngine();
  const first = async (wholeWords: boolean) =>
    (await furtherPretrain({ ...options, steps: 1, wholeWords }, { engine })).evaluations[0]!.mlmLoss;
  const [pieces, words] = [await first(false), await first(true)];
  assert.notEqual(words, pieces, "other places are masked");
  assert.equal(await first(true), words, "and always the same ones");
});

Deno.test("while the heads are trained alone the body and its pooler stay as they are, bit for bit", async () => {
  const engine = onnxEngine();
  const run = await furtherPretrain({ ...options, steps: 0, headSteps: 3 }, { engine });
  const heads = Object.keys(model.parameters).filter((name) => name.startsWith("cls."));
  assert.deepEqual(changed(run.parameters).sort(), heads.sort());
  const both = await furtherPretrain({ ...options, steps: 4, headSteps: 3, evaluateEvery: 2 }, { engine });
  assert.deepEqual(both.evaluations.map(({ step }) => step), [0, 2, 3, 5, 7]);
  assert.ok(changed(both.parameters).some((name) => name.startsWith("bert.encoder.")));
});

Deno.test("without next sentences the pooler is not trained, and nothing is said of pairs", async () => {
  const run = await furtherPretrain({ ...options, nsp: false, steps: 2 }, {
    engine: await referenceEngine(),
  });
  assert.deepEqual(Object.keys(run.evaluations[1]!), ["step", "mlmLoss", "mlmAccuracy"]);
  const untrained = /^(bert\.pooler|classifier|cls\.seq_relationship)\./;
  assert.deepEqual(changed(run.parameters).filter((name) => untrained.test(name)), []);
  assert.ok(changed(run.parameters).includes("cls.predictions.bias"));
});

Deno.test("a run that is stopped and goes on ends as one that was not, bit for bit", async () => {
  await inFolder(async (folder) => {
    const engine = onnxEngine();
    const long = { ...options, steps: 16, headSteps: 2, evaluateEvery: 6 }; // more than one pass
    const straight = await furtherPretrain(long, { engine });
    const checkpoint = { folder, every: 5, resume: false };
    const stop = ({ step }: { step: number }) => {
      if (step === 12) throw new Error("stopped");
    };
    await assert.rejects(furtherPretrain(long, { engine, checkpoint, onStep: stop }), /stopped/);
    const steps: number[] = [];
    const resumed = await furtherPretrain(long, {
      engine,
      checkpoint: { ...checkpoint, resume: true },
      onStep: ({ step }) => steps.push(step),
    });
    assert.deepEqual([steps[0], steps.at(-1)], [11, 18]);
    assert.deepEqual(resumed.parameters, straight.parameters);
    assert.deepEqual(resumed.evaluations, straight.evaluations);
    const other = { ...long, documents: { ...documents, train: documents.train.slice(1) } };
    await assert.rejects(
      furtherPretrain(other, { engine, checkpoint: { ...checkpoint, resume: true } }),
      /^InputError: Cannot resume from .* as it is of a run with other settings or data/,
    );
  });
});

Deno.test("documents may come as texts or as wordpieces, and what cannot be used is said", async () => {
  const engine = onnxEngine();
  const pieces = (texts: readonly string[]) => encodeDocuments(texts, model.tokenizer, "en").documents;
  const { train, heldOut } = documents;
  const short = { ...options, steps: 2 };
  const encoded = { ...short, documents: { train: pieces(train), heldOut: pieces(heldOut) } };
  assert.deepEqual(
    (await furtherPretrain(encoded, { engine })).parameters,
    (await furtherPretrain(short, { engine })).parameters,
  );
  const refused = (change: Partial<FurtherPretrainOptions>, message: RegExp) =>
    assert.rejects(furtherPretrain({ ...options, ...change }, { engine }), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      return true;
    });
  await refused({ maxLength: 1000 }, /^Cannot read 1000 wordpieces at once as the model has 512 positions/);
  await refused({ documents: { train, heldOut: [" "] } }, /expected texts with words in them, found none/);
  await refused(
    { documents: { train, heldOut: ["жж ж", "ж жж"] } },
    /^Cannot measure how masked words are guessed as no wordpiece of the held-out texts can be masked: take a model /,
  );
  await refused(
    { model: { ...model, config: { ...model.config, type_vocab_size: 1 } } },
    /^Cannot read pairs of texts as the model knows 1 kind of segment: .*no next sentences/,
  );
  const { "cls.predictions.bias": _, ...headless } = model.parameters;
  await refused(
    { model: { ...model, parameters: headless } },
    /^Cannot pre-train a model without cls.predictions.bias: start it with its heads/,
  );
});

Deno.test("a new model starts from the words' shares, warms up for less time and comes down late", async () => {
  const engine = onnxEngine();
  const settings = { ...options, learningRate: 1e-5, steps: 1 };
  const [fresh, trained] = [
    await furtherPretrain({ ...settings, model: newModel }, { engine }),
    await furtherPretrain(settings, { engine }),
  ];
  const counts = new Map<number, number>();
  const { pieces } = encodeDocuments(documents.train, model.tokenizer, "en").documents;
  for (const piece of pieces) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  const entropy = [...counts.values()].reduce(
    (sum, n) => sum - n / pieces.length * Math.log(n / pieces.length),
    0,
  );
  assert.ok(
    Math.abs(fresh.evaluations[0]!.mlmLoss - entropy) < .5,
    `${fresh.evaluations[0]!.mlmLoss}, ${entropy}`,
  );
  assert.ok(trained.evaluations[0]!.mlmLoss > fresh.evaluations[0]!.mlmLoss + .3);
  assert.notDeepEqual(
    fresh.parameters["bert.embeddings.position_embeddings.weight"],
    newModel.parameters["bert.embeddings.position_embeddings.weight"],
  );
});

Deno.test("without warm-up the first update has the whole rate", async () => {
  const settings = { ...options, steps: 1, headSteps: 0, warmupProportion: 0 };
  const run = await furtherPretrain(settings, { engine: onnxEngine() });
  const name = "bert.embeddings.position_embeddings.weight";
  assert.notDeepEqual(run.parameters[name], model.parameters[name]);
});

Deno.test("the model can be had at any measurement, and is measured where it is asked for", async () => {
  const engine = onnxEngine();
  const kept: [step: number, bias: number][] = [];
  const run = await furtherPretrain({ ...options, headSteps: 2, steps: 6, evaluateAt: [2, 4, 6] }, {
    engine,
    onEvaluation: async ({ step }, parameters) => {
      kept.push([step, (await parameters())["cls.predictions.bias"]!.data[7]!]);
    },
  });
  assert.deepEqual(kept.map(([step]) => step), [0, 2, 4, 6, 8]);
  assert.equal(new Set(kept.map(([, bias]) => bias)).size, 5, "other parameters each time");
  assert.equal(kept.at(-1)![1], run.parameters["cls.predictions.bias"]!.data[7]);
});
