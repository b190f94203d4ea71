/** A peer of predict.ts: labels a CSV's texts with transformers.js's pipeline, in batches of 32. */
import "../lib/engine/no_telemetry.ts";
import { env, pipeline } from "@huggingface/transformers";
import { stringify } from "csv-stringify/sync";
import { readTable } from "../lib/tables/table.ts";

env.allowRemoteModels = false;
const [folder, input, output] = Deno.args as [string, string, string];
const texts = (await readTable(input)).rows.map(({ values }) => values.get("text")!);
const classify = await pipeline("text-classification", folder, { dtype: "fp32" });
const labels: string[] = [];
for (let start = 0; start < texts.length; start += 32) {
  const found = await classify(texts.slice(start, start + 32));
  for (const each of found) labels.push((each as { label: string }).label);
}
await Deno.writeTextFile(
  output,
  stringify(texts.map((text, i) => ({ text, label: labels[i] })), { header: true }),
);
Deno.exit(0);
