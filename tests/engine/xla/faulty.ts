/** A real plugin of which chosen functions fail: its table of functions is copied, and some entries are replaced. */
import { Api, type FunctionName } from "../../../lib/engine/xla/api.ts";
import { functions, structs } from "../../../lib/engine/xla/layouts.ts";
import type { Plugin } from "../../../lib/engine/xla/plugin.ts";
import { readAttributes } from "../../../lib/engine/xla/named_values.ts";

/** An error to return: status and words. */
export interface Fault {
  readonly status: number;
  readonly message: string;
  /** `true` to do first what was asked for, so that donated inputs are gone. */
  readonly after?: boolean;
  /** Only programs whose text has this fail to compile. */
  readonly within?: RegExp;
}

/** Functions that can be told to fail, and whose calls are noted. */
const watched = [
  "Client_Compile",
  "Client_BufferFromHostBuffer",
  "LoadedExecutable_Execute",
  "Event_IsReady",
  "Event_Await",
  "Executable_GetCompiledMemoryStats",
  "Device_MemoryStats",
] as const;

const call = { parameters: ["pointer"], result: "pointer" } as const;

/** A plugin that can be told to fail, and knows the tensors that are on its devices. */
export class FaultyPlugin implements Disposable {
  readonly plugin: Plugin;
  /** Faults by the function that fails. */
  readonly faults = new Map<FunctionName, Fault>();
  /** Addresses of tensors that were uploaded and are not yet freed. */
  readonly uploads = new Set<bigint>();
  /** Functions that were called, of those that can fail. */
  readonly calls: FunctionName[] = [];
  /** Texts of the programs that were compiled. */
  readonly programs: string[] = [];
  /** Sizes that the structs of the programs stated, in bytes. */
  readonly programSizes: number[] = [];
  /** Changes a program before the plugin sees it. */
  rewrite: (text: string) => string = (text) => text;
  /** Memory that the plugin was given in place of ours. */
  readonly #kept: Uint8Array[] = [];
  readonly #callbacks: Deno.UnsafeCallback<typeof call>[] = [];
  readonly #table: Uint8Array<ArrayBuffer>;
  #fault?: { address: bigint; bytes: Uint8Array<ArrayBuffer>; fault: Fault };

  /** @param version Pretends to be of another API version. */
  constructor(path: string, version?: { major: number; minor: number }) {
    const library = Deno.dlopen(path, { GetPjrtApi: { parameters: [], result: "pointer" } });
    const table = library.symbols.GetPjrtApi()!;
    const size = Number(new Deno.UnsafePointerView(table).getBigUint64(0));
    this.#table = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(table, size)).slice();
    const view = new DataView(this.#table.buffer);
    if (version) {
      view.setInt32(32, version.major, true);
      view.setInt32(36, version.minor, true);
    }
    for (const name of watched) {
      this.#replace(name, (args, real) => {
        this.calls.push(name);
        const fault = this.faults.get(name);
        const text = name === "Client_Compile" ? this.#program(args!) : "";
        const fails = fault && (fault.within?.test(text) ?? true);
        if (fails && !fault.after) return this.#raise(fault);
        const error = real(args);
        if (name === "Client_BufferFromHostBuffer") {
          const [offset] = functions[name].fields.buffer;
          this.uploads.add(new Deno.UnsafePointerView(args!).getBigUint64(offset));
        }
        return fails ? this.#raise(fault) : error;
      });
    }
    this.#replace("Buffer_Destroy", (args, real) => {
      this.uploads.delete(new Deno.UnsafePointerView(args!).getBigUint64(16));
      return real(args);
    });
    this.#replace("Error_GetCode", (args, real) => {
      if (!this.#isOurs(args)) return real(args);
      writeInt32(args!, functions.Error_GetCode.fields.code[0], this.#fault!.fault.status);
      return null;
    });
    this.#replace("Error_Message", (args, real) => {
      if (!this.#isOurs(args)) return real(args);
      const { bytes } = this.#fault!;
      const { message, message_size } = functions.Error_Message.fields;
      writeWord(args!, message[0], Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes)));
      writeWord(args!, message_size[0], BigInt(bytes.length));
      return null;
    });
    this.#replace("Error_Destroy", (args, real) => this.#isOurs(args) ? null : real(args));
    const api = new Api(Deno.UnsafePointer.of(this.#table)!, path);
    const found = api.call("Plugin_Attributes", {}, "read attributes");
    const attributes = readAttributes(found.attributes, found.num_attributes);
    this.plugin = { path, api, attributes, options: {} };
  }

  #replace(
    name: FunctionName,
    by: (args: Deno.PointerValue, real: (args: Deno.PointerValue) => Deno.PointerValue) => Deno.PointerValue,
  ): void {
    const view = new DataView(this.#table.buffer);
    const at = 40 + 8 * functions[name].slot;
    const pointer = Deno.UnsafePointer.create(view.getBigUint64(at, true)) as Deno.PointerObject<never>;
    const real = new Deno.UnsafeFnPointer(pointer, call);
    // The plugin may be called on another thread.
    const callback = Deno.UnsafeCallback.threadSafe(call, (args) => by(args, (given) => real.call(given)));
    this.#callbacks.push(callback);
    view.setBigUint64(at, Deno.UnsafePointer.value(callback.pointer), true);
  }

  /** Notes a program that is to be compiled, and puts the changed one in its place. */
  #program(args: Deno.PointerObject): string {
    const { code, code_size } = structs.Program.fields;
    const program = new Deno.UnsafePointerView(args).getPointer(functions.Client_Compile.fields.program[0])!;
    const view = new Deno.UnsafePointerView(program);
    this.programSizes.push(Number(view.getBigUint64(0)));
    const length = Number(view.getBigUint64(code_size[0]));
    const bytes = Deno.UnsafePointerView.getArrayBuffer(view.getPointer(code[0])!, length);
    const text = new TextDecoder().decode(bytes);
    this.programs.push(text);
    const changed = new TextEncoder().encode(this.rewrite(text));
    this.#kept.push(changed);
    writeWord(program, code[0], Deno.UnsafePointer.value(Deno.UnsafePointer.of(changed)));
    writeWord(program, code_size[0], BigInt(changed.length));
    return text;
  }

  #raise(fault: Fault): Deno.PointerValue {
    const bytes = new TextEncoder().encode(fault.message);
    const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
    this.#fault = { address, bytes, fault };
    return Deno.UnsafePointer.create(address);
  }

  #isOurs(args: Deno.PointerValue): boolean {
    return new Deno.UnsafePointerView(args!).getBigUint64(16) === this.#fault?.address;
  }

  [Symbol.dispose](): void {
    for (const callback of this.#callbacks) callback.close();
  }
}

function viewOf(args: Deno.PointerObject, offset: number, length: number): DataView {
  return new DataView(Deno.UnsafePointerView.getArrayBuffer(args, length, offset));
}

function writeInt32(args: Deno.PointerObject, offset: number, value: number): void {
  viewOf(args, offset, 4).setInt32(0, value, true);
}

function writeWord(args: Deno.PointerObject, offset: number, value: bigint): void {
  viewOf(args, offset, 8).setBigUint64(0, value, true);
}
