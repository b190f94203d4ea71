import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { installPlugin } from "../../../lib/engine/xla/install.ts";
import type { PluginWheel } from "../../../lib/engine/xla/wheels.ts";
import { InputError } from "../../../lib/errors.ts";
import { zip } from "../../helpers/zip.ts";
import { withEnvironment } from "../../helpers/environment.ts";
import { inFolder } from "../../helpers/in_folder.ts";

const archives: Record<string, Uint8Array> = {
  compiler: zip({ "nvidia/cu13/bin/ptxas": "#!/bin/sh", "nvidia/cu13/include/a.h": "no", "other/b": "no" }),
  plugin: zip({ "jax_plugins/xla_cuda13/xla_cuda_plugin.so": "a library" }),
};
const folders: Record<string, string> = { compiler: "nvidia", plugin: "jax_plugins" };
const wanted: PluginWheel[] = Object.keys(archives).map((name) => ({
  name: `some-${name}`,
  version: "1.2",
  sha256: createHash("sha256").update(archives[name]!).digest("hex"),
  folder: folders[name]!,
  megabytes: 1,
  compiles: name === "plugin",
}));

const isSupported = process.platform === "linux" && process.arch === "x64";
if (!isSupported) console.warn("SKIPPED: installing plugins: there are wheels for Linux on x86-64 alone");

