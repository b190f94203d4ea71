import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { hubFile, hubFiles, type HubRepository } from "../../lib/storage/hub.ts";
import { COMMIT, etagOf, refuse, sha256, withHub } from "./hub_server.ts";

const data: HubRepository = { type: "dataset", id: "org/name" };
const files = { "README.md": "#", "data/b.parquet": "bbbb", "data/a.parquet": "aaaa", "c.csv": "c" };
const repositories = { "datasets/org/name": { files } };
const paths = ["README.md", "c.csv", "data/a.parquet", "data/b.parquet"];

Deno.test("all files are listed over pages, and the list is kept as huggingface_hub keeps it", () =>
  withHub(repositories, async (hub, folder) => {
    hub.pageSize = 2;
    deepStrictEqual(await hubFiles(data), paths);
    const tree = `/api/datasets/org/name/tree/${COMMIT}?recursive=true`;
    const asked = [
      "GET /api/datasets/org/name/revision/main",
      `GET ${tree}`,
      `GET ${tree}&cursor=2`,
      `GET ${tree}&cursor=4`,
    ];
    deepStrictEqual(hub.paths("hub"), asked);
    deepStrictEqual(await hubFiles(data, { offline: true }), paths);
    strictEqual(await hubFile(data, "none.csv", { offline: true }), undefined);
    deepStrictEqual(hub.paths("hub"), asked);
    const place = join(folder, "hub", "datasets--org--name");
    strictEqual(await readFile(join(place, "refs", "main"), "utf8"), COMMIT);
    const large = (text: string) => ({
      size: 4,
      blob_id: etagOf("", text),
      lfs_sha256: sha256(text),
      lfs_size: 4,
    });
    deepStrictEqual(JSON.parse(await readFile(join(place, "trees", `${COMMIT}.json`), "utf8")), {
      format_version: 1,
      files: {
        "README.md": { size: 1, blob_id: etagOf("README.md", "#") },
        "c.csv": { size: 1, blob_id: etagOf("c.csv", "c") },
        "data/a.parquet": large("aaaa"),
        "data/b.parquet": large("bbbb"),
      },
    });
  }));

Deno.test("a branch is what it was when it was fetched, and a commit that is gone is told so", () =>
  withHub(repositories, async (hub) => {
    await hubFile(data, "c.csv");
    const other = "d".repeat(40);
    hub.repositories["datasets/org/name"] = { files: {}, commit: other, revisions: ["main", COMMIT] };
    strictEqual(await hubFile(data, "README.md"), undefined);
    hub.repositories["datasets/org/name"] = { files: {}, commit: other };
    await rejects(hubFiles(data), {
      name: "InputError",
      message:
        `Cannot fetch the list of files of the data set org/name from ${hub.url}: it no longer has the commit ` +
        `${COMMIT}, fetched once as "main"; name another revision after the @, or remove refs/main ` +
        "from the hub's cache",
    });
  }));

Deno.test("where the hub cannot be asked, the files in the cache are taken, and that is told", () =>
  withHub(repositories, async (hub) => {
    await rejects(hubFiles(data, { offline: true }), {
      name: "InputError",
      message: `Cannot fetch the list of files of the data set org/name: it is not in the cache ${process.env
        .HF_HUB_CACHE!}, and the hub is not asked offline; fetch it once without --offline and HF_HUB_OFFLINE`,
    });
    await hubFile(data, "data/a.parquet");
    await hubFile(data, "c.csv");
    hub.instead = () => refuse(502, "", "", { "retry-after": "0" });
    const lines: string[] = [];
    deepStrictEqual(await hubFiles(data, { onProgress: (line) => lines.push(line) }), [
      "c.csv",
      "data/a.parquet",
    ]);
    strictEqual(
      lines.at(-1),
      "the data set org/name: the 2 files in the cache are taken for all of it (it answered 502 again and again)",
    );
  }));

Deno.test("a repository that is not there is told so", () =>
  withHub({}, async (hub) => {
    await rejects(hubFiles(data), {
      name: "InputError",
      message:
        `Cannot fetch the list of files of the data set org/name from ${hub.url}: there is none, or it is ` +
        "private; check the name, or set HF_TOKEN to a token that may read it",
    });
  }));

Deno.test("a list with a path that leaves the repository is refused and not kept", async () => {
  for (const path of ["../x", "a/../../x", "/etc/passwd", "a\\b", "C:x"]) {
    await withHub({ "datasets/org/name": { files: { ...files, [path]: "evil" } } }, async (_hub, folder) => {
      const message = `Cannot use the data set org/name: it lists a file outside its folder, ${path}`;
      for (let time = 0; time < 2; time++) await rejects(hubFiles(data), { name: "InputError", message });
      await rejects(rm(join(folder, "hub", "datasets--org--name", "trees")), { code: "ENOENT" });
    });
  }
});

Deno.test("a next page on another server does not get the token, and pages in a circle end", () =>
  withHub(repositories, async (hub) => {
    process.env.HF_TOKEN = "mine";
    await withHub(repositories, async (other) => {
      const page = (path: string, next: string) =>
        Response.json([{ type: "file", oid: "o", size: 1, path }], {
          headers: { link: `<${next}>; rel="next"` },
        });
      process.env.HF_ENDPOINT = hub.url;
      process.env.HF_TOKEN = "mine";
      hub.instead = ({ path }) => path.includes("/tree/") ? page("a", `${other.url}/next`) : undefined;
      other.instead = () => page("b", `${other.url}/next`);
      deepStrictEqual(await hubFiles(data), ["a", "b"]);
      deepStrictEqual(hub.asked.map(({ token }) => token), ["mine", "mine"]);
      deepStrictEqual(other.asked.map(({ token }) => token), [undefined]);
    });
  }));
