/** The description of a data set that comes in a package of npm or PyPI. */
import type { Splits } from "../examples.ts";
import type { DataPackage } from "../../storage/packages.ts";

/** A data set in a package. */
export interface EmbeddedSet {
  /** The name in commands and records. */
  readonly name: string;
  /** The texts' language. */
  readonly language: "en" | "zh";
  /** The classes' names. */
  readonly labels: readonly string[];
  /** Origin and licence. */
  readonly source: string;
  /** A note for readers of results on it. */
  readonly note: string;
  /** The package that holds it. */
  readonly package: DataPackage;
  /** The fingerprint that the splits must have. */
  readonly fingerprint: string;
  /** Reads the splits from the package's folder. */
  read(folder: string): Promise<Splits>;
}
