/** Parsing of options that several commands have; what cannot be understood is an InputError. */
import type { Command } from "commander";
import { realpath } from "node:fs/promises";
import process from "node:process";
import { engineNames, precisions } from "../lib/engine/open.ts";
import { defaultFraction, memoryVariable } from "../lib/engine/xla/memory_fraction.ts";
import { InputError } from "../lib/errors.ts";
import { tableFormats, type TableOptions } from "../lib/tables/table.ts";
import { userPath } from "./command.ts";

/** A parser of an option that takes a whole number of at least `least`, perhaps a multiple of another. */
export function wholeNumber(option: string, least: number, multipleOf = 1): (text: string) => number {
  const kind = multipleOf === 1 ? "whole number" : `multiple of ${multipleOf}`;
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least || value % multipleOf !== 0) {
      throw new InputError(`Cannot use ${option} ${text}: expected a ${kind} of at least ${least}`);
    }
    return value;
  };
}

/** A parser of an option that takes a number above `least` (or equal to it) and up to `most`. */
export function numberBetween(option: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= most)) {
      throw new InputError(`Cannot use ${option} ${text}: expected a number from ${least} to ${most}`);
    }
    return value;
  };
}

/** A parser of an option that takes one of a few words. */
export function oneOf<Word extends string>(option: string, words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((word) => word === text);
    if (word === undefined) {
      throw new InputError(`Cannot use ${option} ${text}: expected one of ${words.join(", ")}`);
    }
    return word;
  };
}

/** I/N, the I-th of N shares. @throws InputError if it is not written so. */
export function parseShard(text: string): { index: number; count: number } {
  const parts = /^(\d+)\/(\d+)$/.exec(text);
  if (parts === null) throw new InputError(`Cannot use --shard ${text}: expected I/N, such as 1/4`);
  return { index: Number(parts[1]), count: Number(parts[2]) };
}

/** An option that may be repeated. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** `field=value` added to the settings before it; the value is JSON or, failing that, a word. */
export function parseSetting(text: string, before: Record<string, unknown> = {}): Record<string, unknown> {
  const parts = /^([\w.]+)=(.+)$/.exec(text);
  if (parts === null) {
    throw new InputError(`Cannot use --set ${text}: expected FIELD=VALUE, such as epochs=2`);
  }
  const [, field, value] = parts as unknown as [string, string, string];
  try {
    return { ...before, [field]: JSON.parse(value) };
  } catch {
    return { ...before, [field]: value };
  }
}

/** Adds the options that say where data and models come from, to a command that fetches any. */
export function sourceOptions(command: Command): Command {
  return command
    .option(
      "--data-dir <folder>",
      "the paper's data sets in a folder (also: the variable BERTLAB_DATA)",
      userPath,
    )
    .option("--offline", "only what is on this machine (also: HF_HUB_OFFLINE=1)")
    .hook("preAction", (command) => {
      const { dataDir, offline } = command.opts<{ dataDir?: string; offline?: boolean }>();
      if (dataDir !== undefined) process.env.BERTLAB_DATA = dataDir;
      if (offline) process.env.HF_HUB_OFFLINE = "1";
    });
}

/** Adds the options that say how tables are laid out, where they do not tell it. */
export function tableOptions(command: Command, format: string): Command {
  return command
    .option("--format <name>", format, oneOf("--format", tableFormats))
    .option(
      "--separator <sign>",
      "between values of CSV and TSV: one character, or tab; by default found out",
      separator,
    )
    .option("--encoding <name>", "of text, such as windows-1252; by default UTF-8, or UTF-16 with its mark")
    .option(
      "--quotes <name>",
      "csv: around values; none: as any other character; by default csv, if no quote seems to swallow rows",
      oneOf("--quotes", ["csv", "none"]),
    );
}

function separator(text: string): string {
  if (text === "tab" || text === "\\t") return "\t";
  if (text.length === 1 && !/["\r\n]/.test(text)) return text;
  throw new InputError(`Cannot use --separator ${text}: expected one character, such as ";", or tab`);
}

/** Options that say where several labels of a text stand. */
export interface SeveralLabelsOptions {
  readonly labelSeparator?: string;
  readonly labelColumns?: string;
}

/** Returns the options of {@linkcode tableOptions} among others. */
export function layoutOf({ format, separator, encoding, quotes }: TableOptions): TableOptions {
  return { format, separator, encoding, quotes };
}

/** Adds the option that says how much of a GPU's memory may be taken. */
export function memoryOption(command: Command): Command {
  return command
    .option(
      "--memory-fraction <F>",
      `of a GPU's memory that programs may take (also: the variable ${memoryVariable}; ${defaultFraction} if not given)`,
      numberBetween("--memory-fraction", .01, 1),
    )
    .hook("preAction", (command) => {
      const { memoryFraction } = command.opts<{ memoryFraction?: number }>();
      if (memoryFraction !== undefined) process.env[memoryVariable] = `${memoryFraction}`;
    });
}

/** Adds the options of commands that train: the seed, where the steps run, and checkpoints. */
export function runOptions(command: Command): Command {
  return memoryOption(command)
    .option("--seed <N>", "key of all randomness", wholeNumber("--seed", 0), 1)
    .option("--engine <name>", engineNames.join(", "), oneOf("--engine", engineNames), "auto")
    .option("--precision <name>", precisions.join(", "), oneOf("--precision", precisions), "f32")
    .option("--devices <N>", "devices that share each batch", wholeNumber("--devices", 1), 1)
    .option(
      "--checkpoint-every <steps>",
      "steps between two checkpoints",
      wholeNumber("--checkpoint-every", 1),
      200,
    )
    .option("--resume", "go on from the last checkpoint in the output folder")
    .option("--overwrite", "replace what is in the output folder: a model, or an unfinished run");
}

/** @throws InputError if a table would be written over the one that it is made from. */
export async function refuseInput(
  { input, output }: { readonly input: string; readonly output: string },
  advice: string,
): Promise<void> {
  const [from, to] = await Promise.all([input, output].map((path) => realpath(path).catch(() => undefined)));
  if (from === undefined || from !== to) return;
  throw new InputError(`Cannot write ${output} as it is the input: ${advice}`);
}

/** The experiments of these names; all if there are none. @throws InputError listing those there are. */
export function chooseExperiments<Named extends { readonly name: string }>(
  experiments: readonly Named[],
  names: readonly string[],
): readonly Named[] {
  if (names.length === 0) return experiments;
  return names.map((name) => {
    const found = experiments.find((experiment) => experiment.name === name);
    if (found) return found;
    const known = experiments.map((experiment) => experiment.name).join(", ");
    throw new InputError(`Unknown experiment "${name}": expected one of ${known}`);
  });
}
