/** A plugin's table of functions: its version is checked once, and an error of a call becomes an exception. */
import { InputError } from "../../errors.ts";
import { XlaError } from "./errors.ts";
import { functions, type Layout, newestKnown, oldestAccepted } from "./layouts.ts";
import { type Address, type Given, Struct, textAt, type Values } from "./memory.ts";

/** The name of a function of the table. */
export type FunctionName = keyof typeof functions;

type Arguments<Name extends FunctionName> = Given<typeof functions[Name]>;
type Results<Name extends FunctionName> = Values<typeof functions[Name]>;

const direct = { parameters: ["buffer"], result: "pointer" } as const;
const onThread = { ...direct, nonblocking: true } as const;

/** Bytes of PJRT_Api before its function pointers. */
const tableStart = 40;

/** Every library's functions. */
const all: Api[] = [];

// A plugin's threads that still compute when the process ends would read what is freed already.
globalThis.addEventListener("unload", () => {
  for (const api of all) api.settle();
});

/** The functions of a loaded library. */
export class Api {
  readonly #table: Deno.UnsafePointerView;
  readonly #slots: number;
  readonly #calls = new Map<FunctionName, Deno.UnsafeFnPointer<typeof direct>>();
  readonly #waits = new Map<FunctionName, Deno.UnsafeFnPointer<typeof onThread>>();
  /** Events of runs that nobody has waited for yet; the process must not end before them. */
  readonly running = new Set<Address>();
  /** The minor number of the API's version; the major one is 0. */
  readonly version: number;

  /**
   * @param table The result of the library's GetPjrtApi.
   * @param path The library's path, for messages.
   * @throws InputError if the version is older than the layouts.
   */
  constructor(table: Deno.PointerObject, readonly path: string) {
    this.#table = new Deno.UnsafePointerView(table);
    const size = Number(this.#table.getBigUint64(0));
    const [major, minor] = [this.#table.getInt32(32), this.#table.getInt32(36)];
    if (major !== 0 || minor < oldestAccepted) {
      throw new InputError(
        `Cannot use ${path} as it speaks PJRT API ${major}.${minor}: expected 0.${oldestAccepted} or newer, ` +
          "which `deno task xla install` fetches",
      );
    }
    this.#slots = (size - tableStart) / 8;
    this.version = minor;
    all.push(this);
  }

  /** Waits for every run, this thread included; what they report is no matter any more. */
  settle(): void {
    for (const event of this.running) {
      this.#function("Event_Await").call(this.#struct("Event_Await", { event }).bytes);
    }
  }

  #function(name: FunctionName): Deno.UnsafeFnPointer<typeof direct> {
    let call = this.#calls.get(name);
    if (!call) this.#calls.set(name, call = new Deno.UnsafeFnPointer(this.#pointer(name), direct));
    return call;
  }

  #pointer(name: FunctionName): Deno.PointerObject<never> {
    const { slot } = functions[name];
    const pointer = slot < this.#slots ? this.#table.getPointer(tableStart + 8 * slot) : null;
    if (pointer === null) {
      throw new XlaError(
        `Cannot use ${this.path} for this as it has no PJRT_${name} (its API is 0.${this.version})`,
        "UNIMPLEMENTED",
        `no PJRT_${name}`,
      );
    }
    return pointer as Deno.PointerObject<never>;
  }

  /** Returns a struct; a newer library's may have grown, so zeros follow the known fields. */
  struct<L extends Layout>(layout: L, given: Given<L> = {}): Struct<L> {
    return new Struct(layout, given, this.version > newestKnown ? 64 : 0);
  }

  #struct<Name extends FunctionName>(name: Name, given: Arguments<Name>): Struct<typeof functions[Name]> {
    return this.struct(functions[name], given);
  }

  /**
   * Calls a function and returns its argument struct's fields.
   *
   * @param doing The action for the error message: "Cannot …".
   * @throws XlaError if the function returns an error.
   */
  call<Name extends FunctionName>(name: Name, given: Arguments<Name>, doing: string): Results<Name> {
    const args = this.#struct(name, given);
    this.#check(this.#function(name).call(args.bytes), doing);
    return args.values();
  }

  /** Does the same as {@linkcode call} on another thread, so that the event loop goes on. */
  async wait<Name extends FunctionName>(
    name: Name,
    given: Arguments<Name>,
    doing: string,
  ): Promise<Results<Name>> {
    const args = this.#struct(name, given);
    let waiting = this.#waits.get(name);
    if (!waiting) this.#waits.set(name, waiting = new Deno.UnsafeFnPointer(this.#pointer(name), onThread));
    this.#check(await waiting.call(args.bytes), doing);
    return args.values(); // this use also keeps the struct alive during the call
  }

  /** Frees an object of the library. */
  destroy<Name extends FunctionName & `${string}_Destroy`>(name: Name, given: Arguments<Name>): void {
    this.call(name, given, "free what the plugin holds");
  }

  /** Frees tensors of the library by their addresses, with one struct for all calls. */
  destroyBuffers(addresses: Iterable<Address>): void {
    const args = this.#struct("Buffer_Destroy", {}), destroy = this.#function("Buffer_Destroy");
    for (const address of addresses) {
      args.point("buffer", address);
      this.#check(destroy.call(args.bytes), "free what the plugin holds");
    }
  }

  #check(error: Deno.PointerValue, doing: string): void {
    if (error === null) return;
    const given = { error: Deno.UnsafePointer.value(error) };
    // These three functions return no error.
    const message = this.#struct("Error_Message", given), code = this.#struct("Error_GetCode", given);
    this.#function("Error_Message").call(message.bytes);
    this.#function("Error_GetCode").call(code.bytes);
    const { message: text, message_size: length } = message.values();
    const detail = textAt(text, length);
    this.#function("Error_Destroy").call(this.#struct("Error_Destroy", given).bytes);
    throw XlaError.of(doing, code.values().code, detail);
  }
}

/** Waits for an event and frees it, also when it reports an error; one that has come needs no other thread. */
export async function finish(api: Api, event: Address, doing: string): Promise<void> {
  try {
    if (api.call("Event_IsReady", { event }, doing).is_ready) api.call("Event_Await", { event }, doing);
    else await api.wait("Event_Await", { event }, doing);
  } finally {
    api.running.delete(event);
    api.destroy("Event_Destroy", { event });
  }
}
