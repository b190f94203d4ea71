/**
 * Compile options as protobuf bytes. Source: xla/pjrt/proto/compile_options.proto (CompileOptionsProto 3, 7;
 * ExecutableBuildOptionsProto 4, 5; OptionOverrideProto 1 to 4). XLA ends the process if either count is 0.
 */

/** XLA's flags without the leading dashes; compiling fails on a name that the plugin does not know. */
export type Overrides = Readonly<Record<string, string | boolean | number>>;

/** Folders that the compiler of GPU programs uses. */
export interface CompilerFolders {
  /** XLA's data folder of CUDA, which has ptxas and libdevice; where it is not given, XLA searches by itself. */
  readonly data?: string;
  /** The folder of timed choices; where it is not given, nothing is timed. */
  readonly autotuning?: string;
}

/** Names that plugins for GPUs give to their platform; all of them have the flags `xla_gpu_…`. */
const gpuPlatforms = ["cuda", "rocm", "gpu", "sycl", "oneapi"];

/** Tells whether a platform's devices are GPUs. */
export function isGpu(platform: string): boolean {
  return gpuPlatforms.includes(platform.toLowerCase());
}

/** Tells whether a platform's devices are NVIDIA's, whose compiler needs ptxas and libdevice. */
export function isCuda(platform: string): boolean {
  return platform.toLowerCase() === "cuda";
}

/**
 * Returns the flags that the engine sets on a platform.
 *
 * On a GPU the same step must give the same bits, also when it is compiled again. So sums are in the same order every
 * time, and which algorithm a matrix product takes is timed once and kept (`autotuning`). Without a folder to keep it in
 * nothing is timed.
 */
export function platformOverrides(platform: string, { data, autotuning }: CompilerFolders = {}): Overrides {
  // Otherwise XLA skips the rounding of a product's inputs to bf16.
  if (platform === "cpu") return { xla_allow_excess_precision: false };
  if (!isGpu(platform)) return {};
  return {
    // For matrix products the compiler has algorithms in cuBLAS that keep the order.
    xla_gpu_exclude_nondeterministic_ops: true,
    xla_gpu_enable_triton_gemm: false,
    ...data === undefined ? {} : { xla_gpu_cuda_data_dir: data },
    ...autotuning === undefined
      ? { xla_gpu_deterministic_ops: true }
      : { xla_gpu_per_fusion_autotune_cache_dir: autotuning },
  };
}

/** Flags for oneDNN's matrix products on x86 CPUs. Such a program is not kept on disk: writing it ends the process. */
export const oneDnnOverrides: Overrides = {
  xla_cpu_use_onednn: true,
  xla_cpu_experimental_onednn_custom_call: true,
};

/** Returns the bytes for one partition and a number of replicas. */
export function compileOptions(replicas: number, overrides: Overrides = {}): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(replicas) || replicas < 1) {
    throw new RangeError(`Cannot compile for ${replicas} replicas: expected at least 1`);
  }
  const build = [...number(4, replicas), ...number(5, 1)];
  const entries = Object.entries(overrides).flatMap(([name, value]) =>
    message(7, [...text(1, name), ...message(2, option(value))])
  );
  return Uint8Array.from([...message(3, build), ...entries]);
}

function option(value: string | boolean | number): number[] {
  if (typeof value === "string") return text(1, value);
  return typeof value === "boolean" ? number(2, Number(value)) : number(3, value);
}

/** Encodes a field of wire type 0. */
function number(field: number, value: number): number[] {
  return [field << 3, ...varint(value)];
}

/** Encodes a field of wire type 2. */
function message(field: number, bytes: readonly number[]): number[] {
  return [field << 3 | 2, ...varint(bytes.length), ...bytes];
}

function text(field: number, value: string): number[] {
  return message(field, [...new TextEncoder().encode(value)]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(Math.floor(value / 0x80))];
}
