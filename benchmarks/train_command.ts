/** The command `train`, run as people run it, on a part of an embedded data set. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { dataset, limit } from "../lib/data/dataset.ts";
import { type Example, wholeText } from "../lib/data/examples.ts";

/** Calls a function with a folder of `train.jsonl` and `test.jsonl`, so many texts of a data set; the folder then goes. */
export async function inTrainFolder<Result>(
  name: string,
  sizes: { readonly train: number; readonly test: number },
  use: (folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-bench-"));
  try {
    const data = limit(await dataset(name), sizes);
    const write = (file: string, examples: readonly Example[]) => {
      const line = (example: Example) =>
        JSON.stringify({ text: wholeText(example), label: data.labels[example.label] });
      return writeFile(join(folder, file), examples.map(line).join("\n"));
    };
    await write("train.jsonl", data.train);
    await write("test.jsonl", data.test);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Runs `deno task train` on the files of a folder, and returns its result.json. */
export async function train(folder: string, ...more: string[]) {
  const root = dirname(import.meta.dirname!);
  const { tasks } = JSON.parse(await readFile(join(root, "deno.json"), "utf8"));
  const output = join(folder, "model");
  const args = [
    ...tasks.train.split(" ").slice(2),
    ...["--train", join(folder, "train.jsonl"), "--test", join(folder, "test.jsonl"), "--output", output],
    ...more,
  ];
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "null", stderr: "inherit" });
  if (!(await command.output()).success) throw new Error(`train ${args.join(" ")} failed`);
  const result = JSON.parse(await readFile(join(output, "result.json"), "utf8"));
  await rm(output, { recursive: true });
  return result;
}
