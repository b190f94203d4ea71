import { deepStrictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { compileOptions, platformOverrides } from "../../../lib/engine/xla/compile_options.ts";

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

Deno.test("GPUs have the flags of GPUs whatever their platform is called", () => {
  const folders = { data: "/cuda", autotuning: "/kept" };
  const expected = {
    xla_gpu_exclude_nondeterministic_ops: true,
    xla_gpu_enable_triton_gemm: false,
    xla_gpu_cuda_data_dir: "/cuda",
    xla_gpu_per_fusion_autotune_cache_dir: "/kept",
  };
  for (const platform of ["cuda", "CUDA", "gpu", "rocm"]) {
    deepStrictEqual(platformOverrides(platform, folders), expected);
  }
  deepStrictEqual(platformOverrides("cpu", folders), { xla_allow_excess_precision: false });
  deepStrictEqual(platformOverrides("tpu", folders), {});
});

Deno.test("timed choices are kept, or nothing is timed", () => {
  const { xla_gpu_deterministic_ops: untimed, ...others } = platformOverrides("cuda");
  deepStrictEqual([untimed, Object.keys(others).some((name) => name.includes("autotune"))], [true, false]);
  deepStrictEqual(platformOverrides("cuda", { autotuning: "/kept" }).xla_gpu_deterministic_ops, undefined);
});
