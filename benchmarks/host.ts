/**
 * The time that a training step takes on the host: a GPU has nothing to do while the host is slower than it. The models
 * are thin, so that computing them takes next to nothing; the second one has as many tensors as BERT-base, and each
 * tensor costs the host calls of the plugin.
 */
import { sequenceClassifier } from "../lib/bert/classifier.ts";
import { newConfig } from "../lib/bert/config.ts";
import { initialParameters } from "../lib/bert/parameters.ts";
import { openEngine } from "../lib/engine/open.ts";
import { Api } from "../lib/engine/xla/api.ts";
import type { HostTensors } from "../lib/tensors.ts";
import { optimizer } from "../lib/training/optimizers.ts";
import { Trainer } from "../lib/training/trainer.ts";
import { median } from "../lib/results/statistics.ts";

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
  /** From one step to the next. */
  readonly step: number;
  /** Of it the time in which the host does not wait for the device. */
  readonly host: number;
}

/** Runs the benchmark on the engine xla; returns its numbers for the history. */
export async function benchHost(
  { repeats, say }: { repeats: number; say: (line: string) => void },
): Promise<Record<string, unknown>> {
  const results: Record<string, { tensors: number; waited: HostTimes; ahead: HostTimes }> = {};
  const text = ({ step, host }: HostTimes) =>
    `${step.toFixed(2)} ms, of them ${host.toFixed(2)} ms on the host`;
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
    const rate = () => 1e-5;
    for (let i = 0; i < 40; i++) await trainer.step(batch, rate);
    const waited = await timesOf(20 * repeats, async () => void await trainer.step(batch, rate));
    let before = await trainer.begin(batch, rate);
    const ahead = await timesOf(20 * repeats, async () => {
      const outcome = await trainer.begin(batch, rate);
      await before();
      before = outcome;
    });
    await trainer.dispose();
    const tensors = Object.keys(parameters).length;
    results[name] = { tensors, waited, ahead };
    say(`${name}, ${tensors} tensors: waited for ${text(waited)}; read one step late ${text(ahead)}`);
  }
  return results;
}

/** Medians over steps. */
async function timesOf(steps: number, step: () => Promise<void>): Promise<HostTimes> {
  const times: number[] = [], host: number[] = [];
  let waiting = 0;
  const { wait } = Api.prototype;
  Api.prototype.wait = async function (this: Api, ...args: Parameters<typeof wait>) {
    const start = performance.now();
    try {
      return await wait.apply(this, args);
    } finally {
      waiting += performance.now() - start;
    }
  } as typeof wait;
  try {
    for (let i = 0; i < steps; i++) {
      waiting = 0;
      const start = performance.now();
      await step();
      const time = performance.now() - start;
      times.push(time);
      host.push(time - waiting);
    }
  } finally {
    Api.prototype.wait = wait;
  }
  return { step: median(times), host: median(host) };
}
