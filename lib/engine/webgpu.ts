/**
 * The webgpu engine, an experiment: tfjs's operations as shaders, by the npm package @tensorflow/tfjs-backend-webgpu on
 * Deno's own WebGPU. Nothing is to be installed; a driver for Vulkan, Metal or DirectX 12 is needed.
 */
import * as tf from "@tensorflow/tfjs";
import { InputError } from "../errors.ts";
import { eagerEngine } from "./eager.ts";
import type { Engine } from "./engine.ts";
import { type CodePackage, runPackage } from "./package_code.ts";

/** The pinned package. */
const tfjsWebGpu: CodePackage = {
  name: "@tensorflow/tfjs-backend-webgpu",
  version: "4.22.0",
  megabytes: 3,
  entries: ["dist/tf-backend-webgpu.node.js"],
  sha256: "1667a6d72ed0e5cc83c44ce2d82e7c3fde278f22c1883490eca0dfda9090b111",
};

/** The name that the package registers its backend under. */
const backendName = "webgpu";

/** What is used of `navigator.gpu`. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly description?: string } } | null>;
}

let opened: Promise<string> | undefined;

/**
 * Opens WebGPU as an engine.
 *
 * @throws InputError if Deno finds no device for it, or the package cannot be fetched.
 */
export async function webgpuEngine(): Promise<Engine> {
  const device = await (opened ??= open()).catch((error) => {
    opened = undefined; // what was wrong may have been mended
    throw error;
  });
  const capabilities = { dtypes: ["float32"], devices: [device] } as const;
  const engine = eagerEngine({ name: "webgpu", capabilities, backend: backendName });
  return {
    ...engine,
    async compile(graph) {
      const program = await engine.compile(graph);
      return {
        async run(state, feeds) {
          const outputs = await program.run(state, feeds);
          const reason = failure;
          failure = undefined; // it is this run's, and the next may have the room that this one had not
          if (reason === undefined) return outputs;
          throw new InputError(`Cannot compute "${graph.name}" with the engine webgpu: ${reason}`);
        },
        dispose: () => program.dispose(),
      };
    },
  };
}

/**
 * The device's first error since the last run. It says nothing at the call that was wrong, whose result is then zeros.
 */
let failure: string | undefined;

/** Adds tensors two by two: the package binds all to one shader, and a device need not take more than eight. */
function addInPairs(): void {
  tf.unregisterKernel(tf.AddN, backendName);
  tf.registerKernel({
    kernelName: tf.AddN,
    backendName,
    kernelFunc: ({ inputs }) => {
      const [first, ...others] = Object.values(inputs) as tf.Tensor[];
      return tf.tidy(() => others.reduce((sum, tensor) => tf.add(sum, tensor), tf.clone(first!)));
    },
  });
}

/** Makes the backend known to tfjs, once in a process, and returns the device's name. */
async function open(): Promise<string> {
  tf.enableProdMode(); // keeps tfjs from advertising another package on the terminal
  await tf.ready(); // so that the package's backend does not become the usual one
  const device = await webgpuDevice();
  if (device === undefined) {
    throw new InputError(
      "Cannot use the engine webgpu: Deno finds no device for it; expected a driver for Vulkan, Metal or DirectX 12 (" +
        "mesa-vulkan-drivers is one in software, for Linux)",
    );
  }
  await runPackage(tfjsWebGpu);
  tf.env().set("WEBGPU_CPU_FORWARD", false); // tfjs would compute on the CPU what is small
  addInPairs();
  const before = tf.getBackend();
  try {
    if (!await tf.setBackend(backendName)) {
      throw new InputError(`Cannot use the engine webgpu: tfjs cannot open the device ${device}`);
    }
    const { device: opened } = tf.backend() as unknown as { device: EventTarget };
    opened.addEventListener("uncapturederror", (event) => {
      failure ??= (event as Event & { error: Error }).error.message.replaceAll(/\s+/g, " ");
    });
  } finally {
    await tf.setBackend(before);
  }
  return device;
}

/** Returns the name of the device that WebGPU has here; undefined if there is none. */
export async function webgpuDevice(): Promise<string | undefined> {
  const { gpu } = globalThis.navigator as Navigator & { gpu?: Gpu };
  const adapter = await gpu?.requestAdapter();
  return adapter ? `WebGPU ${adapter.info?.description || "device"}` : undefined;
}
