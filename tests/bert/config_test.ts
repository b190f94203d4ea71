import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { configLabels, newConfig, parseConfig, readConfig, withLabels } from "../../lib/bert/config.ts";
import { InputError } from "../../lib/errors.ts";
import { familyNames } from "../golden/families.ts";
import { goldenFolder } from "../golden/load.ts";

const sizes = {
  vocab_size: 40,
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 16,
  max_position_embeddings: 12,
};

function parse(changes: Record<string, unknown>) {
  return parseConfig(JSON.stringify({ model_type: "bert", ...sizes, ...changes }), "config.json");
}

Deno.test("a configuration saved by transformers is read with its labels", async () => {
  const config = await readConfig(`${goldenFolder}/tiny`);
  deepStrictEqual([config.vocab_size, config.hidden_size, config.num_hidden_layers], [200, 32, 3]);
  deepStrictEqual(configLabels(config), ["bad", "fair", "good"]);
  deepStrictEqual(config.label2id, { bad: 0, fair: 1, good: 2 });
  strictEqual("classifier_dropout" in config, false);
});

Deno.test("a file of BERT's first release gets the defaults of transformers", async () => {
  const config = await readConfig(`${goldenFolder}/folders/old_names`);
  strictEqual(config.layer_norm_eps, 1e-12);
  strictEqual(config.pad_token_id, 0);
  strictEqual(configLabels(config), undefined);
});

Deno.test("id2label decides on label2id, whatever order its keys have", () => {
  const config = parse({ id2label: { 1: "b", 0: "a" }, label2id: { a: 7 } });
  deepStrictEqual(configLabels(config), ["a", "b"]);
  deepStrictEqual(config.label2id, { a: 0, b: 1 });
});

Deno.test("labels that are numbers are read as texts", () => {
  const config = parse({ id2label: { 0: 0, 1: 5, 2: "x" }, label2id: { 0: 0, 5: 1 } });
  deepStrictEqual(configLabels(config), ["0", "5", "x"]);
  deepStrictEqual(config.label2id, { 0: 0, 5: 1, x: 2 });
  throws(() => parse({ id2label: { 0: 1, 1: "1" } }), /no two alike: found \{"0":1,"1":"1"\}/);
  throws(() => parse({ id2label: { 0: null } }), /"id2label\.0" is not a text or a number: found null/);
});

Deno.test("what cannot be used is told in one sentence", () => {
  const advice = "; take the model's config.json again, or another model";
  const families = ["bert", ...familyNames].join(", ");
  const names = "is not names of the classes 0, 1, …, no two alike";
  const cases: [Record<string, unknown>, string][] = [
    [{ model_type: "fnet" }, `"model_type" is not one of ${families}: found "fnet"` + advice],
    [{ model_type: 3 }, `"model_type" is not one of ${families}: found 3` + advice],
    [{ hidden_size: undefined }, '"hidden_size" is missing' + advice],
    [{ vocab_size: null }, '"vocab_size" is not a whole number from 1 to 10000000: found null' + advice],
    [
      { vocab_size: 1e12 },
      '"vocab_size" is not a whole number from 1 to 10000000: found 1000000000000' + advice,
    ],
    [
      { vocab_size: 1e7, hidden_size: 4096 },
      "its sizes make a model of 41094537216 numbers: expected at most 10000000000",
    ],
    [{ hidden_size: "8" }, '"hidden_size" is not a whole number from 1 to 65536: found "8"' + advice],
    [{ num_hidden_layers: 0 }, '"num_hidden_layers" is not a whole number from 1 to 1000: found 0' + advice],
    [{ vocab_size: 1.5 }, '"vocab_size" is not a whole number from 1 to 10000000: found 1.5' + advice],
    [{ num_attention_heads: 3 }, '"num_attention_heads" does not divide "hidden_size": found 3 and 8'],
    [{ hidden_act: "silu" }, '"hidden_act" is not one of gelu, gelu_new, relu: found "silu"' + advice],
    [{ hidden_dropout_prob: 1 }, '"hidden_dropout_prob" is not a number from 0 to below 1: found 1' + advice],
    [{ classifier_dropout: -1 }, '"classifier_dropout" is not a number from 0 to below 1: found -1' + advice],
    [{ pad_token_id: 40 }, '"pad_token_id" is not below "vocab_size" 40: found 40'],
    [
      { position_embedding_type: "relative_key" },
      '"position_embedding_type" is not absolute: found "relative_key"' + advice,
    ],
    [{ is_decoder: true }, '"is_decoder" is not false, as only encoders are read: found true' + advice],
    [
      { id2label: { 0: "a", 2: "b" } },
      `"id2label" ${names}: found {"0":"a","2":"b"}` + advice,
    ],
    [{ id2label: {} }, `"id2label" ${names}: found {}` + advice],
    [{ id2label: { 0: "a", 1: "a" } }, `"id2label" ${names}: found {"0":"a","1":"a"}` + advice],
  ];
  for (const [changes, why] of cases) {
    throws(() => parse(changes), { name: "InputError", message: `Cannot use config.json as ${why}` });
  }
  throws(() => parseConfig("{", "config.json"), /^InputError: Cannot read config.json as it is not JSON: /);
  throws(() => parseConfig("[]", "config.json"), {
    message: `Cannot use config.json as it is not an object: found []${advice}`,
  });
});

Deno.test("a folder without config.json is named", async () => {
  await rejects(readConfig(goldenFolder), (error: Error) => {
    strictEqual(error instanceof InputError, true);
    strictEqual(error.message.startsWith(`Cannot read ${goldenFolder}`), true);
    return error.message.includes("config.json as there is no such file");
  });
});

Deno.test("a new configuration is BERT-mini unless told otherwise", () => {
  const mini = newConfig({ vocab_size: 8000 });
  deepStrictEqual(
    [mini.num_hidden_layers, mini.hidden_size, mini.num_attention_heads, mini.intermediate_size],
    [4, 256, 4, 1024],
  );
  const wide = newConfig({ vocab_size: 8000, hidden_size: 384, hidden_act: "relu" });
  deepStrictEqual([wide.num_attention_heads, wide.intermediate_size, wide.hidden_act], [6, 1536, "relu"]);
  throws(() => newConfig({ vocab_size: 0 }), {
    message:
      'Cannot use the new model\'s configuration as "vocab_size" is not a whole number from 1 to 10000000: found 0',
  });
});

Deno.test("labels replace those of a configuration, and must differ", () => {
  const config = withLabels(parse({ id2label: { 0: "a" } }), ["x", "y"]);
  deepStrictEqual(config.id2label, { 0: "x", 1: "y" });
  deepStrictEqual(config.label2id, { x: 0, y: 1 });
  throws(() => withLabels(config, []), { message: "Cannot make a classifier without labels: found none" });
  throws(() => withLabels(config, ["x", "y", "x"]), {
    message: 'Cannot make a classifier as two of its labels are the same: found "x" twice',
  });
});
