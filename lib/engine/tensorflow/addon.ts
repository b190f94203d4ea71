/**
 * The native addon of tfjs-node (tfjs_binding.node) in TypeScript: the JavaScript of the npm package calls these
 * functions. Saved models and summaries for TensorBoard are left out.
 */
import { withoutLog } from "../libc.ts";
import { type Functions, type Library, text } from "./api.ts";
import { TensorFlowError } from "./errors.ts";

/** Numbers of element types, TF_DataType. */
export const types = {
  TF_FLOAT: 1,
  TF_INT32: 3,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_INT64: 9,
  TF_BOOL: 10,
  TF_RESOURCE: 20,
  TF_UINT32: 22,
} as const;

/** Numbers of the kinds of attributes, TF_AttrType. */
export const attributeTypes = {
  TF_ATTR_STRING: 0,
  TF_ATTR_INT: 1,
  TF_ATTR_FLOAT: 2,
  TF_ATTR_BOOL: 3,
  TF_ATTR_TYPE: 4,
  TF_ATTR_SHAPE: 5,
} as const;

/** An attribute of an operation; a list is one of its kind. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** A tensor that an operation made: the number that stands for it, and what is known of it. */
export interface Made {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** Most results of an operation that have a place kept for them. */
const usualResults = 64;

/** TensorFlow's eager context and the tensors in it, by number. */
export class Addon {
  /** The devices, such as "CPU:0" and "GPU:0". */
  readonly devices: readonly string[];
  readonly #call: Functions;
  readonly #status: Deno.PointerValue;
  readonly #context: Deno.PointerValue;
  /** The device for new tensors, if it is a GPU. */
  readonly #gpu: Uint8Array<ArrayBuffer> | undefined;
  readonly #handles = new Map<number, Deno.PointerValue>();
  readonly #strings = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #results = new BigUint64Array(usualResults);
  readonly #count = new Int32Array(1);
  #next = 0;

  /** Makes a context on the library's devices. @throws InputError if TensorFlow cannot. */
  constructor({ call, version }: Library) {
    Object.assign(this, types, attributeTypes, { TF_Version: version });
    this.#call = call;
    this.#status = call.TF_NewStatus();
    const options = call.TFE_NewContextOptions();
    this.#context = withoutLog(() => call.TFE_NewContext(options, this.#status));
    call.TFE_DeleteContextOptions(options);
    this.#check("start");
    const names = this.#listDevices();
    this.devices = names.map((name) => name.replace(/^.*device:/, ""));
    const gpu = names.find((name) => name.includes(":GPU:"));
    this.#gpu = gpu === undefined ? undefined : this.#string(gpu);
  }

  /** Returns full names, such as "/job:localhost/replica:0/task:0/device:GPU:0". */
  #listDevices(): string[] {
    const list = this.#call.TFE_ContextListDevices(this.#context, this.#status);
    this.#check("list the devices");
    const names: string[] = [];
    for (let i = 0; i < this.#call.TF_DeviceListCount(list); i++) {
      const type = text(this.#call.TF_DeviceListType(list, i, this.#status));
      if (type !== "GPU" && type !== "CPU") continue;
      names.push(text(this.#call.TF_DeviceListName(list, i, this.#status)));
    }
    this.#call.TF_DeleteDeviceList(list);
    return names;
  }

  /** Throws the error that the last call left. */
  #check(doing: string): void {
    const code = this.#call.TF_GetCode(this.#status);
    if (code !== 0) throw new TensorFlowError(doing, code, text(this.#call.TF_Message(this.#status)));
  }

  /** Returns a C string; there are few different ones. */
  #string(value: string): Uint8Array<ArrayBuffer> {
    let found = this.#strings.get(value);
    if (!found) this.#strings.set(value, found = new TextEncoder().encode(`${value}\0`));
    return found;
  }

  #insert(handle: Deno.PointerValue): number {
    this.#handles.set(this.#next, handle);
    return this.#next++;
  }

  #handle(id: number): Deno.PointerValue {
    const handle = this.#handles.get(id);
    if (handle === undefined) throw new RangeError(`There is no tensor ${id}: it was freed, or never made`);
    return handle;
  }

  /** Tells whether operations run on a GPU. */
  isUsingGpuDevice(): boolean {
    return this.#gpu !== undefined;
  }

  /** Returns the number of tensors held. */
  getNumOfTensors(): number {
    return this.#handles.size;
  }

