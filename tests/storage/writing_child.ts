/**
 * A process for tests to kill: `together FOLDER` writes pairs of files that belong together over one another without
 * end, `model FOLDER` two models, `hold FOLDER` holds the output folder; each says "ready" first.
 */
import { join } from "node:path";
import { saveCheckpoint } from "../../lib/bert/checkpoint.ts";
import { newConfig, withLabels } from "../../lib/bert/config.ts";
import { initialParameters } from "../../lib/bert/parameters.ts";
import { withOutputFolder } from "../../lib/storage/output_folder.ts";
import { Temporary, temporaryFolder } from "../../lib/storage/whole_file.ts";
import { writeFolder, writeTogether } from "../../lib/storage/whole_folder.ts";

/** Two models of other labels and weights, as tests expect them. */
export const models = [1, 2].map((seed) => {
  const shape = newConfig({
    ...{
      vocab_size: 40,
      hidden_size: 16,
      num_attention_heads: 2,
      num_hidden_layers: 1,
      intermediate_size: 32,
    },
  });
  const config = withLabels(shape, seed === 1 ? ["no", "yes"] : ["bad", "good"]);
  const parameters = initialParameters(config, { seed, labels: 2 });
  return {
    config,
    parameters,
    extra: { temperature: seed },
    tokenizerFiles: { "vocab.txt": `[PAD]\n${seed}\n` },
  };
});

if (import.meta.main) {
  const [what, folder = ""] = Deno.args;
  const ready = () => console.log("ready");
  if (what === "hold") {
    await withOutputFolder(folder, async () => {
      ready();
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });
  }
  if (what === "temporaries") {
    await (await Temporary.beside(join(folder, "file"))).write("half");
    await temporaryFolder(join(folder, "folder"));
    ready();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  ready();
  for (let n = 0;; n++) {
    const text = `${n % 2}`.repeat(50_000);
    if (what === "model") await saveCheckpoint(folder, models[n % 2]!);
    else if (what === "together") {
      await writeTogether(folder, { a: text, "inner/b": text, last: text }, "last");
    } else {
      await writeFolder(folder, async (beside) => {
        await writeTogether(beside, { a: text, last: text }, "last");
      });
    }
  }
}
