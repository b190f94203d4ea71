/** The golden values of tests/golden/bert, which make_bert.py there made with PyTorch and transformers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { type BertConfig, readConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { projectFile } from "../project.ts";

/** The folder with the golden files. */
export const goldenFolder: string = projectFile("tests", "golden", "bert");

/** A batch: ids, mask and type_ids int32 [B, T], labels int32 [B]. */
export interface GoldenBatch {
  readonly ids: HostTensor;
  readonly mask: HostTensor;
  readonly type_ids: HostTensor;
  readonly labels: HostTensor;
}

/** A tiny BertForSequenceClassification and what it makes of one batch. */
export interface GoldenModel {
  readonly config: BertConfig;
  readonly parameters: HostTensors;
  readonly batch: GoldenBatch;
  /** L + 1 tensors [B, T, H], the embeddings' first. */
  readonly hiddenStates: readonly HostTensor[];
  /** [B, H]. */
  readonly pooled: HostTensor;
  /** [B, C]. */
  readonly logits: HostTensor;
  /** [B, C] each, with another activation ("gelu_new", "relu") or without segment types ("no_types"). */
  readonly otherLogits: HostTensors;
  /** The mean cross-entropy. */
  readonly loss: number;
  /** The loss's gradient by parameter. */
  readonly gradients: HostTensors;
}

/** The ten losses of one optimizer with one schedule. */
export interface GoldenRun {
  readonly optimizer: "adamw" | "bertadam";
  readonly schedule: string;
  readonly learning_rate: number;
  /** The loss of each batch before its step. */
  readonly losses: readonly number[];
}

/** Ten batches on which the tiny model was trained, once for each run. */
export interface GoldenTraining {
  readonly totalSteps: number;
  readonly warmupSteps: number;
  /** The cycles of cosine-with-restarts. */
  readonly cycles: number;
  readonly batches: readonly GoldenBatch[];
  readonly runs: readonly GoldenRun[];
}

/** Loads the tiny model with its golden values. */
export async function loadGoldenModel(): Promise<GoldenModel> {
  const folder = join(goldenFolder, "tiny");
  const config = await readConfig(folder);
  const parameters = await readSafetensors(join(folder, "model.safetensors"));
  const values = await readSafetensors(`${folder}.safetensors`);
  const { ids, mask, type_ids, labels, pooled, logits, loss } = values as Record<string, HostTensor>;
  const hiddenStates = Array.from(
    { length: config.num_hidden_layers + 1 },
    (_, layer) => values[`hidden_states.${layer}`]!,
  );
  const gradients = Object.fromEntries(
    Object.keys(parameters).map((name) => [name, values[`gradient.${name}`]!]),
  );
  return {
    config,
    parameters,
    batch: { ids: ids!, mask: mask!, type_ids: type_ids!, labels: labels! },
    hiddenStates,
    pooled: pooled!,
    logits: logits!,
    otherLogits: Object.fromEntries(
      ["gelu_new", "relu", "no_types"].map((name) => [name, values[`logits.${name}`]!]),
    ),
    loss: loss!.data[0]!,
    gradients,
  };
}

/** Loads the ten batches and the losses on them. */
export async function loadGoldenTraining(): Promise<GoldenTraining> {
  const json = JSON.parse(await readFile(join(goldenFolder, "training.json"), "utf8"));
  const matrix = (rows: number[][]) => ({
    shape: [rows.length, rows[0]!.length],
    data: Int32Array.from(rows.flat()),
  });
  return {
    totalSteps: json.total_steps,
    warmupSteps: json.warmup_steps,
    cycles: json.cycles,
    batches: json.batches.map((batch: Record<string, number[][]> & { labels: number[] }) => ({
      ids: matrix(batch.ids!),
      mask: matrix(batch.mask!),
      type_ids: matrix(batch.type_ids!),
      labels: { shape: [batch.labels.length], data: Int32Array.from(batch.labels) },
    })),
    runs: json.runs,
  };
}

/**
 * ‖found − expected‖ / max(‖expected‖, floor), Euclidean norms over all elements. The floor is for gradients that
 * are zero but for rounding, such as those of the keys' biases, which softmax does not see.
 */
export function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>, floor = 1e-3): number {
  if (found.length !== expected.length) {
    throw new RangeError(`${found.length} numbers and not ${expected.length}`);
  }
  let difference = 0, size = 0;
  for (let i = 0; i < found.length; i++) {
    difference += (found[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(size), floor);
}
