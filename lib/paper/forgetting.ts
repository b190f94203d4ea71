/**
 * Catastrophic forgetting (paper section 5.3.3, Figure 2): fine-tuning writes over what pre-training taught, the more so
 * the higher the learning rate. The paper shows it by the errors alone. Here it is also measured what is forgotten: how
 * well the encoder still serves to guess masked words of general text, under the same head as before, and how far each
 * layer has moved from where it started:
 *
 *     |after − before| / |before|
 */
import { layerOf, preTrainingParameters } from "../bert/parameters.ts";
import { pretrainer } from "../bert/pretraining.ts";
import type { StartModel } from "../bert/start_model.ts";
import type { Engine } from "../engine/engine.ts";
import type { ForgettingRecord } from "../results/records.ts";
import type { HostTensors } from "../tensors.ts";
import { optimizer } from "../training/optimizers.ts";
import { Trainer } from "../training/trainer.ts";
import type { PreTrainingBatches } from "./pretraining_batches.ts";
import { measureHeldOut } from "./pretraining_steps.ts";
import { requireArguments, tensors } from "../storage/arguments.ts";

/**
 * Guesses the masked words of general text with a model, and again with the encoder that fine-tuning made of it.
 *
 * @param model as it was before fine-tuning, with a head of masked words
 * @param heldOut general text that the head has not seen
 * @param tuned the parameters after fine-tuning
 */
export async function measureForgetting(
  engine: Engine,
  { config, parameters, tokenizer }: StartModel,
  heldOut: PreTrainingBatches,
  tuned: HostTensors,
): Promise<ForgettingRecord> {
  const before = preTrainingParameters(config, parameters, { nsp: false });
  // ModernBERT's pooler is of the head of masked words, which stays as it was.
  const isEncoder = (name: string) => Object.hasOwn(before, name) && !name.startsWith("bert.pooler.");
  const after = Object.fromEntries(Object.entries(tuned).filter(([name]) => isEncoder(name)));
  const trainer = new Trainer(engine, pretrainer(config, { nsp: false }), before, optimizer("adamw"), 1);
  const devices = engine.capabilities.devices.length;
  const options = { nextSentence: false, tokenizerIds: tokenizer.ids, devices };
  const guess = async () => {
    const { mlmLoss, mlmAccuracy } = await measureHeldOut(trainer, heldOut, options);
    return { mlmLoss, mlmAccuracy };
  };
  try {
    const known = await guess();
    trainer.load(after);
    return { before: known, after: await guess(), distances: layerDistances(before, after) };
  } finally {
    await trainer.dispose();
  }
}

/**
 * |after - before| / |before| over all parameters of the embeddings and of each layer, the lowest first; those that
 * are in only one of the two are left out.
 */
export function layerDistances(before: HostTensors, after: HostTensors): Record<string, number> {
  requireArguments("layerDistances", {
    before: [before, tensors],
    after: [after, tensors],
  });
  const sums = new Map<string, { moved: number; size: number }>();
  for (const [name, { data: to }] of Object.entries(after)) {
    const from = before[name]?.data;
    const layer = layerOf(name);
    const part = name.startsWith("bert.embeddings.")
      ? "embeddings"
      : layer === undefined
      ? undefined
      : `layer ${layer}`;
    if (!from || part === undefined) continue;
    const sum = sums.get(part) ?? { moved: 0, size: 0 };
    for (let i = 0; i < to.length; i++) {
      sum.moved += (to[i]! - from[i]!) ** 2;
      sum.size += from[i]! ** 2;
    }
    sums.set(part, sum);
  }
  return Object.fromEntries(
    [...sums].map(([part, { moved, size }]) => [part, Math.sqrt(moved / size)] as const)
      .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true })),
  );
}
