import assert from "node:assert/strict";
import { corpusSets, corpusTexts, domainSets, holdOut, withinTask } from "../../lib/paper/corpora.ts";
import { type Dataset, fingerprintOf } from "../../lib/data/examples.ts";
import { exampleDataset } from "../helpers/example_model.ts";

const fingerprint = (texts: readonly string[]) =>
  fingerprintOf([], { train: texts.map((text) => ({ text, label: 0 })), dev: [], test: [] });

/** A data set of its own texts: each ends with the set's name. */
function setOf(name: string): Dataset {
  const { train, dev, test, ...rest } = exampleDataset({ count: 64 });
  const own = (examples: Dataset["train"]) =>
    examples.map(({ text, label }) => ({ text: `${text} ${name}`, label }));
  return { ...rest, name, train: own(train), dev: own(dev), test: own(test) };
}

Deno.test("corpora are the task, its domain or all domains", () => {
  assert.deepEqual(corpusSets("within-task", "TREC"), ["TREC"]);
  assert.deepEqual(corpusSets("in-domain", "Yelp F."), ["IMDb", "Yelp P.", "Yelp F."]);
  assert.deepEqual(corpusSets("in-domain", "Sogou"), ["Sogou"], "alone in its domain");
  assert.equal(corpusSets("cross-domain", "IMDb").length, 7);
  assert.deepEqual(corpusSets(["DBPedia"], "IMDb"), ["DBPedia"]);
  assert.deepEqual(domainSets(["TREC", "DBPedia"]), ["TREC", "Yahoo! Answers", "AG's News", "DBPedia"]);
});

Deno.test("within-task texts are never those of dev or test, but under the paper's protocol", () => {
  const data = exampleDataset({ count: 64 });
  const leaky = { ...data, train: [...data.train, data.dev[0]!, data.test[1]!] };
  const clean = withinTask(leaky, "clean");
  const heldOut = new Set([...data.dev, ...data.test].map(({ text }) => text));
  assert.deepEqual(clean.filter((text) => heldOut.has(text)), []);
  assert.equal(fingerprint(clean), fingerprint(data.train.map(({ text }) => text)));
  const paper = withinTask(leaky, "paper");
  assert.equal(paper.length, leaky.train.length + data.dev.length + data.test.length);
  assert.ok([...data.dev, ...data.test].every(({ text }) => paper.includes(text)));
});

Deno.test("a corpus of several sets never holds a dev or test text of its domains' sets", () => {
  const [one, two, three] = ["one", "two", "three"].map(setOf) as [Dataset, Dataset, Dataset];
  const leaky = { ...two, train: [...two.train, one.test[0]!, one.dev[3]!, three.test[5]!, three.dev[0]!] };
  const clean = corpusTexts([one, leaky], [one, leaky, three], "clean");
  const trained = [...one.train, ...two.train].map(({ text }) => text);
  assert.equal(fingerprint(clean), fingerprint(trained));
  const heldOut = new Set(
    [one, two, three].flatMap(({ dev, test }) => [...dev, ...test]).map(({ text }) => text),
  );
  assert.deepEqual(clean.filter((text) => heldOut.has(text)), []);

  const paper = corpusTexts([leaky], [one, leaky, three], "paper");
  const all = leaky.train.length + leaky.dev.length + leaky.test.length;
  assert.equal(paper.length, all - 2, "without the others' test texts");
  assert.ok(!paper.includes(one.test[0]!.text) && paper.includes(one.dev[3]!.text));
});

Deno.test("held-out documents are apart from the others, even where texts are repeated", () => {
  const texts = Array.from({ length: 40 }, (_, place) => `text ${place}`);
  const { train, heldOut } = holdOut([...texts, ...texts], .1, 7);
  assert.deepEqual([train.length, heldOut.length], [72, 4]);
  assert.deepEqual(train.filter((text) => heldOut.includes(text)), []);
  assert.deepEqual(holdOut([...texts, ...texts], .1, 7).heldOut, heldOut);
  assert.notDeepEqual(holdOut(texts, .1, 8).heldOut, heldOut);
  assert.deepEqual(holdOut(["a", "b"], .01, 1).heldOut.length, 1, "one at least");
  assert.throws(() => holdOut(["a", "a"], .5, 1), /^InputError: Cannot hold out documents .* found 1$/);
});
