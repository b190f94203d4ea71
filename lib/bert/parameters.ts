/** BERT's parameters: Hugging Face's names and shapes, new ones from a seed, and the lowest layers of a model. */
import type { HostTensor, HostTensors } from "../tensors.ts";
import { InputError } from "../errors.ts";
import { fold, Random } from "../random.ts";
import type { BertConfig } from "./config.ts";
import { familyOf } from "./family/families.ts";

/** The heads of pre-training that a model has besides that of the masked language model. */
export interface PreTrainingHeads {
  /** True (the default) for the head of next sentence prediction, which reads the pooler. */
  readonly nsp?: boolean;
}

/** Tells whether pre-training reads next sentences: it does not where the family has no head for them. */
export function readsNextSentences(config: BertConfig, { nsp = true }: PreTrainingHeads = {}): boolean {
  return nsp && familyOf(config).nextSentences === true;
}

/** Tells whether a model's pre-training reads next sentences; adds a note if it was asked to and cannot. */
export function nextSentences(
  { config, notes }: { readonly config: BertConfig; readonly notes: readonly string[] },
  { nsp: asked = true }: PreTrainingHeads,
): { nsp: boolean; notes: string[] } {
  const nsp = readsNextSentences(config, { nsp: asked });
  const note = `${
    familyOf(config).title
  } has no head for next sentences: masked words are all that it is trained on.`;
  return { nsp, notes: [...notes, ...asked && !nsp ? [note] : []] };
}

/** The heads of a model, on top of its encoder and pooler. */
export interface ModelHeads {
  /** C, the number of labels; without it there is no classifier. */
  readonly labels?: number;
  /** F, the width of the feature that is classified; H by default. */
  readonly features?: number;
  /** The heads of pre-training; without it there are none. */
  readonly preTraining?: PreTrainingHeads;
}

/**
 * Returns the names and shapes of a model's parameters, from the embeddings to the heads, as in
 * BertForSequenceClassification and BertForPreTraining; a matrix is [outputs, inputs].
 */
export function parameterShapes(config: BertConfig, heads: ModelHeads = {}): Map<string, number[]> {
  const { hidden_size: hidden, embedding_size: width = hidden } = config;
  const { modern } = familyOf(config);
  const shapes = modern ? new Map(modern.shapes(config)) : encoderShapes(config);
  const { linear, layerNorm } = modulesIn(shapes);
  if (!modern) linear("bert.pooler.dense", hidden, hidden);
  if (heads.labels !== undefined) linear("classifier", heads.labels, heads.features ?? hidden);
  if (heads.preTraining) {
    shapes.set("cls.predictions.bias", [config.vocab_size]);
    if (!modern) linear("cls.predictions.transform.dense", width, hidden);
    if (!modern) layerNorm("cls.predictions.transform.LayerNorm", width);
    if (readsNextSentences(config, heads.preTraining)) linear("cls.seq_relationship", 2, hidden);
  }
  return shapes;
}

/** Names and shapes of BERT's embeddings and layers. */
function encoderShapes(config: BertConfig): Map<string, number[]> {
  const { hidden_size: hidden, intermediate_size: inner, embedding_size: width = hidden } = config;
  const shapes = new Map<string, number[]>();
  const { linear, layerNorm } = modulesIn(shapes);
  shapes.set("bert.embeddings.word_embeddings.weight", [config.vocab_size, width]);
  shapes.set("bert.embeddings.position_embeddings.weight", [config.max_position_embeddings, width]);
  if (familyOf(config).segments !== "none") {
    shapes.set("bert.embeddings.token_type_embeddings.weight", [config.type_vocab_size, width]);
  }
  layerNorm("bert.embeddings.LayerNorm", width);
  if (width !== hidden) linear("bert.embeddings.project", hidden, width);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const name = `bert.encoder.layer.${layer}`;
    for (const part of ["query", "key", "value"]) linear(`${name}.attention.self.${part}`, hidden, hidden);
    linear(`${name}.attention.output.dense`, hidden, hidden);
    layerNorm(`${name}.attention.output.LayerNorm`, hidden);
    linear(`${name}.intermediate.dense`, inner, hidden);
    linear(`${name}.output.dense`, hidden, inner);
    layerNorm(`${name}.output.LayerNorm`, hidden);
  }
  return shapes;
}

function modulesIn(shapes: Map<string, number[]>) {
  return {
    linear: (name: string, outputs: number, inputs: number) =>
      shapes.set(`${name}.weight`, [outputs, inputs]).set(`${name}.bias`, [outputs]),
    layerNorm: (name: string, size: number) =>
      shapes.set(`${name}.weight`, [size]).set(`${name}.bias`, [size]),
  };
}

/**
 * Returns the names and shapes of the parameters that pre-training trains: all of BertForPreTraining, or without next
 * sentence prediction all of BertForMaskedLM, which has no pooler; ModernBERT's head is that of masked words, too.
 */
export function preTrainingShapes(config: BertConfig, heads: PreTrainingHeads = {}): Map<string, number[]> {
  const shapes = parameterShapes(config, { preTraining: heads });
  if (readsNextSentences(config, heads) || familyOf(config).head.norm) return shapes;
  return new Map([...shapes].filter(([name]) => !name.startsWith("bert.pooler.")));
}

