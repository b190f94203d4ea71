/** The paper's experiments in a notebook: a small try of one cell, and all cells from their records or newly run. */
import { join } from "node:path";
import { engineNames } from "../engine/open.ts";
import { escapeMarkdown } from "../printable.ts";
import type { Configuration } from "../runs/configuration.ts";
import { expectedSeconds } from "../runs/expected_time.ts";
import { type CellOptions, type Experiment, resolveCells } from "../runs/experiment.ts";
import { experimentTable } from "../runs/experiment_table.ts";
import { type Claim, judgeClaims, type Judgement } from "../results/claims.ts";
import { claimsMarkdown, verdictText } from "../results/claims_text.ts";
import type { EvaluatedTable } from "../results/differences.ts";
import type { Figure } from "../results/figures.ts";
import { duration } from "../results/progress.ts";
import { predictionFaults, readRecords, type RunRecord } from "../results/records.ts";
import { evaluateTable, type ResultTable } from "../results/result_table.ts";
import { markdownTable } from "../results/tables.ts";
import { cellRunner } from "../runs/run_cell.ts";
import {
  type CellResult,
  commandFor,
  type ExperimentEvent,
  type ExperimentResult,
  experimentResult,
  onRecord,
  type RunCell,
  runExperiment,
} from "../runs/run_experiment.ts";
import { type Displayable, withDisplay } from "./displayable.ts";
import { LiveCurve, watch } from "./live.ts";
import { showMarkdown, showRun } from "./show.ts";
import { anExperiment, having, requireArguments } from "../storage/arguments.ts";
import { anything, list, object, text } from "../storage/json.ts";

/** A choice of an experiment's runs, and the folder of their records. */
export interface Place extends CellOptions {
  /** Folder of the records; each scale has a folder in it. Default: `results`. */
  readonly results?: string;
}

/** An experiment with the records that there are; its display is the table. */
export interface Reproduction extends Displayable, EvaluatedTable {
  /** The figure, if the experiment has one and there are runs. */
  readonly figure?: Figure;
  /** The runs. */
  readonly records: readonly RunRecord[];
  /** Number of runs that are not on record. */
  readonly missing: number;
}

/**
 * Trains one cell of an experiment and keeps no record of it.
 *
 * @param options.overrides fields of the configuration to change, such as a smaller `limits.train`
 * @throws InputError if there is no such cell or field, or the data or the model cannot be had.
 */
export async function tryCell(
  experiment: Experiment,
  options: CellOptions & { readonly row: string; readonly column: string },
): Promise<CellResult & Displayable> {
  requireArguments("tryCell", {
    experiment: [experiment, anExperiment],
    options: [options, object({ row: text, column: text })],
  });
  const { row, column, ...given } = options;
  const [cell] = await resolveCells(experiment, { ...given, rows: [row], columns: [column] });
  const name = `${column}, ${row}`;
  const { forget, ...result } = await watch(name, (onStep) =>
    cellRunner()(cell!.configuration, {
      onStep: (step, steps, loss) => onStep({ step, steps, loss }),
      onLine: console.error,
    }));
  await forget?.();
  return showRun(name, result);
}

/**
 * Returns an experiment's table from its records, without running anything. If no seeds are given, they are those of
 * the records.
 *
 * @throws InputError if the experiment does not have the scale, row or column, or a record cannot be read.
 */
export async function recorded(experiment: Experiment, place: Place = {}): Promise<Reproduction> {
  requireArguments("recorded", {
    experiment: [experiment, anExperiment],
    place: [place, having("an object with options, such as { seeds: [1] }")],
  });
  const { warnings, ...result } = await recordedResult(experiment, place);
  return await reproduction(experiment, result, place, warnings);
}

/**
 * Makes the runs that are not on record, draws them meanwhile, keeps a record of each, and returns the whole table.
 *
 * @throws InputError as {@linkcode recorded}; any error of a run, after the runs before it are recorded.
 */
export async function reproduce(
  experiment: Experiment,
  options: Place & { readonly runCell?: RunCell } = {},
): Promise<Reproduction> {
  requireArguments("reproduce", {
    experiment: [experiment, anExperiment],
    options: [options, having("an object with options, such as { seeds: [1] }")],
  });
  const { runCell = cellRunner(), ...place } = options;
  const curve = new LiveCurve(experiment.name);
  const start = performance.now();
  const onProgress = (event: ExperimentEvent) => {
    if (event.kind === "line") console.error(event.line);
    if (event.kind === "failed") {
      const { cell: { column, row, configuration: { seed } }, message } = event.failure;
      console.error(`${column}, ${row}, seed ${seed} is not made: ${message}`);
    }
    if (event.kind === "step") curve.step({ step: event.done, steps: event.total, loss: event.loss });
    if (event.kind === "start") {
      const { run, runs, cell: { column, row } } = event;
      const left = (performance.now() - start) / 1000 * (runs - run + 1) / (run - 1);
      curve.next(`[${run}/${runs}${run > 1 ? `, ${duration(left)} left` : ""}] ${column}, ${row}`);
    }
  };
  try {
    const resultsDir = place.results ?? "results";
    const result = await runExperiment(experiment, { ...place, resultsDir, runCell, onProgress });
    return await reproduction(experiment, result, place);
  } finally {
    await curve.end();
  }
}

