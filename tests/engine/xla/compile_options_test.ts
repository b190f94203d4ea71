import { deepStrictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compileOptions } from "../../../lib/engine/xla/compile_options.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

Deno.test("compile options are the protobuf bytes that XLA reads", () => {
  deepStrictEqual(hex(compileOptions(1)), "1a0420012801");
  deepStrictEqual(hex(compileOptions(4)), "1a0420042801");
  const name = Buffer.from("xla_gpu_deterministic_ops").toString("hex");
  deepStrictEqual(
    hex(compileOptions(1, { xla_gpu_deterministic_ops: true })),
    `1a0420012801${"3a1f0a19"}${name}${"12021001"}`,
  );
  deepStrictEqual(
    hex(compileOptions(1, { a: "bc", d: 300 })),
    "1a04200128013a090a016112040a0262633a080a0164120318ac02",
  );
});

Deno.test("no replica at all is refused, as it would end the process", () => {
  throws(() => compileOptions(0), RangeError);
});
