/** Tensors in a device's memory. */
import type { HostTensor } from "../../tensors.ts";
import { type Api, finish } from "./api.ts";
import { type Address, type Struct, words, wordsAt } from "./memory.ts";
import { structs } from "./layouts.ts";

/** PJRT_Buffer_Type of the element types of graphs. */
const types = { bool: 1, int32: 4, float32: 11 } as const;

/** PJRT_HostBufferSemantics kImmutableOnlyDuringCall: the plugin copies before it returns. */
const copyDuringCall = 0;

/** A tensor on a device; `using` or `dispose` frees it. */
export class DeviceBuffer implements Disposable {
  #handle: Address;

  /** Takes ownership of a PJRT_Buffer. */
  constructor(readonly api: Api, handle: Address) {
    this.#handle = handle;
  }

  /** Copies a host tensor to a device. */
  static upload(api: Api, client: Address, device: Address, { shape, data }: HostTensor): DeviceBuffer {
    const { buffer, done_with_host_buffer: event } = api.call("Client_BufferFromHostBuffer", {
      client,
      device,
      data: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
      type: data instanceof Float32Array ? types.float32 : types.int32,
      dims: words(shape),
      num_dims: shape.length,
      host_buffer_semantics: copyDuringCall,
    }, `copy a tensor of shape [${shape}] to the device`);
    api.destroy("Event_Destroy", { event });
    return new DeviceBuffer(api, buffer);
  }

  /** The address of PJRT's buffer. @throws TypeError after `dispose`. */
  get handle(): Address {
    if (this.#handle === 0n) throw new TypeError("This tensor's device memory is already freed");
    return this.#handle;
  }

  /** Sizes of the dimensions; [] for a number. */
  get shape(): number[] {
    const { dims, num_dims } = this.api.call("Buffer_Dimensions", { buffer: this.handle }, "ask for a shape");
    return wordsAt(dims, num_dims).map(Number);
  }

  /** True if its memory has gone to a result (donation). */
  get isDeleted(): boolean {
    return this.api.call("Buffer_IsDeleted", { buffer: this.handle }, "ask for a buffer's state").is_deleted;
  }

  /** Copies it to the host in row-major order; booleans become 0 and 1. */
  download(): Promise<HostTensor> {
    const { type } = this.api.call("Buffer_ElementType", { buffer: this.handle }, "ask for a type");
    const dtype = type === types.bool ? "bool" : type === types.int32 ? "int32" : "float32";
    return startDownload(this.api, this.handle, this.shape, dtype)();
  }

  /** Gives the address away: from now on the caller frees it. */
  release(): Address {
    const address = this.handle;
    this.#handle = 0n;
    return address;
  }

  /** Frees the device's memory; a second call does nothing. */
  dispose(): void {
    if (this.#handle !== 0n) this.api.destroy("Buffer_Destroy", { buffer: this.#handle });
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Enqueues the copy of a tensor to the host; the result waits for it. */
export function startDownload(
  api: Api,
  buffer: Address,
  shape: readonly number[],
  dtype: keyof typeof types,
): () => Promise<HostTensor> {
  const size = shape.reduce((product, length) => product * length, 1);
  const doing = `copy a tensor of shape [${shape}] from the device`;
  const bytes = new Uint8Array(new ArrayBuffer(size * (dtype === "bool" ? 1 : 4)));
  const { event } = api.call("Buffer_ToHostBuffer", {
    src: buffer,
    host_layout: rowMajor(api, shape.length),
    dst: bytes,
    dst_size: bytes.length,
  }, doing);
  return async () => {
    await finish(api, event, doing);
    if (dtype === "bool") return { shape, data: Int32Array.from(bytes) };
    return { shape, data: new (dtype === "int32" ? Int32Array : Float32Array)(bytes.buffer) };
  };
}

/** Returns the row-major layout for a rank; without a layout a device may choose another order. */
function rowMajor(api: Api, rank: number): Struct<typeof structs.Buffer_MemoryLayout> {
  return api.struct(structs.Buffer_MemoryLayout, {
    tiled_struct_size: 56,
    minor_to_major: words(Array.from({ length: rank }, (_, i) => rank - 1 - i)),
    minor_to_major_size: rank,
    type: 0, // PJRT_Buffer_MemoryLayout_Type_Tiled
  });
}