  /** Copies values into a new tensor, on the GPU if there is one; whole numbers stay on the host, as TensorFlow's own do. */
  createTensor(shape: readonly number[], dtype: number, values: ArrayBufferView): number {
    const dims = BigInt64Array.from(shape, BigInt);
    const bytes = values.byteLength;
    const tensor = this.#call.TF_AllocateTensor(dtype, dims, dims.length, BigInt(bytes));
    if (tensor === null) throw new RangeError(`Cannot allocate a tensor of ${bytes} bytes in TensorFlow`);
    if (bytes > 0) {
      const memory = Deno.UnsafePointerView.getArrayBuffer(this.#call.TF_TensorData(tensor)!, bytes);
      new Uint8Array(memory).set(new Uint8Array(values.buffer, values.byteOffset, bytes));
    }
    const handle = this.#call.TFE_NewTensorHandle(tensor, this.#status);
    this.#call.TF_DeleteTensor(tensor);
    this.#check(`make a tensor [${shape}]`);
    if (!this.#gpu || dtype === types.TF_INT32 || dtype === types.TF_STRING) return this.#insert(handle);
    const there = this.#call.TFE_TensorHandleCopyToDevice(handle, this.#context, this.#gpu, this.#status);
    this.#call.TFE_DeleteTensorHandle(handle);
    this.#check(`copy a tensor [${shape}] to the GPU`);
    return this.#insert(there);
  }

  /** Frees a tensor; one that is gone already is none to free. */
  deleteTensor(id: number): void {
    const handle = this.#handles.get(id);
    if (handle === undefined) return;
    this.#handles.delete(id);
    this.#call.TFE_DeleteTensorHandle(handle);
  }

  /** Copies a tensor's values out. */
  tensorDataSync(id: number): Float32Array | Int32Array | BigInt64Array | Uint8Array {
    const handle = this.#handle(id);
    const dtype = this.#call.TFE_TensorHandleDataType(handle);
    const tensor = this.#call.TFE_TensorHandleResolve(handle, this.#status);
    this.#check("read a tensor");
    const bytes = Number(this.#call.TF_TensorByteSize(tensor));
    const copy = bytes === 0
      ? new ArrayBuffer(0)
      : Deno.UnsafePointerView.getArrayBuffer(this.#call.TF_TensorData(tensor)!, bytes).slice(0);
    this.#call.TF_DeleteTensor(tensor);
    if (dtype === types.TF_FLOAT || dtype === types.TF_COMPLEX64) return new Float32Array(copy);
    if (dtype === types.TF_INT32) return new Int32Array(copy);
    if (dtype === types.TF_INT64) return new BigInt64Array(copy);
    if (dtype === types.TF_BOOL || dtype === types.TF_UINT8) return new Uint8Array(copy);
    throw new TypeError(`Cannot read tensors of TensorFlow's type ${dtype}`);
  }

  /** Runs an operation and returns its results. @throws TensorFlowError that names it. */
  executeOp(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    results: number,
  ): Made[] {
    const call = this.#call, status = this.#status;
    const doing = `compute ${name}`;
    const op = call.TFE_NewOp(this.#context, this.#string(name), status);
    this.#check(doing);
    try {
      for (const id of inputs) {
        call.TFE_OpAddInput(op, this.#handle(id), status);
        this.#check(doing);
      }
      for (const attribute of attributes) this.#setAttribute(op, attribute, doing);
      const handles = results <= usualResults ? this.#results : new BigUint64Array(results);
      this.#count[0] = results;
      call.TFE_Execute(op, handles, this.#count, status);
      this.#check(doing);
      return Array.from({ length: this.#count[0]! }, (_, i) => this.#made(handles[i]!, doing));
    } finally {
      call.TFE_DeleteOp(op);
    }
  }

  #made(address: bigint, doing: string): Made {
    const handle = Deno.UnsafePointer.create(address);
    const id = this.#insert(handle);
    const rank = this.#call.TFE_TensorHandleNumDims(handle, this.#status);
    this.#check(doing);
    const shape = new Array<number>(rank);
    for (let axis = 0; axis < rank; axis++) {
      shape[axis] = Number(this.#call.TFE_TensorHandleDim(handle, axis, this.#status));
    }
    return { id, shape, dtype: this.#call.TFE_TensorHandleDataType(handle) };
  }

  #setAttribute(op: Deno.PointerValue, { name, type, value }: Attribute, doing: string): void {
    const call = this.#call, key = this.#string(name);
    const list = Array.isArray(value) ? value : undefined;
    switch (type) {
      case attributeTypes.TF_ATTR_STRING: {
        const bytes = new TextEncoder().encode(value as string);
        return call.TFE_OpSetAttrString(op, key, bytes, BigInt(bytes.length));
      }
      case attributeTypes.TF_ATTR_INT:
        if (!list) return call.TFE_OpSetAttrInt(op, key, BigInt(value as number));
        return call.TFE_OpSetAttrIntList(op, key, BigInt64Array.from(list, BigInt), list.length);
      case attributeTypes.TF_ATTR_FLOAT:
        if (!list) return call.TFE_OpSetAttrFloat(op, key, value as number);
        return call.TFE_OpSetAttrFloatList(op, key, Float32Array.from(list), list.length);
      case attributeTypes.TF_ATTR_BOOL:
        if (!list) return call.TFE_OpSetAttrBool(op, key, Number(value));
        return call.TFE_OpSetAttrBoolList(op, key, Uint8Array.from(list, Number), list.length);
      case attributeTypes.TF_ATTR_TYPE:
        return call.TFE_OpSetAttrType(op, key, value as number);
      case attributeTypes.TF_ATTR_SHAPE: {
        const dims = BigInt64Array.from(value as number[], BigInt);
        call.TFE_OpSetAttrShape(op, key, dims, dims.length, this.#status);
        return this.#check(doing);
      }
      default:
        throw new TypeError(`Cannot set the attribute "${name}" of TensorFlow's kind ${type}`);
    }
  }
}
