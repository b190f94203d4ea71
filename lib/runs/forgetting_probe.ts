/**
 * Knowledge that a model can forget (paper section 5.3.3, lib/paper/forgetting.ts): the model before fine-tuning with a head of masked
 * words, made once and kept in the cache folder, and the general text that both are measured on.
 */
import { type RunModel, runModel, runModelIdentity, savePretrained } from "../bert/start_model.ts";
import type { Engine } from "../engine/engine.ts";
import { holdOut } from "../paper/corpora.ts";
import { measureForgetting } from "../paper/forgetting.ts";
import { furtherPretrain } from "../paper/further_pretraining.ts";
import { heldOutBatches } from "../paper/pretraining_batches.ts";
import { encodeDocuments } from "../paper/segments.ts";
import { Random } from "../random.ts";
import type { ForgettingRecord } from "../results/records.ts";
import { object, whole } from "../storage/json.ts";
import type { HostTensors } from "../tensors.ts";
import { cachedModel } from "../training/cached_model.ts";
import { aContext, having, requireArguments } from "../storage/arguments.ts";

/** The model that fine-tuning starts from. */
export interface ProbedModel extends RunModel {
  /** Element type of matrix products. */
  readonly precision: "f32" | "bf16" | "tf32";
}

/** The engine and the texts of {@linkcode forgettingProbe}. */
export interface ForgettingProbeOptions {
  /** The engine that makes the steps. */
  readonly engine: Engine;
  /** The general text, of which a part is used. */
  readonly documents: () => Promise<readonly string[]>;
  /** Its language. */
  readonly language: "en" | "zh";
  /** Told after each step, if there are steps to make. */
  readonly onStep: (done: number, total: number, loss?: number) => void;
  /** Told what is going on. */
  readonly say: (line: string) => void;
  /** Once aborted, the training saves a checkpoint at the end of its step and throws the signal's reason. */
  readonly stop?: AbortSignal;
}

/** A model as it was before fine-tuning, with a head of masked words, and general text to measure it on. */
export interface ForgettingProbe {
  /** Measures what the model still knows when its encoder has these parameters instead. */
  measure(tuned: HostTensors): Promise<ForgettingRecord>;
}

/** Characters of general text that a new head learns from, and sequences and their length that are measured. */
const characters = 2_000_000;
const heldOutExamples = 256;
const maxLength = 64;
const leastBatchSize = 32;
const headKey = 1;

/**
 * Prepares the measurement for the model that a configuration starts from. Where the model has no head of masked
 * words, one is trained on general text for `headSteps` updates, the rest of the model being at rest; it is kept in
 * the cache and serves all runs from the same model.
 *
 * @throws InputError if the model cannot be had.
 */
export async function forgettingProbe(
  probed: ProbedModel,
  headSteps: number,
  options: ForgettingProbeOptions,
): Promise<ForgettingProbe> {
  requireArguments("forgettingProbe", {
    probed: [probed, having("a model that was fine-tuned")],
    headSteps: [headSteps, whole(0)],
    options: [options, aContext],
  });
  const { engine, language, onStep, say } = options;
  const devices = engine.capabilities.devices.length;
  const batchSize = Math.ceil(leastBatchSize / devices) * devices;
  const texts = holdOut(sample(await options.documents()), .1, headKey);
  const start = { seed: headKey, preTraining: { nsp: false }, texts: texts.train, say };
  const { folder } = await cachedModel({
    kind: "masked-words-heads",
    identity: { ...await runModelIdentity(probed, { sets: [], say }), language, headSteps },
    part: "model",
    say,
    stop: options.stop,
    recordFile: "head.json",
    recordShape: object<{ headSteps: number }>({ headSteps: whole(0) }),
  }, async (run) => {
    const model = await runModel(probed, start);
    let { parameters } = model;
    if (headSteps > 0) {
      say(`training a head of masked words on general text, ${headSteps} steps`);
      const documents = { train: texts.train, heldOut: texts.heldOut };
      const settings = { steps: 0, headSteps, nsp: false, seed: headKey, batchSize, maxLength };
      const trained = await furtherPretrain({ ...settings, model, documents, language, heldOutExamples: 1 }, {
        engine,
        checkpoint: run.checkpoint,
        onStep: ({ step, loss }) => onStep(step, headSteps, loss),
      });
      parameters = trained.parameters;
    }
    await run.keep("model", (folder) => savePretrained(folder, { model, parameters }), { headSteps });
  });
  const model = await runModel({ ...probed, model: folder, layers: null }, start);
  const { documents } = encodeDocuments(texts.heldOut, model.tokenizer, language);
  const { tokenizer: { ids: tokenizerIds, vocabSize } } = model;
  const heldOut = heldOutBatches(
    documents,
    { batchSize, maxLength, tokenizerIds, vocabSize, nextSentence: false, key: headKey, devices },
    heldOutExamples,
  );
  return { measure: (tuned) => measureForgetting(engine, model, heldOut, tuned) };
}

/** Documents of the general text in a drawn order, as many as make up {@link characters}. */
function sample(documents: readonly string[]): string[] {
  let left = characters;
  return new Random(headKey).shuffle([...documents]).filter(({ length }) => (left -= length) > 0);
}