/** Reads the runs on record; if there are none of the engine asked for, those of another one. */
async function recordedResult(
  experiment: Experiment,
  { seeds, results = "results", ...options }: Place,
): Promise<ExperimentResult & { readonly warnings: readonly string[] }> {
  const folder = join(results, options.scale ?? "mini");
  const { records, warnings } = await readRecords(folder);
  const { engine = "onnx" } = options;
  const has = (name: string) => records.some((record) => record.engine === name);
  const chosen = { ...options, engine: has(engine) ? engine : engineNames.find(has) ?? engine };
  if (seeds) {
    return { warnings, ...await experimentResult(experiment, { ...chosen, seeds, resultsDir: results }) };
  }
  const known = [...new Set(records.map(({ seed }) => seed))].sort((a, b) => a - b);
  return {
    ...{ folder, warnings },
    ...await onRecord(experiment, records, { ...chosen, seeds: known.length > 0 ? known : [1] }),
  };
}

async function reproduction(
  experiment: Experiment,
  result: ExperimentResult,
  { scale = "mini", engine = "onnx", results = "results", model }: Place,
  warnings: readonly string[] = [],
): Promise<Reproduction> {
  const { cells, records, folder } = result;
  const table = await experimentTable(experiment, result, scale);
  const due = cells.filter(({ hash }) => !records.has(hash)).map(({ configuration }) => configuration);
  const made = [...records.values()].map(({ configuration }) => configuration as unknown as Configuration);
  const seconds = await expectedSeconds(experiment, scale, due, made);
  const used = cells[0]!.configuration.engine;
  const notes = [
    ...[...warnings, ...await predictionFaults(folder, records.values())].map(escapeMarkdown),
    ...used === engine ? [] : [`The runs on record were made with the engine ${used}.`],
    ...due.length === 0 ? [] : [
      `**${due.length} of ${cells.length} runs are not on record.** They take about ${
        duration(seconds)
      }:\n\n` +
      `    ${commandFor(experiment, cells, results, model)}`,
    ],
  ];
  const evaluated = await evaluateTable(table, folder);
  const text = markdownTable(table, evaluated);
  const markdown = text + notes.map((note) => `\n${note}\n`).join("");
  const drawn = experiment.figure && records.size > 0;
  return withDisplay({
    table,
    evaluated,
    records: [...records.values()],
    missing: due.length,
    ...drawn ? { figure: experiment.figure!({ ...result, scale }) } : {},
  }, () => ({ text: markdown, markdown }));
}

/**
 * Shows the verdicts of the records on the paper's claims about an experiment. They are judged together with all other
 * claims, as in the report.
 *
 * @param options.claims all claims of the paper
 * @param options.experiments the experiments that the claims name
 * @throws InputError if a record cannot be read.
 */
export async function verdicts(
  experiment: Pick<Experiment, "name">,
  options: Place & {
    readonly claims: readonly Claim[];
    readonly experiments: readonly Experiment[];
  },
): Promise<Displayable> {
  requireArguments("verdicts", {
    experiment: [experiment, having("an experiment, as experiment() returns", "name")],
    options: [options, object({ claims: list(anything), experiments: list(anything) })],
  });
  return showVerdicts(experiment.name, await judgements(options));
}

/**
 * Judges all claims by the records of a place.
 *
 * @throws InputError if a record cannot be read.
 */
export async function judgements(
  { claims, experiments, ...place }: Place & {
    readonly claims: readonly Claim[];
    readonly experiments: readonly Experiment[];
  },
): Promise<Judgement[]> {
  const { scale = "mini", results = "results" } = place;
  const tables = new Map<string, ResultTable>();
  for (const experiment of experiments.filter(({ scales }) => scales[scale])) {
    const result = await recordedResult(experiment, place);
    tables.set(experiment.name, await experimentTable(experiment, result, scale));
  }
  const runs = (experiment: string, row: string, column: string) =>
    tables.get(experiment)?.cell(row, column).records ?? [];
  return await judgeClaims(claims, runs, join(results, scale));
}

/** Shows the verdicts on the claims about the experiment of this name. */
export function showVerdicts(name: string, judgements: readonly Judgement[]): Displayable {
  const own = judgements.filter(({ claim }) => claim.experiment === name);
  const sentences = own.map((one) => `**${one.claim.name}: ${verdictText(one)}.**`);
  return showMarkdown([...sentences, claimsMarkdown(own)].join("\n\n"));
}
