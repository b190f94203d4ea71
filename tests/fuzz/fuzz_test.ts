import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { fold, Random } from "../../lib/random.ts";
import { fuzz } from "./fuzz.ts";
import { mutate } from "./mutate.ts";
import { test } from "../helpers/slow.ts";

test.slow("damaged files are read or refused in one sentence, by every reader", async () => {
  const { readers, faults } = await fuzz({ files: 50 * 26, seed: 1 });
  deepStrictEqual(faults, []);
  strictEqual(readers.size, 26);
  for (const [name, { read, refused }] of readers) {
    strictEqual(read + refused, 50);
    ok((read > 0 || name === "checkpoint") && refused > 5, `${name}: ${read} read, ${refused} refused`);
  }
});

Deno.test("the damage is the same for the same seed", () => {
  const material = {
    samples: [new TextEncoder().encode("one file with 17 numbers")],
    tokens: [Uint8Array.of(34)],
  };
  const files = (seed: number) =>
    Array.from({ length: 50 }, (_, file) => [...mutate(new Random(fold(seed, file)), material)]);
  deepStrictEqual(files(1), files(1));
  const different = new Set([...files(1), ...files(2)].map(String));
  ok(different.size > 80, `${different.size} of 100 files differ`);
});
