/**
 * Event files of TensorBoard: scalars by tag and step, as the messages Event and Summary of TensorFlow's event.proto and
 * summary.proto in a record file each. Each sitting of a run writes a file of its own; TensorBoard reads all files of a
 * folder as one run.
 */
import protobuf from "protobufjs/minimal.js";
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.ts";
import { recordOf } from "../storage/tf_records.ts";

/** An event: a step's scalars, the version at the beginning of a file, or the beginning of a sitting. */
export interface LogEvent {
  /** Seconds since 1970. */
  readonly time: number;
  /** Updates made; 0 if not given. */
  readonly step?: number;
  /** The version of the file. */
  readonly version?: string;
  /** `true` where a sitting begins: what was written before for this step and later ones does not count. */
  readonly begins?: boolean;
  /** Values by tag, kept with the precision of float32. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/** The version that TensorBoard expects. */
const version = "brain.Event:2";

/** Returns the bytes of an Event message. */
export function encodeEvent({ time, step = 0, version, begins, scalars }: LogEvent): Uint8Array {
  const writer = protobuf.Writer.create();
  writer.uint32(1 << 3 | 1).double(time);
  if (step !== 0) writer.uint32(2 << 3).int64(step);
  if (version !== undefined) writer.uint32(3 << 3 | 2).string(version);
  if (scalars) {
    writer.uint32(5 << 3 | 2).fork();
    for (const [tag, value] of Object.entries(scalars)) {
      writer.uint32(1 << 3 | 2).fork();
      writer.uint32(1 << 3 | 2).string(tag);
      writer.uint32(2 << 3 | 5).float(value);
      writer.ldelim();
    }
    writer.ldelim();
  }
  if (begins) writer.uint32(7 << 3 | 2).fork().uint32(1 << 3).int32(1).ldelim(); // SessionLog.START
  return writer.finish();
}

/** Pattern of the names of event files. */
export const eventFileName = /^events\.out\.tfevents\./;

/** A sitting's event file, which is made at its first event. */
export class EventFile {
  #file: number | undefined;

  constructor(readonly folder: string) {}

  /**
   * Writes the scalars of a step.
   *
   * @param begin step from which the sitting takes the place of earlier ones, if this is its first event
   */
  write(step: number, scalars: Readonly<Record<string, number>>, begin = step): void {
    const time = Date.now() / 1000;
    try {
      if (this.#file === undefined) {
        this.#file = openNew(this.folder, time);
        this.#append({ time, version });
        this.#append({ time, step: begin, begins: true });
      }
      this.#append({ time, step, scalars });
    } catch (error) {
      throw new InputError(`Cannot write events into ${this.folder}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #append(event: LogEvent): void {
    const record = recordOf(encodeEvent(event));
    for (let done = 0; done < record.length;) done += writeSync(this.#file!, record, done);
  }

  /** Ends the file. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** Opens a file whose name comes after those of earlier sittings, as TensorBoard reads them in this order. */
function openNew(folder: string, time: number): number {
  mkdirSync(folder, { recursive: true });
  const seconds = `${Math.floor(time)}`.padStart(10, "0");
  for (let count = 0;; count++) {
    try {
      return openSync(join(folder, `events.out.tfevents.${seconds}.bertlab.${count}`), "wx");
    } catch (error) {
      if ((error as { code?: string }).code !== "EEXIST" || count === 9) throw error;
    }
  }
}
