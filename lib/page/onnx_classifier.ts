/** A classifier that ONNX Runtime computes in WebAssembly: in a browser, and where an export is measured. */
import { type Classification, classifications, type ClassifierText } from "../classifier/classification.ts";
import { readParts, type ReadText } from "../classifier/read_parts.ts";
import { textStrategy } from "../paper/long_text.ts";
import { type ReadExample, readExamples, type Reading } from "../paper/reading.ts";
import type { HostTensors } from "../tensors.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { classProbabilities } from "../training/class_probabilities.ts";
import { sequence } from "../training/sequence_tensors.ts";
import { sequenceLengths } from "../training/text_tensors.ts";

/** The part of the package onnxruntime-web that is used. */
export interface OnnxRuntime {
  readonly env: { readonly wasm: { numThreads?: number; wasmPaths?: string } };
  readonly Tensor: new (type: "int64", data: BigInt64Array, shape: readonly number[]) => unknown;
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<OnnxSession> };
}

/** A loaded model. */
export interface OnnxSession {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Record<string, { readonly data: Float32Array }>>;
  release(): Promise<void>;
}

/** The way a classifier reads texts, as an exported page holds it. */
export interface ReadingSettings {
  /** The classes' names. */
  readonly labels: readonly string[];
  /** Name of the strategy for long texts. */
  readonly text: string;
  /** Most fractions of a text. */
  readonly maxFractions?: number;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** `true` if the texts are pairs. */
  readonly pairs: boolean;
  /** Divisor of the logits. */
  readonly temperature: number;
  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  readonly thresholds?: readonly number[];
}

/** Texts that are computed at once. */
interface Batch {
  readonly indices: Int32Array;
  readonly examples: number;
  readonly texts: readonly ReadExample[];
}

/** Most tokens and texts of a batch; more cost memory and are not faster. */
const most = { tokens: 2048, texts: 32 };

/** A classifier in WebAssembly. */
export class OnnxClassifier {
  readonly #reading: Reading;

  /**
   * @param runtime the package onnxruntime-web
   * @param session the loaded model
   * @param pause called before each batch, so that others may run; what it throws is thrown on
   */
  constructor(
    readonly runtime: OnnxRuntime,
    readonly session: OnnxSession,
    readonly tokenizer: Tokenizer,
    readonly settings: ReadingSettings,
    readonly pause: () => Promise<void> = () => Promise.resolve(),
  ) {
    const { text, maxFractions, maxLength } = settings;
    this.#reading = { tokenizer, text: textStrategy(text, { maxFractions }), maxLength };
  }

  /** The classes' names. */
  get labels(): readonly string[] {
    return this.settings.labels;
  }

  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  get thresholds(): readonly number[] | undefined {
    return this.settings.thresholds;
  }

  /** Tells what is read of a text. */
  reads(text: string): ReadText {
    return readParts(text, this.#reading);
  }

  /** The class of each text. @param onTexts told on the way how many texts are done */
  async classify(
    texts: readonly ClassifierText[],
    onTexts?: (done: number) => void,
  ): Promise<Classification[]> {
    return classifications(await this.probabilities(texts, onTexts), this);
  }

  /** Probabilities [N*C] of the classes for each of N texts. @param onTexts told on the way how many texts are done */
  async probabilities(
    texts: readonly ClassifierText[],
    onTexts?: (done: number) => void,
  ): Promise<Float64Array> {
    const examples = readExamples(
      texts.map((text) => ({ ...typeof text === "string" ? { text } : text, label: 0 })),
      this.#reading,
    );
    return await classProbabilities((batch: Batch) => this.#run(batch), batchesOf(examples), {
      examples: texts.length,
      classes: this.labels.length,
      temperature: this.settings.temperature,
      multiLabel: this.thresholds !== undefined,
      onExamples: onTexts,
    });
  }

  /** Computes the logits [B, C]; each text is K sequences of T places, filled up with padding. */
  async #run({ texts }: Batch): Promise<HostTensors> {
    await this.pause();
    const { ids } = this.tokenizer;
    const B = texts.length;
    const K = texts.reduce((most, { pieces }) => Math.max(most, pieces.length), 1);
    const T = Math.max(...texts.map(longest));
    const [all, mask, types] = [ids.pad, 0, 0].map((value) =>
      new BigInt64Array(B * K * T).fill(BigInt(value))
    ) as [
      BigInt64Array,
      BigInt64Array,
      BigInt64Array,
    ];
    texts.forEach(({ pieces, second }, b) =>
      pieces.forEach((piece, k) => {
        const start = (b * K + k) * T;
        const { ids: row, second: from } = sequence(piece, second, ids);
        row.forEach((id, place) => all[start + place] = BigInt(id));
        mask.fill(1n, start, start + row.length);
        types.fill(1n, start + from, start + row.length);
      })
    );
    const shape = this.#reading.text.pooling && !this.settings.pairs ? [B, K, T] : [B, T];
    const tensor = (data: BigInt64Array) => new this.runtime.Tensor("int64", data, shape);
    const { logits } = await this.session.run({
      input_ids: tensor(all),
      attention_mask: tensor(mask),
      token_type_ids: tensor(types),
    });
    return { logits: { shape: [B, this.labels.length], data: logits!.data } };
  }
}

function longest(example: ReadExample): number {
  return Math.max(...sequenceLengths(example));
}

/** Batches of texts of similar lengths, the longest first, so that what needs most memory fails at once. */
function batchesOf(examples: readonly ReadExample[]): Batch[] {
  const batches: Batch[] = [];
  let texts: ReadExample[] = [];
  let [T, K] = [0, 0];
  const close = () => {
    if (texts.length === 0) return;
    batches.push({ texts, examples: texts.length, indices: Int32Array.from(texts, ({ index }) => index) });
    [texts, T, K] = [[], 0, 0];
  };
  for (const example of examples.toSorted((a, b) => longest(b) - longest(a))) {
    const size = [Math.max(T, longest(example)), Math.max(K, example.pieces.length)] as const;
    if (texts.length === most.texts || (texts.length + 1) * size[0] * size[1] > most.tokens) close();
    texts.push(example);
    [T, K] = [Math.max(T, size[0]), Math.max(K, size[1])];
  }
  close();
  return batches;
}
