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
    before.sequences.forEach(({ ids, masked, ...rest }, b) => {
      const { ids: found, masked: same, ...others } = after.sequences[b]!;
      assert.deepEqual([same, others], [masked, rest]);
      assert.deepEqual(found.toSorted(), ids.toSorted());
      assert.notDeepEqual(found, ids);
      const places = new Set(masked.map(([place]) => place));
      ids.forEach((id, place) => {
        if (places.has(place) || specials.includes(id)) assert.equal(found[place], id);
      });
    });
    assert.deepEqual({ ...after, sequences: 0 }, { ...before, sequences: 0 });
    assert.deepEqual(shuffled.at(place), after, "always the same order");
  }
});
