/**
 * Compile options as protobuf bytes. Source: xla/pjrt/proto/compile_options.proto (CompileOptionsProto 3, 7;
 * ExecutableBuildOptionsProto 4, 5; OptionOverrideProto 1 to 4). XLA ends the process if either count is 0.
 */

/** XLA's flags without the leading dashes; a name that the plugin does not know is an error when compiling. */
export type Overrides = Readonly<Record<string, string | boolean | number>>;

/** What the engine sets, by platform. */
export const platformOverrides: Readonly<Record<string, Overrides>> = {
  // Else products of bf16 are computed from what they were rounded from.
  cpu: { xla_allow_excess_precision: false },
  // Sums in the same order every time, so that a step can be repeated bit for bit; the compiler has such choices for
  // cuBLAS's products.
  cuda: { xla_gpu_exclude_nondeterministic_ops: true, xla_gpu_enable_triton_gemm: false },
};

/** oneDNN's matrix products on x86 CPUs. Writing such a program ends the process: it cannot be kept on disk. */
export const oneDnnOverrides: Overrides = {
  xla_cpu_use_onednn: true,
  xla_cpu_experimental_onednn_custom_call: true,
};

/** The bytes for one partition and so many replicas. */
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

/** A field of wire type 0. */
function number(field: number, value: number): number[] {
  return [field << 3, ...varint(value)];
}

/** A field of wire type 2. */
function message(field: number, bytes: readonly number[]): number[] {
  return [field << 3 | 2, ...varint(bytes.length), ...bytes];
}

function text(field: number, value: string): number[] {
  return message(field, [...new TextEncoder().encode(value)]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [value & 0x7f | 0x80, ...varint(Math.floor(value / 0x80))];
}
