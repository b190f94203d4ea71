import assert from "node:assert/strict";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { layerOf } from "../../lib/bert/parameters.ts";
import { InputError } from "../../lib/errors.ts";
import {
  standInIdentity,
  startIdentity,
  startModel,
  type StartModelOptions,
} from "../../lib/bert/start_model.ts";
import { characterTokenizer } from "../../lib/text/tokenizer.ts";
import { withSettings } from "../storage/hub_server.ts";
import { tinyArchitecture } from "../helpers/example_model.ts";

const options: StartModelOptions = {
  labels: ["bad", "good"],
  seed: 3,
  architecture: { ...tinyArchitecture, layers: 3 },
  texts: ["ab ba", "abc"],
};

/** Runs a test where neither hub, nor cache, nor Python has a model. */
const withoutNetwork = (test: (folder: string) => Promise<void>) => withSettings({ PATH: "/nowhere" }, test);

Deno.test("a new model over characters has the shape that is asked for, and a vocabulary of the texts", async () => {
  const { config, parameters, tokenizer, description, notes } = await startModel("new", options);
  assert.equal(description, "new over characters, 3 layers of 16, 10 pieces");
  assert.deepEqual(notes, []);
  assert.equal(tokenizer.vocabSize, 10, "five special tokens, a, b, ##a, ##b, ##c");
  assert.deepEqual(
    [config.vocab_size, config.num_hidden_layers, config.hidden_size, config.num_attention_heads],
    [10, 3, 16, 2],
  );
  assert.deepEqual(config.id2label, { 0: "bad", 1: "good" });
  assert.deepEqual(parameters["classifier.weight"]!.shape, [2, 16]);
  assert.deepEqual((await startModel("new", options)).parameters, parameters, "the same seed draws the same");
  const other = await startModel("new", { ...options, seed: 4 });
  assert.notDeepEqual(other.parameters["classifier.weight"], parameters["classifier.weight"]);
});

Deno.test("a new model of fewer layers is the lower part of one of more", async () => {
  const [whole, part] = [
    await startModel("new", options),
    await startModel("new", { ...options, layers: 2 }),
  ];
  assert.equal(part.config.num_hidden_layers, 2);
  assert.match(part.description, /^new over characters, 2 layers/);
  const lower = Object.entries(whole.parameters).filter(([name]) => (layerOf(name) ?? 0) < 2);
  assert.deepEqual(part.parameters, Object.fromEntries(lower));
});

Deno.test("a folder gives its parameters and tokenizer, or only its lowest layers", () =>
  withoutNetwork(async (folder) => {
    const made = await startModel("new", options);
    await saveCheckpoint(folder, { ...made, tokenizerFiles: made.tokenizer.files });
    const found = await startModel(folder, options);
    assert.equal(found.description, `${folder}, 3 layers`);
    assert.deepEqual(found.notes, []);
    assert.deepEqual(found.tokenizer.encode("cab"), made.tokenizer.encode("cab"));
    assert.deepEqual(found.parameters["classifier.weight"]!.data, made.parameters["classifier.weight"]!.data);
    const { config, description } = await startModel(folder, { ...options, layers: 2, orNew: true });
    assert.deepEqual([config.num_hidden_layers, description], [2, `${folder}, lowest 2 layers`]);
    const { notes } = await startModel(folder, { ...options, labels: ["a", "b", "c"] });
    assert.match(notes.join(), /^The classifier is new: /);
    await assert.rejects(startModel(folder, { ...options, layers: 4 }), InputError);
  }));

Deno.test("a folder with the tokenizer of a larger model is refused", () =>
  withoutNetwork(async (folder) => {
    const { config, parameters } = await startModel("new", options);
    const { files, vocabSize } = characterTokenizer(["abcdefgh"]);
    await saveCheckpoint(folder, { config, parameters, tokenizerFiles: files });
    await assert.rejects(startModel(folder, options), {
      name: "InputError",
      message:
        `Cannot use ${folder} as its tokenizer.json or vocab.txt is that of another model: it has ${vocabSize} pieces, and the ` +
        "model knows 10",
    });
  }));

