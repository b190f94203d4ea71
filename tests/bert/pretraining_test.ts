/** Pre-training's losses and gradients on every engine against Python transformers. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { preTrainingShapes } from "../../lib/bert/parameters.ts";
import { pretrainer } from "../../lib/bert/pretraining.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { stepKey } from "../../lib/graph/composites.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";
import { stateName } from "../../lib/training/optimizers.ts";
import { evaluationGraph, gradientGraph, signatures } from "../../lib/training/step.ts";
import { engines } from "../engine/engines.ts";
import { goldenFolder, largestDifference, relativeError } from "../golden/load.ts";
import { hasTransformers, runTransformers } from "../golden/transformers.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { packedOf } from "../helpers/packed.ts";
import { slowUnless } from "../helpers/slow.ts";

const folder = join(goldenFolder, "..", "pretraining", "tiny");
const golden = await readSafetensors(`${folder}.safetensors`);
const { config, parameters: loaded, notes } = await loadCheckpoint(folder, { seed: 1, preTraining: {} });
const [B, T] = golden.ids!.shape as [number, number];
const heads = [{ nsp: true }, { nsp: false }];

/** The masked places of each sequence, as indices into all tokens, and all of them in order. */
const places = Array.from(
  { length: B },
  (_, b) =>
    Array.from({ length: T }, (_, t) => b * T + t).filter((at) => golden.mlm_labels!.data[at] !== -100),
);
const masked = places.flat();
/** One more than any sequence has: each has places of padding. */
const P = 1 + Math.max(...places.map(({ length }) => length));
const { ids, mask, type_ids } = golden as Record<string, HostTensor>;
const packed = packedOf({ ids: ids!, mask: mask!, type_ids: type_ids! });

/** The sequences in both layouts, and where a token of all padded ones is. */
const layouts = {
  padded: {
    shape: { B, T, P },
    tensors: { ids: ids!, mask: mask!, type_ids: type_ids! },
    place: (at: number) => at,
  },
  packed: {
    shape: { B, P, ...packed.shape },
    tensors: packed.tensors,
    place: (at: number) => packed.padded.indexOf(at),
  },
};
type Layout = typeof layouts[keyof typeof layouts];

/** Returns the feeds, with padding after each sequence's places. */
function feeds({ tensors, place }: Layout, nsp: boolean): HostTensors {
  const at = new Int32Array(B * P), labels = new Int32Array(B * P), weights = new Float32Array(B * P);
  places.forEach((own, b) =>
    own.forEach((token, i) => {
      at[b * P + i] = place(token);
      labels[b * P + i] = golden.mlm_labels!.data[token]!;
      weights[b * P + i] = 1 / masked.length;
    })
  );
  const flat = (data: Int32Array | Float32Array): HostTensor => ({ shape: [data.length], data });
  return {
    ...tensors,
    masked: flat(at),
    mlm_labels: flat(labels),
    mlm_weights: flat(weights),
    ...nsp ? { nsp_labels: golden.nsp_labels!, weights: flat(new Float32Array(B).fill(1 / B)) } : {},
  };
}

/** The parameters that are trained with these heads. */
function trained(nsp: boolean): HostTensors {
  return Object.fromEntries(
    Array.from(preTrainingShapes(config, { nsp }).keys(), (name) => [name, loaded[name]!]),
  );
}

/** The numbers of the masked places, without those of padding. */
function ofPlaces({ data }: HostTensor): number[] {
  return places.flatMap((own, b) => own.map((_, i) => data[b * P + i]!));
}

function close(found: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  const difference = largestDifference(found, expected);
  ok(difference < 1e-5, `${what} differs by ${difference}`);
}

Deno.test("a folder saved as BertForPreTraining is loaded whole, with nothing to say", () => {
  deepStrictEqual(notes, []);
  deepStrictEqual(Object.keys(loaded).sort(), [...preTrainingShapes(config).keys()].sort());
});

