/** Refusals of models that are of no family, or lack parameters of theirs. */
import { rejects, throws } from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { parseConfig, readConfig } from "../../lib/bert/config.ts";
import { familyNames, loadGoldenFamily } from "../golden/families.ts";
import { inFolder } from "../helpers/in_folder.ts";

Deno.test("models of other kinds are refused by name", () => {
  const sizes = {
    ...{ vocab_size: 40, hidden_size: 8, num_hidden_layers: 2, num_attention_heads: 2 },
    ...{ intermediate_size: 16, max_position_embeddings: 12 },
  };
  const advice = "; take the model's config.json again, or another model";
  const known = ["bert", ...familyNames].join(", ");
  const reasons: [unknown, string][] = [
    ["deberta-v2", '"deberta-v2", whose positions are relative'],
    ["t5", '"t5", which has a decoder besides its encoder'],
    ["gpt2", '"gpt2", which reads from left to right alone'],
    ["albert", '"albert", whose layers share their parameters'],
    ["fnet", '"fnet"'],
    [null, "null"],
  ];
  for (const [model_type, found] of reasons) {
    throws(() => parseConfig(JSON.stringify({ ...sizes, model_type }), "config.json"), {
      name: "InputError",
      message: `Cannot use config.json as "model_type" is not one of ${known}: found ${found}${advice}`,
    });
  }
  throws(
    () => parseConfig(JSON.stringify({ model_type: "distilbert", ...sizes }), "config.json"),
    /^InputError: Cannot use config\.json as "dim" is missing/,
  );
});

Deno.test("missing parameters are told by the names of the family's files", () =>
  inFolder(async (folder) => {
    const { config, parameters, fileName } = await loadGoldenFamily("distilbert");
    const missing = "bert.encoder.layer.1.attention.self.query.weight";
    const rest = Object.fromEntries(Object.entries(parameters).filter(([name]) => name !== missing));
    await saveCheckpoint(folder, { config, parameters: rest });
    await rejects(loadCheckpoint(folder, { seed: 1 }), (error: Error) =>
      error.message.includes(fileName(missing)));
    await writeFile(join(folder, "config.json"), "{}");
    await rejects(readConfig(folder), /^InputError: Cannot use .*config\.json as "vocab_size" is missing/);
  }));