/** Runs a test with an index that serves these wheels, no Python, and a folder to install in; tells what was asked. */
async function withIndex(
  served: Record<string, Uint8Array>,
  test: (folder: string, asked: string[]) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    asked.push(url);
    const name = /some[-_](\w+?)[-/]/.exec(url)?.[1] ?? "";
    const file = `some_${name}-1.2-py3-none-manylinux_2_27_x86_64.whl`;
    if (!served[name]) response.writeHead(404).end();
    else if (url.endsWith(".whl")) response.writeHead(200).end(served[name]);
    else {response.writeHead(200).end(
        `<a href="other.whl">o</a> <a href="../../files/${file}#sha256=0">${file}</a>`,
      );}
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const index = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`;
  try {
    await inFolder((folder) =>
      withEnvironment(
        { PATH: join(folder, "no-python"), PIP_INDEX_URL: index },
        () => test(join(folder, "plugins"), asked),
      )
    );
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

Deno.test({
  name: "wheels come from the index, are laid out side by side, and are fetched once",
  ignore: !isSupported,
  fn: () =>
    withIndex(archives, async (folder, asked) => {
      const lines: string[] = [];
      deepStrictEqual(
        await installPlugin("cuda13", { folder, wanted, onProgress: (line) => lines.push(line) }),
        folder,
      );
      deepStrictEqual(lines, [
        "2 of 2 wheels to fetch, 2 MB",
        "some-compiler 1.2, 1 MB",
        "some-plugin 1.2, 1 MB",
      ]);
      deepStrictEqual((await readdir(folder)).sort(), ["installed.json", "jax_plugins", "lock", "nvidia"]);
      deepStrictEqual(await readdir(join(folder, "nvidia", "cu13")), ["bin"], "no headers");
      const { mode } = await stat(join(folder, "nvidia", "cu13", "bin", "ptxas"));
      deepStrictEqual(mode & 0o111, 0o111, "it can be run");
      const plugin = join(folder, "jax_plugins", "xla_cuda13", "xla_cuda_plugin.so");
      deepStrictEqual(await readFile(plugin, "utf8"), "a library");
      deepStrictEqual(asked.length, 4);
      await installPlugin("cuda13", { folder, wanted });
      deepStrictEqual(asked.length, 4);
    }),
});

Deno.test({
  name: "of two installs at once the second waits, and finds all there",
  ignore: !isSupported,
  fn: () =>
    withIndex(archives, async (folder, asked) => {
      const lines: string[] = [];
      const onProgress = (line: string) => lines.push(line);
      const install = () => installPlugin("cuda13", { folder, wanted, onProgress });
      await Promise.all([install(), install()]);
      deepStrictEqual(
        lines.filter((line) => line.startsWith("Waiting for another process that is installing in")).length,
        1,
      );
      deepStrictEqual(asked.length, 4);
      deepStrictEqual(lines.length, 4);
    }),
});

Deno.test({
  name: "the compiler alone is a part of the set",
  ignore: !isSupported,
  fn: () =>
    withIndex(archives, async (folder) => {
      await installPlugin("cuda13", { folder, wanted, compilerOnly: true });
      deepStrictEqual((await readdir(folder)).sort(), ["installed.json", "jax_plugins", "lock"]);
    }),
});

Deno.test({
  name: "a wheel that is another one or cut off is refused, and the next call goes on from there",
  ignore: !isSupported,
  async fn() {
    const plugin = archives.plugin!;
    const broken = { other: zip({ "jax_plugins/x": "evil" }), cut: plugin.subarray(0, plugin.length - 9) };
    for (const bytes of Object.values(broken)) {
      const served = { ...archives, plugin: bytes };
      await withIndex(served, async (folder, asked) => {
        const found = createHash("sha256").update(bytes).digest("hex");
        await rejects(installPlugin("cuda13", { folder, wanted }), (error) => {
          ok(error instanceof InputError);
          deepStrictEqual(
            error.message,
            `Cannot install some-plugin 1.2: the sha256 of its wheel should be ${
              wanted[1]!.sha256
            } and is ${found}; ` +
              "what is installed already stays",
          );
          return true;
        });
        deepStrictEqual((await readdir(folder)).sort(), ["installed.json", "lock", "nvidia"]);
        served.plugin = plugin;
        asked.length = 0;
        await installPlugin("cuda13", { folder, wanted });
        ok(asked.every((url) => url.includes("plugin")), "the compiler is not fetched again");
        ok((await readdir(folder)).includes("jax_plugins"));
      });
    }
  },
});

Deno.test({
  name: "a wheel that is nowhere is said so with every place that was tried",
  ignore: !isSupported,
  async fn() {
    await withIndex({}, async (folder) => {
      await rejects(installPlugin("cuda13", { folder, wanted }), {
        message: "Cannot install some-compiler 1.2: pip download failed (there is no Python); " +
          "the index PIP_INDEX_URL answered 404 for some-compiler; what is installed already stays",
      });
    });
  },
});

Deno.test({
  name: "a Python without pip says so, and the index is PyPI unless another is named",
  ignore: !isSupported,
  fn: () =>
    withIndex(archives, async (folder) => {
      const bin = process.env.PATH!;
      await mkdir(bin);
      await writeFile(
        join(bin, "python3"),
        "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n",
        { mode: 0o755 },
      );
      await installPlugin("cuda13", { folder, wanted: wanted.slice(0, 1) });
      delete process.env.PIP_INDEX_URL;
      const { fetch } = globalThis;
      const asked: string[] = [];
      globalThis.fetch = (address) => {
        asked.push(String(address));
        return Promise.resolve(new Response(null, { status: 404 }));
      };
      await rejects(installPlugin("cuda13", { folder, wanted }), {
        message:
          "Cannot install some-plugin 1.2: pip download failed (/usr/bin/python3: No module named pip); " +
          "PyPI answered 404 for some-plugin; what is installed already stays",
      }).finally(() => globalThis.fetch = fetch);
      deepStrictEqual(asked, ["https://pypi.org/simple/some-plugin/"]);
    }),
});

Deno.test({
  name: "names from the index that lead elsewhere are refused, and its address is told without password",
  ignore: !isSupported,
  fn: () =>
    inFolder(async (folder) => {
      const plugins = join(folder, "plugins");
      let page = "";
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) =>
        new Response(url.endsWith("/") ? page : archives.compiler as Uint8Array<ArrayBuffer>, {
          headers: { "content-type": "text/html" },
        }));
      const host = `127.0.0.1:${server.addr.port}`;
      const install = async (index: string) => {
        let message = "";
        await withEnvironment({ PATH: join(folder, "no-python"), PIP_INDEX_URL: index }, () =>
          rejects(installPlugin("cuda13", { folder: plugins, wanted: wanted.slice(0, 1) }), (error) => {
            ok(error instanceof InputError);
            message = error.message;
            return true;
          }));
        ok(!/secret|user/.test(message), message);
        return message;
      };
      for (const up of ["..%2F..%2F..%2F", "%2e%2e%2f%2e%2e%2f", "..%5C..%5C", "%00", "%1b[2J"]) {
        page = `<a href="%">a</a> <a href="http://[">b</a> ` +
          `<a href="../../f/some_compiler-1.2-${up}x86_64.whl">c</a>`;
        ok(
          (await install(`http://user:secret@${host}/simple`)).includes("expected the plain name of a file"),
        );
        deepStrictEqual((await readdir(folder)).sort(), ["plugins"]);
        deepStrictEqual(await readdir(plugins), ["lock"]);
      }
      await server.shutdown();
      for (const index of [`http://user:secret@${host}/`, "http://user:se/cret@host/", "user:secret@host"]) {
        await install(index);
      }
    }),
});
