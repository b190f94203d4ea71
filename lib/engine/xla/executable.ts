/** Compiled programs: their memory as the compiler planned it, and running them. */
import { type Api, finish as finishEvent } from "./api.ts";
import { DeviceBuffer } from "./buffer.ts";
import { type Address, bytesAt, bytesOf, pointers } from "./memory.ts";
import { structs } from "./layouts.ts";

/** Bytes of device memory that a program takes, as the compiler planned it. */
export interface ProgramMemory {
  /** Inputs, donated ones included. */
  readonly arguments: number;
  /** Results, those in donated memory included. */
  readonly outputs: number;
  /** Inputs whose memory becomes a result's. */
  readonly aliased: number;
  /** Values between inputs and results. */
  readonly temporary: number;
  /** Most at any one time; 0 if the plugin does not say. */
  readonly peak: number;
  /** Machine code. */
  readonly code: number;
}

/** A compiled program that is not on a device, such as one compiled ahead of time. */
export class Executable implements Disposable {
  #handle: Address;

  /** Takes ownership of a PJRT_Executable. */
  constructor(readonly api: Api, handle: Address) {
    this.#handle = handle;
  }

  /** The compiler's plan of the device's memory. */
  get memory(): ProgramMemory {
    const found = this.api.call(
      "Executable_GetCompiledMemoryStats",
      { executable: this.#handle },
      "ask for memory",
    );
    return {
      arguments: found.argument_size_in_bytes,
      outputs: found.output_size_in_bytes,
      aliased: found.alias_size_in_bytes,
      temporary: found.temp_size_in_bytes,
      peak: found.peak_memory_in_bytes,
      code: found.generated_code_size_in_bytes,
    };
  }

  /** Number of results. */
  get outputCount(): number {
    return this.api.call("Executable_NumOutputs", { executable: this.#handle }, "ask for results")
      .num_outputs;
  }

  /** Returns the optimized program: HLO as text, or a serialized module. */
  optimized(): Uint8Array<ArrayBuffer> {
    const ask = (code?: Uint8Array<ArrayBuffer>) => {
      const program = this.api.struct(structs.Program, { code, code_size: code?.length ?? 0 });
      const given = { executable: this.#handle, program };
      this.api.call("Executable_OptimizedProgram", given, "read the compiled program");
      return program.values().code_size;
    };
    const code = new Uint8Array(ask());
    ask(code);
    return code;
  }

  /** Returns the program as bytes that can be loaded later. */
  serialize(): Uint8Array<ArrayBuffer> {
    const { serialized_bytes, serialized_bytes_size, serialized_executable, serialized_executable_deleter } =
      this
        .api.call("Executable_Serialize", { executable: this.#handle }, "write the compiled program");
    const bytes = bytesAt(serialized_bytes, serialized_bytes_size);
    new Deno.UnsafeFnPointer(
      Deno.UnsafePointer.create(serialized_executable_deleter)! as Deno.PointerObject<never>,
      { parameters: ["pointer"], result: "void" },
    ).call(Deno.UnsafePointer.create(serialized_executable));
    return bytes;
  }

  /** Frees it; a second call does nothing. */
  dispose(): void {
    if (this.#handle !== 0n) this.api.destroy("Executable_Destroy", { executable: this.#handle });
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A run that was enqueued. */
export interface Run {
  /** Addresses of each device's results, in order; the caller frees them. */
  readonly results: readonly BigUint64Array[];
  /** Waits for the end on all devices. @throws XlaError if the run failed. */
  finish(): Promise<void>;
}

/** A compiled program on its devices. */
export class LoadedExecutable implements Disposable {
  #handle: Address;
  /** The program itself, for its memory and its text. */
  readonly executable: Executable;
  readonly #outputs: number;

  /** Takes ownership of a PJRT_LoadedExecutable. */
  constructor(readonly api: Api, handle: Address) {
    this.#handle = handle;
    const given = { loaded_executable: handle };
    const { executable } = api.call("LoadedExecutable_GetExecutable", given, "ask for a program");
    this.executable = new Executable(api, executable);
    this.#outputs = this.executable.outputCount;
  }

  /**
   * Enqueues a run on every device; it returns before the devices have computed.
   *
   * @param rows The inputs of each device, in order. The run deletes donated ones; the caller still frees the addresses,
   * after the end of the run.
   */
  start(rows: readonly (readonly Address[])[]): Run {
    const inputs = rows.map((row) => bytesOf(BigUint64Array.from(row)));
    const results = rows.map(() => new BigUint64Array(this.#outputs));
    const events = new BigUint64Array(rows.length);
    this.api.call("LoadedExecutable_Execute", {
      executable: this.#handle,
      options: this.api.struct(structs.ExecuteOptions),
      argument_lists: pointers(inputs),
      num_devices: rows.length,
      num_args: rows[0]!.length,
      output_lists: pointers(results.map(bytesOf)),
      device_complete_events: bytesOf(events),
    }, "run a program");
    for (const event of events) this.api.running.add(event);
    const finish = async () => {
      const ends = await Promise.allSettled(
        Array.from(events, (event) => finishEvent(this.api, event, "run a program")),
      );
      const failed = ends.find((end) => end.status === "rejected");
      if (failed) throw failed.reason;
    };
    return { results, finish };
  }

  /** Runs once on every device and waits for the end; returns the results of each device, in order. */
  async run(rows: readonly (readonly DeviceBuffer[])[]): Promise<DeviceBuffer[][]> {
    const run = this.start(rows.map((row) => row.map(({ handle }) => handle)));
    const results = run.results.map((row) => Array.from(row, (handle) => new DeviceBuffer(this.api, handle)));
    try {
      await run.finish();
      return results;
    } catch (error) {
      for (const buffer of results.flat()) buffer.dispose();
      throw error;
    }
  }

  /** Frees it; a second call does nothing. */
  dispose(): void {
    this.executable.dispose();
    if (this.#handle !== 0n) this.api.destroy("LoadedExecutable_Destroy", { executable: this.#handle });
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
