/**
 * tfjs's backend "tensorflow": the JavaScript of the npm package @tensorflow/tfjs-node-gpu as it is, on the functions of
 * addon.ts instead of its native addon. (The CPU package has the same JavaScript.)
 */
import * as tf from "@tensorflow/tfjs";
import * as os from "node:os";
import { type CodePackage, runPackage } from "../package_code.ts";
import type { Addon, Made } from "./addon.ts";

/** The pinned package. */
export const tfjsNode: CodePackage = {
  name: "@tensorflow/tfjs-node-gpu",
  version: "4.22.0",
  megabytes: 1,
  entries: ["dist/nodejs_kernel_backend.js", "dist/register_all_kernels.js"],
  sha256: "4fb20e7eaa8af7ec1d766cff99d932914ead76a6675342b345ed5b9f3c77ac8d",
};

/** The name that the package's kernels are registered for. */
export const backendName = "tensorflow";

/** The place of a tensor of the backend: values that were not copied to TensorFlow yet, or the number of one there. */
interface Place {
  readonly id: number;
}

/** The package's backend, as far as it is used here. */
export interface NodeBackend extends tf.KernelBackend {
  readonly tensorMap: tf.DataStorage<Place>;
  /** Makes a tensor of an operation's result. */
  createOutputTensor(made: Made): tf.Tensor;
}

type BackendClass = new (addon: Addon, packageName: string) => NodeBackend;

/** Node 23 and Deno have not kept these two functions, which the package calls. */
const util = {
  isNullOrUndefined: (value: unknown) => value === null || value === undefined,
  isArray: Array.isArray,
};

let registered: Promise<NodeBackend> | undefined;

/** Registers the backend with tfjs, once in a process. It does not become the current one. */
export function registerBackend(addon: Addon): Promise<NodeBackend> {
  return registered ??= register(addon).catch((error) => {
    registered = undefined; // the package may be fetched at the next try
    throw error;
  });
}

async function register(addon: Addon): Promise<NodeBackend> {
  // The definitions of summaries for TensorBoard, which need another package, are not used.
  const [exports] = await runPackage(tfjsNode, { util, os: { ...os }, "./proto/api_pb": {} });
  const { NodeJSKernelBackend } = exports as { NodeJSKernelBackend: BackendClass };
  const backend = new NodeJSKernelBackend(addon, "@tensorflow/tfjs-node");
  freeWhatIsDropped(backend, addon);
  const before = tf.getBackend();
  tf.registerBackend(backendName, () => backend, 0);
  await tf.setBackend(backendName); // makes tfjs take the backend from its factory
  await tf.setBackend(before);
  return backend;
}

/**
 * Frees TensorFlow's tensors whose tensors in JavaScript were collected without being disposed. A disposed one is taken off
 * the registry: its entry would stay until the event loop turns, which it does not while steps follow each other, as they
 * wait for nothing.
 */
function freeWhatIsDropped({ tensorMap }: NodeBackend, addon: Addon): void {
  const collected = new FinalizationRegistry<Place>(({ id }) => addon.deleteTensor(id));
  const set = tensorMap.set.bind(tensorMap), remove = tensorMap.delete.bind(tensorMap);
  tensorMap.set = (dataId, place) => {
    collected.register(dataId, place, dataId);
    set(dataId, place);
  };
  tensorMap.delete = (dataId) => {
    collected.unregister(dataId);
    return remove(dataId);
  };
}
