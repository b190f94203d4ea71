/**
 * Settings that TensorFlow's C API does not have: functions of its own C++ in libtensorflow_framework.so.2, under the names
 * that the linker knows them by.
 */
import { InputError } from "../../errors.ts";
import type { Library } from "./api.ts";

const symbols = {
  /** tensorflow::IsGoogleCudaEnabled() */
  _ZN10tensorflow19IsGoogleCudaEnabledEv: { parameters: [], result: "bool", optional: true },
  /** tsl::enable_tensor_float_32_execution(bool) */
  _ZN3tsl32enable_tensor_float_32_executionEb: { parameters: ["bool"], result: "void", optional: true },
  /** tsl::tensor_float_32_execution_enabled() */
  _ZN3tsl33tensor_float_32_execution_enabledEv: { parameters: [], result: "bool", optional: true },
} as const;

function functionsOf({ path }: Library) {
  return Deno.dlopen(path.replace("libtensorflow_cc", "libtensorflow_framework"), symbols).symbols;
}

/** Tells whether a library is built for GPUs. */
export function isForGpu(library: Library): boolean {
  return functionsOf(library)._ZN10tensorflow19IsGoogleCudaEnabledEv?.() ?? false;
}

/**
 * Allows or forbids matrix products of numbers that are cut to TF32's ten bits, which TensorFlow does on a GPU unless told
 * otherwise.
 *
 * @throws InputError if this TensorFlow cannot be told.
 */
export function allowTf32(library: Library, allowed: boolean): void {
  const functions = functionsOf(library);
  functions._ZN3tsl32enable_tensor_float_32_executionEb?.(allowed);
  if (functions._ZN3tsl33tensor_float_32_execution_enabledEv?.() === allowed) return;
  throw new InputError(
    `Cannot tell TensorFlow ${library.version} from ${library.path} whether to compute in TF32: ` +
      "run `deno task tensorflow install cuda12`, or name another one in BERTLAB_TENSORFLOW",
  );
}
