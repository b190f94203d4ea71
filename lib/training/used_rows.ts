/**
 * Training of a table's rows that are used alone. A fine-tuning reads few of the rows of the word embeddings, and a row
 * that no batch reads has no gradient and moments of 0: an update only decays it, θ ← θ (1 − η λ). So the engine holds
 * the rows that are used; the others are scaled by the product of those factors when the parameters are asked for.
 */
import type { HostTensor, HostTensors } from "../tensors.ts";
import { stateName } from "./optimizers.ts";

/** Rows of a table that batches use. */
export interface UsedRows {
  /** The table's name among the parameters. */
  readonly parameter: string;
  /** The feed whose numbers are rows of the table. */
  readonly feed: string;
  /** The rows, ascending. */
  readonly rows: Int32Array;
}

/** The share of a table above which it is trained whole. */
const most = .8;

/**
 * The rows of a table [V, …] whose numbers stand in these lists.
 *
 * @returns undefined if they are nearly all
 */
export function usedRows(
  parameter: string,
  feed: string,
  V: number,
  lists: Iterable<ArrayLike<number>>,
): UsedRows | undefined {
  const seen = new Uint8Array(V);
  for (const list of lists) for (let i = 0; i < list.length; i++) seen[list[i]!] = 1;
  const rows = Int32Array.from(seen.keys()).filter((row) => seen[row] === 1);
  return rows.length > most * V ? undefined : { parameter, feed, rows };
}

/** A table of which the engine holds the used rows. */
export class RowSubset {
  readonly #used: UsedRows;
  /** [V] each row's place among those that are used; 0 for others. */
  readonly #places: Int32Array;
  /** The whole table, in which the used rows are old. */
  #whole: HostTensor;
  /** The product of the factors that unused rows are decayed by since `#whole`. */
  decay = 1;

  constructor(used: UsedRows, table: HostTensor) {
    this.#used = used;
    this.#whole = table;
    this.#places = new Int32Array(table.shape[0]!);
    used.rows.forEach((row, place) => this.#places[row] = place);
  }

  /** The table's name among the parameters. */
  get parameter(): string {
    return this.#used.parameter;
  }

  /** A batch's feeds with the numbers of rows as their places. @throws RangeError if a row is not among those used. */
  feeds(feeds: HostTensors): HostTensors {
    const { feed, rows } = this.#used;
    const { shape, data } = feeds[feed]!;
    const places = Int32Array.from(data, (row) => this.#places[row]!);
    const unknown = places.findIndex((place, i) => rows[place] !== data[i]);
    if (unknown >= 0) throw new RangeError(`Expected a row that is used, found ${data[unknown]}`);
    return { ...feeds, [feed]: { shape, data: places } };
  }

  /** Tensors as the engine holds them: of the table and its moments the used rows. */
  held(tensors: HostTensors): HostTensors {
    return this.#changed(tensors, (tensor) => this.#rowsOf(tensor));
  }

  /** Takes a whole table, from which unused rows start; they are decayed by `decay` already to come. */
  replace(table: HostTensor, decay = 1): void {
    this.#whole = table;
    this.decay = decay;
  }

  /** Tensors of the engine with the whole table, whose unused rows are scaled by a factor, and whole moments. */
  whole(tensors: HostTensors, factor: number): HostTensors {
    return this.#changed(tensors, (tensor, isTable) => this.#filled(tensor, isTable ? factor : 0));
  }

  #changed(tensors: HostTensors, change: (tensor: HostTensor, isTable: boolean) => HostTensor): HostTensors {
    const { parameter } = this.#used;
    const names = [parameter, stateName.firstMoment(parameter), stateName.secondMoment(parameter)];
    const own = names.filter((name) => Object.hasOwn(tensors, name));
    return {
      ...tensors,
      ...Object.fromEntries(own.map((name) => [name, change(tensors[name]!, name === parameter)])),
    };
  }

  #rowsOf({ shape: [, ...row], data }: HostTensor): HostTensor {
    const { rows } = this.#used;
    const width = row.reduce((size, length) => size * length, 1);
    const chosen = new Float32Array(rows.length * width);
    rows.forEach((number, place) =>
      chosen.set(data.subarray(number * width, (number + 1) * width), place * width)
    );
    return { shape: [rows.length, ...row], data: chosen };
  }

  #filled({ data }: HostTensor, factor: number): HostTensor {
    const { shape, data: old } = this.#whole;
    const width = old.length / shape[0]!;
    const all = factor === 0 ? new Float32Array(old.length) : (old as Float32Array).slice();
    if (factor !== 0 && factor !== 1) { for (let i = 0; i < all.length; i++) all[i]! *= factor; }
    this.#used.rows.forEach((row, place) =>
      all.set(data.subarray(place * width, (place + 1) * width), row * width)
    );
    return { shape, data: all };
  }
}
