/**
 * The time that a training step takes on the host: a GPU has nothing to do while the host is slower than it. The models
 * are thin, so that computing them takes next to nothing; the second one has as many tensors as BERT-base, and each
 * tensor costs the host calls of the plugin.
 */
import { sequenceClassifier } from "../lib/bert/classifier.ts";
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import { openEngine } from "../lib/engine/open.ts";
import type { HostTensors } from "../lib/tensors.ts";
import { optimizer } from "../lib/training/optimizers.ts";
import { Trainer } from "../lib/training/trainer.ts";

const models = {
  "tiny (L2 H16)": { num_hidden_layers: 2, hidden_size: 16 },
  "thin (L12 H16)": { num_hidden_layers: 12, hidden_size: 16 },
};
const [B, T] = [2, 8];

const part: HostTensors = {
  ids: { shape: [B, T], data: Int32Array.from({ length: B * T }, (_, i) => i % 64) },
  mask: { shape: [B, T], data: new Int32Array(B * T).fill(1) },
  labels: { shape: [B], data: Int32Array.from({ length: B }, (_, i) => i % 2) },
  weights: { shape: [B], data: new Float32Array(B).fill(1 / B) },
};
const batch = { shape: { B, K: 1, T }, parts: [part], examples: B, tokens: B * T };

/** Milliseconds of a step. */
interface HostTimes {
  /** Of the calls that begin it. */
  readonly begin: number;
  /** Of the calls that read its result and free what it used, once the device has computed it. */
  readonly read: number;
  /** From one step to the next, each read before the next begins. */
  readonly waited: number;
  /** From one step to the next, each read one step late. */
  readonly ahead: number;
}

/** Runs the benchmark on the engine xla; returns its numbers for the history. */
export async function benchHost(
  { repeats, say }: { repeats: number; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const results: Record<string, HostTimes & { tensors: number }> = {};
  for (const [name, model] of Object.entries(models)) {
    const config = newConfig({
      vocab_size: 64,
      max_position_embeddings: 16,
      num_attention_heads: 2,
      ...model,
    });
    const parameters = initialParameters(config, { seed: 1, labels: 2 });
    const engine = await openEngine("xla");
    const trainer = new Trainer(engine, sequenceClassifier(config), parameters, optimizer("adamw"), 1);
    const tensors = Object.keys(parameters).length;
    const times = await timesOf(trainer, 20 * repeats);
    await trainer.dispose();
    results[name] = { ...times, tensors };
    const { begin, read, waited, ahead } = times;
    say(
      `${name}, ${tensors} tensors: ${(begin + read).toFixed(2)} ms on the host (${
        begin.toFixed(2)
      } to begin, ${read.toFixed(2)} to read and free); a step in ${waited.toFixed(2)} ms waited for, ${
        ahead.toFixed(2)
      } ms read one late`,
    );
  }
  return results;
}

/** Medians over steps. */
async function timesOf(trainer: Trainer, steps: number): Promise<HostTimes> {
  const rate = () => 1e-5;
  for (let i = 0; i < 20; i++) await trainer.step(batch, rate);
  const begin: number[] = [], read: number[] = [], waited: number[] = [], ahead: number[] = [];
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    const outcome = await trainer.begin(batch, rate);
    const begun = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 10)); // the device computes
    const over = performance.now();
    await outcome();
    begin.push(begun - start);
    read.push(performance.now() - over);
  }
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    await trainer.step(batch, rate);
    waited.push(performance.now() - start);
  }
  let before = await trainer.begin(batch, rate);
  for (let i = 0; i < steps; i++) {
    const start = performance.now();
    const outcome = await trainer.begin(batch, rate);
    await before();
    before = outcome;
    ahead.push(performance.now() - start);
  }
  await before();
  return { begin: median(begin), read: median(read), waited: median(waited), ahead: median(ahead) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!;
}
