/** The readers of JSON files that are read back, each with a small whole file of its format. */
import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { readConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { loadTrainedModel } from "../../lib/classifier/trained.ts";
import { missingWheels } from "../../lib/storage/wheels.ts";
import { wheels } from "../../lib/engine/xla/wheels.ts";
import { InputError } from "../../lib/errors.ts";
import { vocabularyOf } from "../../lib/paper/masked_words.ts";
import { trainingResult } from "../../lib/page/card.ts";
import { readManifest } from "../../lib/report/publish.ts";
import { preTrainingShape } from "../../lib/results/record.ts";
import { predictionFaults, readPredictions, readRecords } from "../../lib/results/records.ts";
import { measure } from "../../lib/results/metrics.ts";
import { StateFile } from "../../lib/search/state.ts";
import { readMeasured } from "../../lib/runs/data_table.ts";
import { anything, map } from "../../lib/storage/json.ts";
import { characterTokenizer, loadTokenizer } from "../../lib/text/tokenizer.ts";
import { keptModel } from "../../lib/training/cached_model.ts";
import { newestCheckpoint, writeCheckpoint } from "../../lib/training/checkpoints.ts";
import { readNotebook } from "../../scripts/notebook_file.ts";
import { familyFolder } from "../golden/families.ts";
import { exampleRecord } from "../results/example_record.ts";

/** The state of a search with one training. */
const searchState = {
  pace: { start: 1, operation: 1e-9 },
  preTraining: { steps: 3, passes: 0.5, seconds: 60 },
  ladder: [16, 32],
  rungs: [{ steps: 16, choices: [0, 1] }],
  trials: [{
    choice: 0,
    rung: 0,
    outcome: {
      ...{ epochs: [{ epoch: 0.5, trainLoss: 0.7, seconds: 1 }], bestEpoch: 0.5, steps: 16, seconds: 2 },
      metrics: measure([0.25, 0.75], [1], 2),
      predictions: { labels: ["a", "b"], expected: [1], probabilities: [0.25, 0.75] },
    },
  }],
};

/** A reader of one file. */
export interface JsonReader {
  readonly name: string;
  /** Path of the file in the folder. */
  readonly file: string;
  /** The whole file. */
  readonly whole: Uint8Array;
  /** Paths of the fields that a result depends on by right; `undefined` if any other byte must be refused. */
  readonly free?: RegExp;
  /** Those of them whose values may be of another type. */
  readonly anyType?: RegExp;
  /** Reads the file; what is read decides what comes of it. */
  read(): Promise<unknown>;
}

const texts = ["The film was good", "a b cab ÀÉ 水山 [MASK] unbelievable", `${"abc".repeat(300)} end`];

/** Makes the readers' files in a folder. */
export async function jsonReaders(folder: string, tiny: string): Promise<JsonReader[]> {
  const { model, sample } = await modelFolder(join(folder, "trained"), tiny);
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const results = join(folder, "results");
  for (const name of [join("results", "predictions"), "made", "xla", "versions", "checkpoints"]) {
    await mkdir(join(folder, name), { recursive: true });
  }
  const measures = { mlmLoss: 2.5, mlmAccuracy: 0.5, nspLoss: 0.5, nspAccuracy: 0.75 };
  const made = {
    start: "minilm",
    corpus: ["imdb"],
    texts: 9,
    steps: 4,
    seconds: 2,
    before: measures,
    after: measures,
  };
  const metrics = exampleRecord().test;
  const record = exampleRecord({
    ...{ preTraining: made, multiTask: { start: "minilm", tasks: ["a", "b"], steps: 3, seconds: 2 } },
    epochs: [{ epoch: 1, trainLoss: 0.7, seconds: 20, dev: metrics }],
    forgetting: { before: measures, after: measures, distances: { embeddings: 0.1 } },
  });
  const checkpoint = { folder: join(folder, "checkpoints"), identity: "this", resume: true };
  const tensors = { weight: { shape: [2], data: Float32Array.of(1, 2) } };
  await writeCheckpoint(checkpoint, {
    snapshot: { tensors, updates: 1, counts: [1] },
    position: { epoch: 1 },
  });
  const checkpointFile = join("checkpoints", "checkpoint-00000001.safetensors");
  return [
    {
      ...sample("config.json"),
      free: /^(hidden_|attention_|classifier_|type_|initializer|layer_norm|pad_|id2label|num_a)/,
      anyType: /^id2label\./,
      read: model,
    },
    { ...sample("tokenizer.json"), free: /^(normalizer\.|model\.|added_tokens)/, read: model },
    {
      ...sample("tokenizer_config.json"),
      free: /_token(\.content)?$|^(do_lower_case|tokenize_chinese_chars|strip_accents|tokenizer_class)$/,
      anyType: /^strip_accents$/,
      read: model,
    },
    { ...sample("bertlab.json"), free: /./, read: model },
    await familyReader(folder, "modernbert", "config.json"),
    await familyReader(folder, "xlm-roberta", "tokenizer.json"),
    {
      name: "records by fields",
      file: join("results", "records.jsonl"),
      whole: json(record),
      free: /./,
      read: async () => {
        const { records, warnings } = await readRecords(results);
        if (warnings.length > 0) throw new InputError(warnings[0]!);
        return records;
      },
    },
    {
      name: "predictions",
      file: join("results", "predictions", "abababababababab.json"),
      whole: json({ labels: ["no", "yes"], expected: [0, 1], probabilities: [0.7, 0.3, 0.1, 0.9] }),
      free: /./,
      read: async () => {
        const [fault] = await predictionFaults(results, [exampleRecord()]);
        if (fault !== undefined) throw new InputError(fault);
        return await readPredictions(results, exampleRecord());
      },
    },
    {
      name: "pretraining.json",
      file: join("made", "pretraining.json"),
      whole: json(made),
      free: /./,
      read: () => {
        const kept = {
          run: folder,
          part: "made",
          recordFile: "pretraining.json",
          recordShape: preTrainingShape,
        };
        const make = () => Promise.reject(new Error("it is there"));
        return keptModel({ ...kept, checkpoint: { folder: join(folder, "none"), resume: true } }, make);
      },
    },
    {
      name: "a training's result.json",
      file: join("made", "result.json"),
      whole: json({
        model: "new",
        texts: { train: 2, dev: 1, test: 1 },
        test: {
          ...{ examples: 1, error_rate: 0.5, macro_f1: 0.5, ece: 0.1, ece_calibrated: 0.05 },
          classes: [{ label: "no", precision: 1, recall: 0.5, f1: 0.7, count: 1 }],
        },
      }),
      free: /./,
      read: () => trainingResult(join(folder, "made")),
    },
    {
      name: "installed.json",
      file: join("xla", "installed.json"),
      whole: json(Object.fromEntries(wheels.cuda13.map(({ name, sha256 }) => [name, sha256]))),
      free: /./,
      read: () => missingWheels(wheels.cuda13, join(folder, "xla")),
    },
    {
      name: "versions.json",
      file: join("versions", "versions.json"),
      whole: json([{ id: "2030-01-01-0", made: "2030-01-01T00:00:00.000Z", runs: 3 }]),
      free: /./,
      read: () => readManifest(join(folder, "versions", "versions.json")),
    },
    {
      name: "measurements",
      file: join("results", "table1.json"),
      whole: json([{
        ...{ set: "IMDb", data: "imdb", fingerprint: "ab", source: "npm", classes: 2 },
        ...{ averageLength: 200.5, maxLength: 900, exceeding: 12.5, train: 400, test: 100 },
      }]),
      free: /./,
      read: () => readMeasured(join(results, "table1.json")),
    },
    {
      name: "notebook",
      file: "a.ipynb",
      whole: json({
        cells: [
          { cell_type: "markdown", id: "a", metadata: {}, source: ["one\n", "two"] },
          {
            ...{ cell_type: "code", id: "b", metadata: { tags: ["x"] }, source: "1 + 1", execution_count: 1 },
            outputs: [{ output_type: "execute_result", data: { "text/plain": ["2"] }, execution_count: 1 }],
          },
        ],
        ...{ metadata: { kernelspec: { name: "deno" } }, nbformat: 4, nbformat_minor: 5 },
      }),
      free: /./,
      read: async () => {
        const { cells } = await readNotebook(join(folder, "a.ipynb"));
        // Sources are a text or its lines, contents of media types any JSON: what is written there is by right.
        return cells.map(({ source: _, ...cell }) => ({
          ...cell,
          outputs: cell.outputs?.map(({ data: _, ...output }) => output),
        }));
      },
    },
    {
      name: "search",
      file: "search.json",
      whole: json({ identity: "a", value: searchState }),
      free: /^value/,
      read: () => new StateFile(folder, "a").read(),
    },
    {
      name: "checkpoint",
      file: checkpointFile,
      whole: await readFile(join(folder, checkpointFile)),
      read: () => newestCheckpoint(checkpoint, map(anything)),
    },
  ];
}

/** Makes a family's folder, whose configuration and tokenizer are read. */
async function familyReader(folder: string, family: string, name: string): Promise<JsonReader> {
  const own = join(folder, family);
  await cp(familyFolder(family), own, { recursive: true });
  return {
    name: `${family}'s ${name}`,
    file: join(family, name),
    whole: await readFile(join(own, name)),
    ...{ free: /./, anyType: /./ },
    read: async () => {
      const { encode, files: _, ...tokenizer } = await loadTokenizer(own);
      return { config: await readConfig(own), tokenizer, ids: texts.map((text) => [...encode(text)]) };
    },
  };
}

/** Makes a classifier's folder; reading it gives all that its predictions depend on. */
async function modelFolder(folder: string, tiny: string) {
  const config = await readConfig(tiny);
  const tokenizer = characterTokenizer([...texts, "abcdefghijklmnopqrstuvwxyz"]);
  await saveCheckpoint(folder, {
    config,
    parameters: await readSafetensors(join(tiny, "model.safetensors")),
    tokenizerFiles: tokenizer.files,
    extra: {
      text: "hierarchical-mean",
      max_fractions: 4,
      maxLength: 12,
      features: "last",
      temperature: 2,
      pairs: true,
    },
  });
  const model = async () => {
    const { parameters, tokenizer, ...read } = await loadTrainedModel(folder);
    const shapes = Object.entries(parameters).map(([name, { shape }]) => [name, shape]);
    const words = texts.map((text) => [...tokenizer.encode(text)]);
    const pieces = words.flatMap((ids) =>
      read.text.pieces(Int32Array.from(ids), read.maxLength).map((ids) => [...ids])
    );
    return { ...read, shapes, words, pieces, ids: tokenizer.ids, vocabulary: vocabularyOf(tokenizer) };
  };
  const whole = new Map<string, Uint8Array>();
  for (const name of ["config.json", "tokenizer.json", "tokenizer_config.json", "bertlab.json"]) {
    whole.set(name, await readFile(join(folder, name)));
  }
  const sample = (name: string) => ({
    name: `model's ${name}`,
    file: join("trained", name),
    whole: whole.get(name)!,
  });
  return { model, sample };
}
