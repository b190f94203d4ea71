/** Readers of event files: a small one of our own, and TensorBoard's where BERTLAB_PYTHON has it. */
import protobuf from "protobufjs/minimal.js";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The scalars of a folder by tag, as [step, value], in the order of its files. */
export async function scalarsOf(folder: string): Promise<Record<string, [number, number][]>> {
  const found: Record<string, [number, number][]> = {};
  for (const name of (await readdir(folder)).filter((name) => /tfevents/.test(name)).sort()) {
    const bytes = new Uint8Array(await readFile(join(folder, name)));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at < bytes.length;) {
      const length = Number(view.getBigUint64(at, true));
      readEvent(bytes.subarray(at + 12, at + 12 + length), found);
      at += length + 16;
    }
  }
  return found;
}

function readEvent(bytes: Uint8Array, found: Record<string, [number, number][]>): void {
  const reader = protobuf.Reader.create(bytes);
  let step = 0;
  while (reader.pos < reader.len) {
    const key = reader.uint32();
    if (key === 2 << 3) step = Number(reader.int64());
    else if (key === (7 << 3 | 2)) {
      reader.skipType(2); // a sitting begins: what was written of its steps does not count
      for (const tag of Object.keys(found)) found[tag] = found[tag]!.filter(([at]) => at < step);
    } else if (key === (5 << 3 | 2)) {
      const end = reader.uint32() + reader.pos;
      while (reader.pos < end) {
        reader.uint32(); // 1 << 3 | 2
        reader.uint32(); // length
        reader.uint32();
        const tag = reader.string();
        reader.uint32();
        (found[tag] ??= []).push([step, reader.float()]);
      }
    } else reader.skipType(key & 7);
  }
}

const program = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0}).Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
`;

const python = Deno.env.get("BERTLAB_PYTHON");

/** The reason why TensorBoard's reader is not there; "" if it is. */
export const noTensorBoard: string = await (async () => {
  if (!python) return " (skipped: BERTLAB_PYTHON names no Python)";
  const args = ["-c", "import tensorboard"];
  const { success } = await new Deno.Command(python, { args, stderr: "null" }).output();
  return success ? "" : " (skipped: BERTLAB_PYTHON has no tensorboard)";
})();

/** The same as TensorBoard reads it. */
export async function tensorBoardScalars(folder: string): Promise<Record<string, [number, number][]>> {
  const { success, stdout, stderr } = await new Deno.Command(python!, { args: ["-c", program, folder] })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