const bothLayouts = Object.values(layouts).flatMap((layout) => heads.map((nsp) => [layout, nsp] as const));

for (const [name, make] of Object.entries(engines)) {
  slowUnless(name !== "xla")(
    `${name}: losses, right words and logits of pre-training are those of transformers to 1e-5`,
    async () => {
      const engine = await make();
      for (const [layout, { nsp }] of bothLayouts) {
        const parameters = trained(nsp);
        const graph = evaluationGraph(pretrainer(config, { nsp }), signatures(parameters), layout.shape);
        const found = await (await engine.compile(graph)).run(engine.state(parameters), feeds(layout, nsp));
        close(found.loss!.data, golden[nsp ? "loss" : "mlm_loss"]!.data, "the loss");
        close(ofPlaces(found.mlm_losses!), golden.mlm_losses!.data, "the places' losses");
        deepStrictEqual(ofPlaces(found.mlm_correct!), [...golden.mlm_correct!.data]);
        if (nsp) close(found.nsp_logits!.data, golden.nsp_logits!.data, "nsp_logits");
        deepStrictEqual(
          Object.keys(found).sort(),
          ["loss", "mlm_correct", "mlm_losses", ...nsp ? ["nsp_logits"] : []],
        );
      }
    },
  );

  const test = slowUnless(name !== "xla");
  test(`${name}: every gradient of pre-training is that of transformers to 1e-4`, async () => {
    const engine = await make();
    for (const [layout, { nsp }] of bothLayouts) {
      const parameters = trained(nsp);
      const graph = gradientGraph(pretrainer(config, { nsp }), signatures(parameters), layout.shape);
      const sevens = Object.fromEntries(
        Object.entries(parameters).map(([name, { shape, data }]) => [
          stateName.gradient(name),
          { shape, data: new Float32Array(data.length).fill(7) },
        ]),
      );
      const state = engine.state({ ...parameters, ...sevens });
      const key = { shape: [1], data: Int32Array.of(stepKey(1, 0)) };
      const { loss } = await (await engine.compile(graph)).run(state, { ...feeds(layout, nsp), key });
      close(loss!.data, golden[nsp ? "loss" : "mlm_loss"]!.data, "the loss");
      const gradients = await state.download(Object.keys(sevens));
      const prefix = nsp ? "gradient" : "mlm_gradient";
      const wrong = Object.keys(parameters).map((name) => ({
        name,
        error: relativeError(gradients[stateName.gradient(name)]!.data, golden[`${prefix}.${name}`]!.data),
      })).filter(({ error }) => !(error <= 1e-4));
      deepStrictEqual(wrong, []);
    }
  });
}

Deno.test({
  name: "transformers loads what pre-training saves, without warnings, with the same logits",
  ignore: !hasTransformers("transformers loads what pre-training saves"),
  fn: async () => {
    const rows = (name: string) =>
      Array.from({ length: B }, (_, b) => [...golden[name]!.data.slice(b * T, (b + 1) * T)]);
    const request = { ids: rows("ids"), mask: rows("mask"), type_ids: rows("type_ids") };
    for (const { nsp } of heads) {
      const className = nsp ? "BertForPreTraining" : "BertForMaskedLM";
      await inFolder(async (saved) => {
        await saveCheckpoint(saved, { config, parameters: trained(nsp) });
        const { architectures } = JSON.parse(await readFile(join(saved, "config.json"), "utf8"));
        deepStrictEqual(architectures, [className]);
        const reply = runTransformers(saved, request, className);
        deepStrictEqual(Object.values(reply.warnings).flat(), []);
        const words = nsp ? reply.prediction_logits! : reply.logits as unknown as number[][][];
        close(words.flat(2), golden.prediction_logits!.data, "the words' logits");
        if (nsp) close(reply.seq_relationship_logits!.flat(), golden.nsp_logits!.data, "nsp_logits");
      });
    }
  },
});
