/** The golden files of tests/golden/families, which make_families.py made with PyTorch and transformers. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint } from "../../lib/bert/checkpoint.ts";
import type { BertConfig } from "../../lib/bert/config.ts";
import { familyOf } from "../../lib/bert/family/families.ts";
import { fileName, ownName } from "../../lib/bert/family/family.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import type { HostTensor, HostTensors } from "../../lib/tensors.ts";

/** The families with golden files. */
export const familyNames = [
  ...["roberta", "xlm-roberta", "camembert", "distilbert", "electra", "modernbert"],
] as const;

/** The folder of a family's model. */
export function familyFolder(name: string): string {
  return join(import.meta.dirname!, "families", name);
}

/** A batch of texts. */
export type FamilyBatch = Readonly<Record<"ids" | "mask" | "type_ids" | "labels", HostTensor>>;

/** A family's model and what PyTorch makes of it. */
export interface GoldenFamily {
  readonly config: BertConfig;
  readonly parameters: HostTensors;
  readonly notes: readonly string[];
  readonly batch: FamilyBatch;
  /** All values by the script's names. */
  readonly values: HostTensors;
  /** Ten batches and the losses on them. */
  readonly batches: readonly FamilyBatch[];
  readonly losses: readonly number[];
  /** Texts and their ids. */
  readonly texts: readonly string[];
  readonly encoded: readonly (readonly number[])[];
  readonly pairs: readonly { readonly texts: [string, string]; readonly ids: readonly number[] }[];
  /** Returns the values whose names begin so, by our names of parameters. */
  readonly named: (prefix: string) => HostTensors;
  /** Returns a parameter's name in the family's files. */
  readonly fileName: (name: string) => string;
}

/** Loads a family's golden files. */
export async function loadGoldenFamily(name: string): Promise<GoldenFamily> {
  const folder = familyFolder(name);
  const values = await readSafetensors(`${folder}.safetensors`);
  const { config, parameters, notes } = await loadCheckpoint(folder, { seed: 1 });
  const family = familyOf(config);
  const json = JSON.parse(await readFile(`${folder}.json`, "utf8"));
  const { ids, mask, type_ids, labels } = values as unknown as FamilyBatch;
  const tensor = (rows: number[] | number[][]): HostTensor => ({
    shape: Array.isArray(rows[0]) ? [rows.length, rows[0].length] : [rows.length],
    data: Int32Array.from(rows.flat()),
  });
  return {
    ...{ config, parameters, notes, values, batch: { ids, mask, type_ids, labels } },
    batches: json.batches.map((batch: Record<string, number[]>) =>
      Object.fromEntries(Object.entries(batch).map(([name, rows]) => [name, tensor(rows)]))
    ),
    ...{ losses: json.losses, texts: json.texts, encoded: json.encoded, pairs: json.pairs },
    named: (prefix) =>
      Object.fromEntries(
        Object.entries(values).filter(([name]) => name.startsWith(prefix))
          .map(([name, value]) => [ownName(family, name.slice(prefix.length)), value]),
      ),
    fileName: (name) => fileName(family, name),
  };
}