/** The parameters of those names. @throws InputError if the model lacks heads of pre-training. */
export function preTrainingParameters(
  config: BertConfig,
  parameters: HostTensors,
  heads: PreTrainingHeads,
): HostTensors {
  const names = [...preTrainingShapes(config, heads).keys()];
  const missing = names.filter((name) => !Object.hasOwn(parameters, name));
  if (missing.length > 0) {
    throw new InputError(
      `Cannot pre-train a model without ${missing.join(", ")}: start it with its heads of pre-training`,
    );
  }
  return Object.fromEntries(names.map((name) => [name, parameters[name]!]));
}

/** Returns the encoder layer of a parameter, counted from 0; undefined for embeddings, pooler and heads. */
export function layerOf(name: string): number | undefined {
  const digits = /^bert\.encoder\.layer\.(\d+)\./.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * Draws a new parameter as BERT initialises it: LayerNorm's weights 1, biases 0, everything else normal with mean 0.
 * The draws depend only on the seed and the name, so that adding a parameter changes no other.
 *
 * @param range the normal distribution's standard deviation, `initializer_range` of the configuration
 */
export function freshTensor(
  name: string,
  shape: readonly number[],
  { seed, range }: { seed: number; range: number },
): HostTensor {
  const data = new Float32Array(shape.reduce((count, size) => count * size, 1));
  if (name.endsWith("LayerNorm.weight")) data.fill(1);
  else if (!name.endsWith("bias")) {
    const random = new Random(fold(seed, ...new TextEncoder().encode(name)));
    for (let i = 0; i < data.length; i++) data[i] = range * random.normal();
  }
  return { shape, data };
}

/**
 * Draws all parameters of a new model; the embedding of [PAD] is zero, as in Hugging Face's BERT.
 *
 * @throws RangeError if the number of labels or the features' width is not a positive whole number.
 */
export function initialParameters(
  config: BertConfig,
  options: ModelHeads & { seed: number },
): HostTensors {
  for (const size of [options.labels ?? 1, options.features ?? 1]) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`A classifier cannot have the size ${size}`);
    }
  }
  const fresh = { seed: options.seed, range: config.initializer_range };
  const parameters: HostTensors = {};
  for (const [name, shape] of parameterShapes(config, options)) {
    parameters[name] = freshTensor(name, shape, fresh);
  }
  const pad = config.pad_token_id, hidden = config.embedding_size ?? config.hidden_size;
  parameters["bert.embeddings.word_embeddings.weight"]!.data.fill(0, pad * hidden, (pad + 1) * hidden);
  return parameters;
}

/**
 * Returns the parameters with a better start for pre-training a new model: the bias of the head of masked words is the
 * logarithm of each word's share, and the positions are sinusoids (Vaswani et al. 2017) as large as the other weights.
 * From BERT's plain start, a small model takes millions of tokens to learn more than the words' shares.
 *
 * @param pieces the wordpieces that it will be trained on
 */
export function unigramStart(config: BertConfig, parameters: HostTensors, pieces: Int32Array): HostTensors {
  const { vocab_size: words, max_position_embeddings: places } = config;
  const hidden = config.embedding_size ?? config.hidden_size;
  const counts = new Float64Array(words).fill(1);
  for (const piece of pieces) counts[piece]!++;
  const bias = Float32Array.from(counts, (count) => Math.log(count / (pieces.length + words)));

  const positions = new Float32Array(places * hidden);
  for (let place = 0; place < places; place++) {
    for (let pair = 0; pair < hidden / 2; pair++) {
      const angle = place / 10_000 ** (2 * pair / hidden);
      const amplitude = Math.SQRT2 * config.initializer_range;
      positions[place * hidden + 2 * pair] = amplitude * Math.sin(angle);
      if (2 * pair + 1 < hidden) positions[place * hidden + 2 * pair + 1] = amplitude * Math.cos(angle);
    }
  }
  return {
    ...parameters,
    "cls.predictions.bias": { shape: [words], data: bias },
    "bert.embeddings.position_embeddings.weight": { shape: [places, hidden], data: positions },
  };
}

/**
 * Returns the model of the lowest `layers` encoder layers (Sajjad et al. 2020): the upper layers are dropped, the
 * pooler and the heads stay. The tensors are shared, not copied.
 *
 * @throws InputError if the model does not have that many layers.
 */
export function keepLayers(
  parameters: HostTensors,
  config: BertConfig,
  layers: number,
): { config: BertConfig; parameters: HostTensors } {
  if (!Number.isSafeInteger(layers) || layers < 1 || layers > config.num_hidden_layers) {
    throw new InputError(
      `Cannot keep the lowest ${layers} layers of a model of ${config.num_hidden_layers}: ` +
        `give a whole number from 1 to ${config.num_hidden_layers}`,
    );
  }
  const kept = Object.entries(parameters).filter(([name]) => (layerOf(name) ?? 0) < layers);
  return { config: { ...config, num_hidden_layers: layers }, parameters: Object.fromEntries(kept) };
}
