/** Files for the tests of `deno task train`: small tables and a tiny model. */
import { writeFile } from "node:fs/promises";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { exampleDataset, exampleTexts, tinyModel } from "../helpers/example_model.ts";

/** Writes a CSV file of texts of two classes. */
export async function writeTexts(path: string, count: number, seed: number): Promise<string> {
  const rows = exampleTexts(count, 6, seed).map(({ text, label }) => `"${text}",${"ou"[label]}`);
  await writeFile(path, `${["text,label", ...rows].join("\n")}\n`);
  return path;
}

/** Writes a tiny model's folder. */
export async function writeModel(path: string): Promise<string> {
  const model = await tinyModel(exampleDataset());
  await saveCheckpoint(path, { ...model, tokenizerFiles: model.tokenizer.files });
  return path;
}
