/**
 * TensorFlow's C API as far as eager operations need it, called through Deno's FFI.
 * Source: tensorflow/c/c_api.h, tf_tensor.h, eager/c_api.h of TensorFlow 2.21.
 */
import { open } from "node:fs/promises";
import { InputError } from "../../errors.ts";
import { loadApart, setForNativeCode, withoutLog } from "../libc.ts";

const [pointer, buffer, i32, i64, size] = ["pointer", "buffer", "i32", "i64", "usize"] as const;

const symbols = {
  TF_Version: { parameters: [], result: pointer },
  TF_NewStatus: { parameters: [], result: pointer },
  TF_GetCode: { parameters: [pointer], result: i32 },
  TF_Message: { parameters: [pointer], result: pointer },
  TF_AllocateTensor: { parameters: [i32, buffer, i32, size], result: pointer },
  TF_DeleteTensor: { parameters: [pointer], result: "void" },
  TF_TensorData: { parameters: [pointer], result: pointer },
  TF_TensorByteSize: { parameters: [pointer], result: size },
  TFE_NewContextOptions: { parameters: [], result: pointer },
  TFE_DeleteContextOptions: { parameters: [pointer], result: "void" },
  TFE_NewContext: { parameters: [pointer, pointer], result: pointer },
  TFE_ContextListDevices: { parameters: [pointer, pointer], result: pointer },
  TF_DeviceListCount: { parameters: [pointer], result: i32 },
  TF_DeviceListName: { parameters: [pointer, i32, pointer], result: pointer },
  TF_DeviceListType: { parameters: [pointer, i32, pointer], result: pointer },
  TF_DeleteDeviceList: { parameters: [pointer], result: "void" },
  TFE_NewTensorHandle: { parameters: [pointer, pointer], result: pointer },
  TFE_DeleteTensorHandle: { parameters: [pointer], result: "void" },
  TFE_TensorHandleCopyToDevice: { parameters: [pointer, pointer, buffer, pointer], result: pointer },
  TFE_TensorHandleDataType: { parameters: [pointer], result: i32 },
  TFE_TensorHandleNumDims: { parameters: [pointer, pointer], result: i32 },
  TFE_TensorHandleDim: { parameters: [pointer, i32, pointer], result: i64 },
  TFE_TensorHandleResolve: { parameters: [pointer, pointer], result: pointer },
  TFE_NewOp: { parameters: [pointer, buffer, pointer], result: pointer },
  TFE_DeleteOp: { parameters: [pointer], result: "void" },
  TFE_OpAddInput: { parameters: [pointer, pointer, pointer], result: "void" },
  TFE_OpSetAttrString: { parameters: [pointer, buffer, buffer, size], result: "void" },
  TFE_OpSetAttrInt: { parameters: [pointer, buffer, i64], result: "void" },
  TFE_OpSetAttrFloat: { parameters: [pointer, buffer, "f32"], result: "void" },
  TFE_OpSetAttrBool: { parameters: [pointer, buffer, "u8"], result: "void" },
  TFE_OpSetAttrType: { parameters: [pointer, buffer, i32], result: "void" },
  TFE_OpSetAttrShape: { parameters: [pointer, buffer, buffer, i32, pointer], result: "void" },
  TFE_OpSetAttrIntList: { parameters: [pointer, buffer, buffer, i32], result: "void" },
  TFE_OpSetAttrFloatList: { parameters: [pointer, buffer, buffer, i32], result: "void" },
  TFE_OpSetAttrBoolList: { parameters: [pointer, buffer, buffer, i32], result: "void" },
  TFE_Execute: { parameters: [pointer, buffer, buffer, pointer], result: "void" },
} as const;

/** The functions of the C API. */
export type Functions = Deno.DynamicLibrary<typeof symbols>["symbols"];

/** TensorFlow, loaded in this process. It is never unloaded. */
export interface Library {
  readonly path: string;
  readonly version: string;
  readonly call: Functions;
}

/** The versions of TensorFlow that have these functions, as 2.MINOR. */
const oldestMinor = 18;

let loaded: Library | undefined;

/**
 * Loads TensorFlow, once in a process; a second call gives what the first one loaded.
 *
 * @param path its libtensorflow_cc.so.2
 * @throws InputError if the file is cut off, is no TensorFlow, or one of a version that is not known.
 */
export async function loadLibrary(path: string): Promise<Library> {
  if (loaded) return loaded;
  await refuseCut(path);
  await refuseCut(path.replace("libtensorflow_cc", "libtensorflow_framework"));
  // Read when the library loads. The log stays off the terminal; a GPU's memory is taken as needed, so that other
  // programs can use the rest; sums come out the same each time, so that a resumed run is the same run.
  setForNativeCode("TF_CPP_MIN_LOG_LEVEL", "3");
  setForNativeCode("TF_FORCE_GPU_ALLOW_GROWTH", "true");
  setForNativeCode("TF_DETERMINISTIC_OPS", "1");
  // Apart, as the driver of a GPU in software has another LLVM, with which it would crash.
  withoutLog(() => loadApart(path));
  const call = functionsOf(path);
  const version = text(call.TF_Version());
  checkVersion(version, path);
  return loaded = { path, version, call };
}

function functionsOf(path: string): Functions {
  try {
    return Deno.dlopen(path, symbols).symbols;
  } catch (error) {
    throw new InputError(
      `Cannot load TensorFlow from ${path}: ${(error as Error).message}; ` +
        "run `deno task tensorflow install cpu` for one that is known to work",
      { cause: error },
    );
  }
}

/** Refuses a version whose functions are not known. @throws InputError */
export function checkVersion(version: string, path: string): void {
  const [major, minor] = version.split(".").map(Number);
  if (major === 2 && minor! >= oldestMinor) return;
  throw new InputError(
    `Cannot use TensorFlow ${version} from ${path}: expected 2.${oldestMinor} or a later 2; ` +
      "run `deno task tensorflow install cpu`, or name another one in BERTLAB_TENSORFLOW",
  );
}

/** Refuses a library that is not there or not whole. @throws InputError */
async function refuseCut(path: string): Promise<void> {
  let problem;
  try {
    problem = await problemOf(path);
  } catch (error) {
    throw new InputError(`Cannot load TensorFlow: there is no ${path} (${(error as { code: string }).code})`);
  }
  if (problem === undefined) return;
  throw new InputError(
    `Cannot load TensorFlow: ${path} ${problem}; run \`deno task tensorflow install cpu\`, which fetches it anew`,
  );
}

/**
 * Returns what is wrong with a library's file; undefined if nothing is. The loader would map one whose end is missing all
 * the same, and the process would end at the first missing page. The table of an ELF file's sections is its last part.
 */
export async function problemOf(path: string): Promise<string | undefined> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(64);
    const { bytesRead } = await file.read(bytes, 0, 64, 0);
    const header = new DataView(bytes.buffer);
    if (bytesRead < 64 || header.getUint32(0) !== 0x7f454c46) return "is no library for Linux";
    const { size } = await file.stat();
    const expected = Number(header.getBigUint64(40, true)) +
      header.getUint16(58, true) * header.getUint16(60, true);
    return size < expected ? `is cut off, expected ${expected} bytes, found ${size}` : undefined;
  } finally {
    await file.close();
  }
}

/** Returns the text that a C string holds. */
export function text(pointer: Deno.PointerValue): string {
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : "";
}
