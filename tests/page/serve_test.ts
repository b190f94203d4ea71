import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { servePage } from "../../lib/page/serve.ts";
import { serveCommand } from "../../scripts/serve.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { runInTest } from "../helpers/run_command.ts";

Deno.test("a page's folder is served with its policy, and nothing outside it", () =>
  inFolder(async (folder) => {
    const page = join(folder, "page");
    await mkdir(join(page, "model"), { recursive: true });
    await writeFile(join(folder, "secret.txt"), "secret");
    await symlink(join(folder, "secret.txt"), join(page, "link.txt"));
    await writeFile(join(page, "index.html"), "<p>here");
    await writeFile(join(page, "model", "a b.json"), "{}");
    await using server = await servePage(page);
    const get = async (path: string, headers = {}) => {
      const response = await fetch(server.url + path, { headers });
      return { response, text: await response.text() };
    };
    const { response, text } = await get("");
    assert.equal(text, "<p>here");
    assert.match(response.headers.get("content-security-policy")!, /^default-src 'none'; script-src 'self'/);
    assert.equal(response.headers.get("cross-origin-embedder-policy"), "require-corp");
    assert.equal((await get("model/a%20b.json")).text, "{}");
    const again = await get("", { "if-none-match": response.headers.get("etag")! });
    assert.deepEqual([again.response.status, again.text], [304, ""]);
    for (
      const path of ["..%2fsecret.txt", "model/%2e%2e/%2e%2e/secret.txt", "link.txt", "model", "%ff", "none"]
    ) {
      assert.equal((await get(path)).response.status, 404, path);
    }
    assert.equal((await fetch(server.url, { method: "POST", body: "x" })).status, 405);
  }));

Deno.test("a folder without a page is one sentence", async () => {
  const { code, error } = await runInTest(serveCommand, "nowhere");
  assert.equal(code, 1);
  assert.equal(
    error,
    "Cannot serve nowhere as it has no index.html: give a folder of deno task export with --page",
  );
});
