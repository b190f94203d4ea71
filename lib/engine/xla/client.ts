/** A plugin's client: it has the devices, and compiles and loads programs for them. */
import type { HostTensor } from "../../tensors.ts";
import type { Api } from "./api.ts";
import { DeviceBuffer } from "./buffer.ts";
import { compileOptions, type Overrides } from "./compile_options.ts";
import { XlaError } from "./errors.ts";
import { LoadedExecutable } from "./executable.ts";
import { structs } from "./layouts.ts";
import { type Address, type Struct, textAt, utf8, wordsAt } from "./memory.ts";
import { type Options, packOptions } from "./named_values.ts";

/** Bytes of a device's memory; a number that the plugin does not give is absent. */
export interface DeviceMemory {
  readonly used: number;
  /** Most that was in use at any time. */
  readonly peak?: number;
  /** Size of the memory that programs can use. */
  readonly limit?: number;
  /** Size of the largest free piece. */
  readonly largestFree?: number;
}

/** A device of a client. */
export class Device {
  /** Its name, such as "NVIDIA H100 80GB HBM3" or "cpu". */
  readonly kind: string;

  constructor(readonly api: Api, readonly handle: Address) {
    const { device_description } = api.call("Device_GetDescription", { device: handle }, "ask for a device");
    const { device_kind, device_kind_size } = api.call(
      "DeviceDescription_Kind",
      { device_description },
      "ask for a device",
    );
    this.kind = textAt(device_kind, device_kind_size);
  }

  /** Its memory's present state; undefined if the plugin does not count it, as the CPU's. */
  get memory(): DeviceMemory | undefined {
    try {
      const found = this.api.call("Device_MemoryStats", { device: this.handle }, "ask for a device's memory");
      return {
        used: found.bytes_in_use,
        ...(found.peak_bytes_in_use_is_set ? { peak: found.peak_bytes_in_use } : {}),
        ...(found.bytes_limit_is_set ? { limit: found.bytes_limit } : {}),
        ...(found.largest_free_block_bytes_is_set ? { largestFree: found.largest_free_block_bytes } : {}),
      };
    } catch (error) {
      if (error instanceof XlaError && error.code === "UNIMPLEMENTED") return undefined;
      throw error;
    }
  }
}

/** Wraps a StableHLO module in the struct that PJRT takes. */
export function packProgram(api: Api, text: string): Struct<typeof structs.Program> {
  const code = utf8(text), format = utf8("mlir");
  return api.struct(structs.Program, {
    code,
    code_size: code.length,
    format,
    format_size: format.length,
  });
}

/** The connection to a plugin's devices. It stays open until the process ends, as CUDA's does not survive closing. */
export class Client {
  readonly #handle: Address;
  /** Name of the platform: "cpu", "cuda", "rocm", "tpu". */
  readonly platform: string;
  /** The plugin's version, for cache keys. */
  readonly platformVersion: string;
  /** Devices that programs can run on. */
  readonly devices: readonly Device[];

  /** @param options By the plugin's own names. */
  constructor(readonly api: Api, options: Options = {}) {
    const { bytes, count } = packOptions(options);
    const { client } = api.call(
      "Client_Create",
      { create_options: bytes, num_options: count },
      "open the devices",
    );
    this.#handle = client;
    const name = api.call("Client_PlatformName", { client }, "ask for the platform");
    this.platform = textAt(name.platform_name, name.platform_name_size);
    const version = api.call("Client_PlatformVersion", { client }, "ask for the platform");
    this.platformVersion = textAt(version.platform_version, version.platform_version_size);
    const found = api.call("Client_AddressableDevices", { client }, "ask for the devices");
    this.devices = wordsAt(found.addressable_devices, found.num_addressable_devices)
      .map((device) => new Device(api, device));
  }

  /**
   * Compiles a StableHLO module, on another thread, as it may take a minute.
   *
   * @param replicas Number of devices that it runs on, the first ones.
   * @throws XlaError with the compiler's words.
   */
  async compile(
    text: string,
    { replicas = 1, overrides }: { replicas?: number; overrides?: Overrides } = {},
  ): Promise<LoadedExecutable> {
    const options = compileOptions(replicas, overrides);
    const { executable } = await this.api.wait("Client_Compile", {
      client: this.#handle,
      program: packProgram(this.api, text),
      compile_options: options,
      compile_options_size: options.length,
    }, "compile a program");
    return new LoadedExecutable(this.api, executable);
  }

  /** Loads a program from the bytes of {@linkcode Executable.serialize}. */
  load(bytes: Uint8Array<ArrayBuffer>): LoadedExecutable {
    const { loaded_executable } = this.api.call("Executable_DeserializeAndLoad", {
      client: this.#handle,
      serialized_executable: bytes,
      serialized_executable_size: bytes.length,
    }, "load a compiled program");
    return new LoadedExecutable(this.api, loaded_executable);
  }

  /** Copies a tensor to a device. */
  upload(tensor: HostTensor, device: Device): DeviceBuffer {
    return DeviceBuffer.upload(this.api, this.#handle, device.handle, tensor);
  }
}
