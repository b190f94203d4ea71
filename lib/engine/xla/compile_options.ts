/**
 * Compile options as protobuf bytes. Source: xla/pjrt/proto/compile_options.proto (CompileOptionsProto 3, 7;
 * ExecutableBuildOptionsProto 4, 5; OptionOverrideProto 1 to 4). XLA ends the process if either count is 0.
 */

/** XLA's flags without the leading dashes; compiling fails on a name that the plugin does not know. */
export type Overrides = Readonly<Record<string, string | boolean | number>>;

/** The flags that the engine sets, by platform. */
export const platformOverrides: Readonly<Record<string, Overrides>> = {
  // Otherwise XLA skips the rounding of a product's inputs to bf16.
  cpu: { xla_allow_excess_precision: false },
  // Sums in the same order every time, so that a step can be repeated bit for bit; for matrix products the compiler has
  // such algorithms in cuBLAS.
  cuda: { xla_gpu_exclude_nondeterministic_ops: true, xla_gpu_enable_triton_gemm: false },
};

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
