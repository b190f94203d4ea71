/** Installing TensorFlow; tests/engine/xla/install_test.ts has what all wheels have in common. */
import { deepStrictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { installTensorFlow } from "../../../lib/engine/tensorflow/install.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";
import { zip } from "../../helpers/zip.ts";

Deno.test({
  name:
    "of a wheel the two libraries are kept, it is that of the pinned Python, and a cut one is fetched anew",
  ignore: process.platform !== "linux" || process.arch !== "x64",
  fn: () =>
    inFolder(async (folder) => {
      const library = `\x7fELF${"\0".repeat(60)}`; // its table of sections is empty
      const wheel = zip({
        "tensorflow/libtensorflow_cc.so.2": library,
        "tensorflow/libtensorflow_framework.so.2": library,
        "tensorflow/python/a.py": "no",
      });
      const asked: string[] = [];
      const file = (python: string) => `some_tensorflow-2.0-${python}-${python}-manylinux_2_27_x86_64.whl`;
      const page = ["cp311", "cp312", "cp313"].map((python) => `<a href="../../f/${file(python)}">a</a>`)
        .join(" ");
      await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
        asked.push(new URL(url).pathname);
        return url.endsWith(".whl")
          ? new Response(wheel as Uint8Array<ArrayBuffer>)
          : new Response(page, { headers: { "content-type": "text/html" } });
      });
      const index = `http://127.0.0.1:${server.addr.port}/simple`;
      const target = join(folder, "tensorflow-cpu");
      const wanted = [{
        name: "some-tensorflow",
        version: "2.0",
        sha256: createHash("sha256").update(wheel).digest("hex"),
        folder: "tensorflow",
        megabytes: 1,
        python: "3.12",
        keep: ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"],
      }];
      await withEnvironment({ PATH: join(folder, "no-python"), PIP_INDEX_URL: index }, async () => {
        for (let i = 0; i < 2; i++) await installTensorFlow("cpu", { folder: target, wanted });
        deepStrictEqual(asked.length, 2, "it is fetched once");
        const path = join(target, "tensorflow", wanted[0]!.keep[1]!);
        await writeFile(path, library.slice(0, 9));
        await installTensorFlow("cpu", { folder: target, wanted });
        deepStrictEqual(await readFile(path, "utf8"), library, "what is cut off is fetched anew");
      });
      deepStrictEqual(new Set(asked), new Set(["/simple/some-tensorflow/", `/f/${file("cp312")}`]));
      deepStrictEqual((await readdir(join(target, "tensorflow"))).sort(), wanted[0]!.keep);
    }),
});
