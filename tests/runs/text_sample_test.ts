import assert from "node:assert/strict";
import { resolveModel } from "../../lib/bert/models.ts";
import { dataset } from "../../lib/data/dataset.ts";
import { paperSettings } from "../../lib/runs/configuration.ts";
import { textSampler } from "../../lib/runs/text_sample.ts";

const architecture = { ...paperSettings.architecture, tokens: "characters" } as const;
const characters = { ...paperSettings, model: "new", architecture, text: "head", maxLength: 64 };

Deno.test("a sample is 500 texts of an embedded set, cut as the run cuts them", async () => {
  const { train } = await dataset("yelp-sentences");
  const sample = await textSampler()("yelp-sentences", characters);
  assert.equal(sample!.length, 500);
  const lengthOf = (text: string) => Math.min(62, text.replaceAll(/\s/g, "").length);
  const known = new Map<number, number>();
  for (const { text } of train) known.set(lengthOf(text), (known.get(lengthOf(text)) ?? 0) + 1);
  for (const { pieces } of sample!) {
    const left = (known.get(pieces[0]!.length) ?? 0) - 1;
    assert.ok(left >= 0, `more texts of ${pieces[0]!.length} characters than there are`);
    known.set(pieces[0]!.length, left);
  }
});

Deno.test("MiniLM's vocabulary stands in for that of BERT-base", async () => {
  await resolveModel("minilm");
  const sampleOf = textSampler();
  const of = (model: string) => sampleOf("yelp-sentences", { ...characters, model });
  const sample = await of("bert-base-uncased");
  assert.equal(sample!.length, 500);
  assert.deepEqual(sample, await of("minilm"));
});

Deno.test("there is no sample where something would have to be fetched or learnt", async () => {
  const sampleOf = textSampler();
  assert.equal(await sampleOf("trec", characters), undefined);
  assert.equal(await sampleOf("yelp-sentences", { ...characters, model: "no-such-model" }), undefined);
  const learnt = { ...characters, architecture: { ...architecture, tokens: "learnt-wordpieces" as const } };
  assert.equal(await sampleOf("yelp-sentences", learnt), undefined);
});
