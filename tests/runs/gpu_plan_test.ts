import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { gpuCases, type GpuMemory, gpuMemoryFile } from "../../benchmarks/gpu.ts";
import { targets } from "../../lib/engine/xla/targets/hopper.ts";
import { paperSettings } from "../../lib/runs/configuration.ts";
import { gpuPlan, largestSteps, planKey } from "../../lib/runs/gpu_plan.ts";
import { cudaForTests } from "../engine/engines.ts";
import { withEnvironment } from "../helpers/environment.ts";
import { test } from "../helpers/slow.ts";

const budget: Record<string, Record<keyof typeof targets, GpuMemory>> = JSON.parse(
  await readFile(gpuMemoryFile, "utf8"),
);
const api = await cudaForTests("the paper's steps compiled for a GPU");

/** The steps that are compiled here, on each card; `deno task bench gpu` compiles all. The cards differ in memory alone. */
const compiled = {
  h100: [
    "base B32 T128 f32",
    "base B32 T128 bf16 fused attention",
    "base B24 T512 bf16",
    "large B24 T512 f32",
    "base hierarchical self-attention B12 K8 T512 bf16",
    "base masked words B32 T128 bf16",
  ],
  h200: ["large B24 T512 bf16 fused attention"],
} as const;

for (const card of ["h100", "h200"] as const) {
  for (const name of compiled[card]) {
    test.slow(`${name} fits the ${card}, updates in place and keeps to its budget`, async () => {
      const plan = await gpuPlan(api!, targets[card], gpuCases[name]!, { only: "gradients" });
      const [program] = plan.programs;
      const { bytes, attentionCalls } = budget[name]![card];
      assert.ok(plan.fits);
      assert.ok(plan.bytes <= 1.02 * bytes, `${plan.bytes} bytes, of a budget of ${bytes}`);
      assert.equal(program!.attentionCalls, attentionCalls);
      assert.equal(program!.aliased, program!.updated, "all that is updated is donated");
    }, { ignore: api === undefined });
  }
}

for (const model of ["bert-base-uncased", "bert-large-uncased"]) {
  test.slow(`the update of ${model} needs no second copy of the state`, async () => {
    const { programs } = await gpuPlan(api!, targets.h100, { ...paperSettings, model }, { only: "update" });
    const [{ aliased, updated, temporary }] = programs as [typeof programs[0]];
    assert.equal(aliased, updated);
    assert.ok(temporary < updated / 100, `${temporary} bytes in between`);
  }, { ignore: api === undefined });
}

Deno.test({
  name: "a run fits if it takes no more than the fraction of the card's memory that programs may have",
  ignore: api === undefined,
  async fn() {
    const architecture = { ...paperSettings.architecture, layers: 1, hidden: 64, heads: 1, intermediate: 64 };
    const tiny = { ...paperSettings, model: "new", architecture, batchSize: 2, maxLength: 16 };
    const { memory } = targets.h100;
    const plan = () => gpuPlan(api!, targets.h100, tiny, { only: "update" });
    const { bytes, room, fits } = await plan();
    assert.deepEqual([room, fits], [.75 * memory, true], "the engine's own fraction");
    const fraction = (bytes - 1e4) / memory;
    await withEnvironment({ BERTLAB_MEMORY_FRACTION: `${fraction}` }, async () => {
      const { room, fits } = await plan();
      assert.deepEqual([room, fits], [fraction * memory, false]);
    });
    for (const wrong of ["0", "1.5", "half"]) {
      await withEnvironment({ BERTLAB_MEMORY_FRACTION: wrong }, async () => {
        await assert.rejects(plan(), {
          name: "InputError",
          message:
            `Cannot use ${wrong} as a fraction of the GPU's memory: expected a number above 0 and up to 1 in ` +
            "BERTLAB_MEMORY_FRACTION",
        });
      });
    }
  },
});

Deno.test("the programs of a run are its evaluation, its gradients and its update", async () => {
  const architecture = { ...paperSettings.architecture, layers: 1, hidden: 64, heads: 1, intermediate: 64 };
  const steps = await largestSteps({ ...paperSettings, model: "new", architecture });
  assert.deepEqual(steps.map(({ graphs }) => graphs.map(({ name }) => name.split(" ")[0])), [
    ["evaluation", "gradients", "update"],
  ]);
});

Deno.test("runs whose steps are the same are compiled once", () => {
  const key = planKey(paperSettings);
  for (
    const same of [{ text: "tail" }, { seed: 7 }, { learningRate: 1 }, { data: "trec" }, { maxFractions: 2 }]
  ) {
    assert.equal(planKey({ ...paperSettings, ...same }), key);
  }
  const others = [
    { text: "hierarchical-max" },
    { maxLength: 128 },
    { batchSize: 8 },
    { precision: "bf16" },
    { model: "minilm" },
    { attentionDropout: 0 },
    { features: "last 4 concat" },
    { data: "yahoo-answers" },
    { padToMax: true },
  ] as const;
  const keys = new Set(others.map((other) => planKey({ ...paperSettings, ...other })));
  assert.equal(keys.size, others.length);
  assert.ok(!keys.has(key));
});