Deno.test("heads of pre-training are drawn where there are none, kept where there are, and need no labels", () =>
  withoutNetwork(async (folder) => {
    const unlabelled: StartModelOptions = { ...options, labels: undefined, preTraining: { nsp: false } };
    const made = await startModel("new", unlabelled);
    const heads = (parameters: object) =>
      Object.keys(parameters).filter((name) => /^cl(s|assifier)\./.test(name));
    const words = heads(made.parameters);
    assert.ok(
      words.includes("cls.predictions.bias") && words.every((name) => name.startsWith("cls.predictions.")),
    );
    assert.equal(made.config.id2label, undefined);
    await saveCheckpoint(folder, { ...made, tokenizerFiles: made.tokenizer.files });
    const found = await startModel(folder, { ...unlabelled, preTraining: {} });
    assert.deepEqual(found.notes, ["The head of next sentence prediction is new: the folder has none."]);
    assert.deepEqual(heads(found.parameters).length, words.length + 2);
    for (const name of words) assert.deepEqual(found.parameters[name]!.data, made.parameters[name]!.data);
  }));

Deno.test("where a model cannot be had a new one stands in, if that is allowed, and a note says so", () =>
  withoutNetwork(async (folder) => {
    const architecture = { ...options.architecture, tokens: "wordpieces" as const };
    for (const name of ["minilm", "nobody/nothing"]) {
      const error = await startModel(name, { ...options, architecture }).catch((error) => error);
      assert.ok(error instanceof InputError);
      assert.ok(error.message.startsWith(`Cannot fetch the model ${name}: it is not in the cache ${folder}`));
      assert.match(error.message, /the hub at http:\/\/127\.0\.0\.1:9 failed/);
      const model = await startModel(name, { ...options, architecture, layers: 1, orNew: true });
      assert.deepEqual(model.notes, [`${error.message}; a new model stands in for it.`]);
      assert.equal(
        model.description,
        "new over characters, 1 layers of 16, 10 pieces",
        "with the layers asked for",
      );
    }
    assert.deepEqual(await standInIdentity("minilm", () => {}), { standIn: true });
    for (const name of ["new", "nobody/nothing"]) assert.deepEqual(await standInIdentity(name, () => {}), {});
    await assert.rejects(
      startModel("new", { ...options, architecture }),
      /^InputError: Cannot fetch the model minilm/,
      "wordpieces are MiniLM's",
    );
  }));

Deno.test("what is kept of a model is known by contents, where names do not say them", () =>
  withSettings({}, async (folder) => {
    const { config, parameters, tokenizer } = await startModel("new", options);
    const save = (seed: number) =>
      saveCheckpoint(folder, {
        config: { ...config, initializer_range: seed },
        parameters,
        tokenizerFiles: tokenizer.files,
      });
    const identity = (name: string, sets: readonly string[] = []) =>
      startIdentity({
        name,
        sets,
        content: (set) => Promise.resolve(set === "from a folder" ? "hash" : undefined),
        say: () => {},
      });
    await save(1);
    const first = await identity(folder);
    assert.deepEqual(await identity(folder), first);
    await save(2);
    assert.notDeepEqual(await identity(folder), first, "another model in the same folder");
    assert.deepEqual(await identity("new", ["in a package"]), {});
    assert.deepEqual(await identity("new", ["in a package", "from a folder"]), {
      contents: { "from a folder": "hash" },
    });
  }));

Deno.test("what is no model at all is refused, whatever may stand in", () =>
  withoutNetwork(async (folder) => {
    await assert.rejects(startModel(folder, { ...options, orNew: true }), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /^Cannot load the tokenizer of .*: found neither tokenizer.json nor vocab.txt/,
      );
      return true;
    });
  }));
