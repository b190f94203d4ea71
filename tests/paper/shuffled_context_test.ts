import assert from "node:assert/strict";
import { heldOutBatches, withShuffledContext } from "../../lib/paper/pretraining_batches.ts";
import { packDocuments } from "../../lib/paper/segments.ts";

Deno.test("a shuffled context has the same words in another order around the same masked places", () => {
  const tokenizerIds = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
  const sentence = (start: number) => Int32Array.from({ length: 20 }, (_, place) => 5 + start + place);
  const documents = packDocuments(
    Array.from({ length: 8 }, (_, i) => [sentence(20 * i), sentence(200 + 20 * i)]),
  );
  const options = { batchSize: 4, tokenizerIds, vocabSize: 400, key: 3, maxLength: 64 };
  const batches = heldOutBatches(documents, options, 8);
  const shuffled = withShuffledContext(batches, options);
  assert.equal(shuffled.length, batches.length);
  const specials = Object.values(tokenizerIds);
  for (let place = 0; place < batches.length; place++) {
    const [before, after] = [batches.at(place), shuffled.at(place)];
    const { B, T } = before.shape;
    const { P } = before.shape;
    const places = before.positions.map((place, p) => Math.floor(p / P) * before.shape.T + place);
    const masked = new Set(places.filter((_, p) => before.mlmWeights[p]! > 0));
    for (let b = 0; b < B; b++) {
      const row = (ids: Int32Array) => Array.from(ids.subarray(b * T, (b + 1) * T));
      assert.deepEqual(row(after.ids).sort(), row(before.ids).sort());
      assert.notDeepEqual(row(after.ids), row(before.ids));
    }
    before.ids.forEach((id, token) => {
      if (masked.has(token) || specials.includes(id)) assert.equal(after.ids[token], id);
    });
    assert.deepEqual({ ...after, ids: 0 }, { ...before, ids: 0 });
    assert.deepEqual(shuffled.at(place), after, "always the same order");
  }
});
