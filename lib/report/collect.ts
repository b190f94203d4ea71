/** The contents of a report, from the records of one scale: the runs of each cell, and the numbers from them. */
import { join } from "node:path";
import type { Configuration, Protocol } from "../runs/configuration.ts";
import { type DataTable, type MeasuredData, readMeasured } from "../runs/data_table.ts";
import { InputError } from "../errors.ts";
import { type Cell, type Experiment, resolveCells, type ScaleName } from "../runs/experiment.ts";
import { baselineOf, experimentTable } from "../runs/experiment_table.ts";
import { recordedLayers } from "../runs/model_layers.ts";
import { onRecord } from "../runs/run_experiment.ts";
import { type Claim, judgeClaims, type Judgement } from "../results/claims.ts";
import {
  configurationHash,
  predictionFaults,
  readRecords,
  recordsByHash,
  type RunRecord,
} from "../results/records.ts";
import { type EvaluatedCell, evaluateTable, type ResultTable } from "../results/result_table.ts";

/** The subject of a report. */
export interface ReportSource {
  /** The experiments whose runs are looked for. */
  readonly experiments: readonly Experiment[];
  /** Tables that are measured, without training. */
  readonly dataTables: readonly DataTable[];
  /** The paper's claims at this scale. */
  readonly claims: readonly Claim[];
  /** Name of the scale. */
  readonly scale: ScaleName;
  /** Folder of the results; the scale has a folder in it. */
  readonly results: string;
  /** Time of the report. */
  readonly made: Date;
}

/** The settings that runs have in common. Numbers of different combinations are not mixed. */
export interface Combination {
  /** The protocol: clean or paper. */
  readonly protocol: Protocol;
  /** Name of the engine. */
  readonly engine: string;
  /** Precision of matrix products: f32, bf16 or tf32. */
  readonly precision: Configuration["precision"];
  /** The model that was given with `--model` instead of the scale's own, if one was. */
  readonly model?: string;
}

/** An experiment's runs of one combination. */
export interface Section {
  /** Their combination. */
  readonly combination: Combination;
  /** All cells of the seeds of the experiment's runs; if it made none, of the runs that other tables made for it. */
  readonly cells: readonly Cell[];
  /** The record of each cell that has one, by hash. */
  readonly records: ReadonlyMap<string, RunRecord>;
  /** The paper's numbers and the records, by row and column. */
  readonly table: ResultTable;
  /** The evaluated cells of the table, column by column. */
  readonly evaluated: readonly EvaluatedCell[];
}

/** An experiment with its runs. */
export interface ExperimentReport {
  /** The experiment. */
  readonly experiment: Experiment;
  /** A section for each combination that it was run with, the one with most runs first; at least one. */
  readonly sections: readonly Section[];
}

/** All data of the pages. */
export interface Report {
  /** Name of the scale. */
  readonly scale: ScaleName;
  /** Folder of the results; the scale has a folder in it. */
  readonly results: string;
  /** Folder of the records. */
  readonly folder: string;
  /** Time of the report. */
  readonly made: Date;
  /** The runs, one record each. */
  readonly records: readonly RunRecord[];
  /** sha256 over the records and measurements, 8 hex digits. */
  readonly fingerprint: string;
  /** Sentences about lines that could not be read, and about runs that belong to no cell. */
  readonly warnings: readonly string[];
  /** The paper's claims by the runs of each combination, the one with most runs first. */
  readonly claims: readonly {
    readonly combination: Combination;
    readonly judgements: readonly Judgement[];
  }[];
  /** The experiments of this scale. */
  readonly experiments: readonly ExperimentReport[];
  /** The measured tables of this scale; a table has no rows if nothing is measured yet. */
  readonly dataTables: readonly { readonly table: DataTable; readonly rows: readonly MeasuredData[] }[];
}

/** Writes a combination in words: "protocol clean, engine onnx, f32", with the model if one was given. */
export const combinationText = ({ protocol, engine, precision, model }: Combination): string =>
  `protocol ${protocol}, engine ${engine}, ${precision}${model === undefined ? "" : `, model ${model}`}`;

/**
 * Reads the records of a scale and finds the cell of each, by the hash of its configuration.
 *
 * @throws InputError if there is neither a record nor a measurement.
 */
export async function collectReport(source: ReportSource): Promise<Report> {
  const { scale, results, made } = source;
  const folder = join(results, scale);
  const { records: read, warnings: ignored } = await readRecords(folder);
  const warnings = [...ignored];
  const records = [...recordsByHash(read).values()];
  const dataTables = await Promise.all(
    source.dataTables.filter(({ scales }) => scales[scale]).map(async (table) => ({
      table,
      rows: await measurements(join(folder, `${table.name}.json`), (sentence) => warnings.push(sentence)),
    })),
  );
  if (records.length === 0 && dataTables.every(({ rows }) => rows.length === 0)) {
    const unread = warnings.length > 0 ? ` that can be read (${warnings[0]})` : "";
    throw new InputError(
      `Cannot make a report from ${folder} as it has no records${unread}: run deno task reproduce first, or name ` +
        `another folder with --results or another scale with --scale`,
    );
  }
  const inOrder = source.experiments.filter(({ scales }) => scales[scale])
    .toSorted((a, b) => a.paper < b.paper ? -1 : 1); // by section
  const found: { combination: Combination; sections: Section[]; runs: number }[] = [];
  const stated = await modelsOf(inOrder, scale);
  for (const { combination, seeds } of combinationsOf(records, stated)) {
    const sections: Section[] = [];
    for (const experiment of inOrder) {
      sections.push(await sectionOf(experiment, records, combination, seeds, scale, folder));
    }
    const runs = new Set(sections.flatMap((section) => [...section.records.keys()])).size;
    found.push({ combination, sections, runs });
  }
  const givenModels = ({ combination }: typeof found[number]) => combination.model === undefined ? 0 : 1;
  const combinations = found.sort((a, b) => b.runs - a.runs || givenModels(a) - givenModels(b))
    .filter(({ runs }, n) => n === 0 || runs > 0);
  const experiments = inOrder.map((experiment, place): ExperimentReport => {
    const sections = combinations.map(({ sections }) => sections[place]!);
    const shown = new Set<RunRecord>(); // a cell that states its model has the same runs in every combination
    const kept = sections.filter(({ records }, n) => {
      const found = [...records.values()];
      const isNew = found.some((record) => record.experiment === experiment.name && !shown.has(record));
      for (const record of found) shown.add(record);
      return isNew || (n === 0 && found.length > 0);
    });
    return { experiment, sections: kept.length > 0 ? kept : sections.slice(0, 1) };
  });
  const claims: { combination: Combination; judgements: Judgement[] }[] = [];
  const isKept = (section: Section) => experiments.some(({ sections }) => sections.includes(section));
  for (const { combination, sections } of records.length === 0 ? [] : combinations) {
    if (!sections.some(isKept)) continue;
    const runs = (name: string, row: string, column: string) => {
      const place = inOrder.findIndex((experiment) => experiment.name === name);
      const table = sections[place]?.table;
      // What is claimed of a top layer is not meant of the layer with its name in a model of another depth.
      return table && table.baseline === baselineOf(inOrder[place]!, scale)
        ? table.cell(row, column).records
        : [];
    };
    claims.push({ combination, judgements: await judgeClaims(source.claims, runs, folder) });
  }
  const used = new Set(
    experiments.flatMap(({ sections }) => sections.flatMap(({ records }) => [...records.keys()])),
  );
  const unused = records.filter(({ hash }) => !used.has(hash)).length;
  warnings.push(...await predictionFaults(folder, records.filter(({ hash }) => used.has(hash))));
  const hash = await configurationHash([records.toSorted((a, b) => a.hash < b.hash ? -1 : 1), dataTables]);
  return {
    scale,
    results,
    folder,
    made,
    records,
    fingerprint: hash.slice(0, 8),
    warnings: [
      ...warnings,
      ...unused === 0 ? [] : [
        `${unused} of ${records.length} runs on record belong to no cell of these experiments, as their settings ` +
        `are others; they are in runs.csv and in no table`,
      ],
    ],
    claims,
    experiments,
    dataTables,
  };
}

async function sectionOf(
  experiment: Experiment,
  all: readonly RunRecord[],
  combination: Combination,
  seeds: readonly number[],
  scale: ScaleName,
  folder: string,
): Promise<Section> {
  const { model } = combination;
  const ofItsModel = ({ configuration }: RunRecord) =>
    configuration.model === model && configuration.layers === null;
  const layers = model === undefined ? undefined : recordedLayers(all.filter(ofItsModel));
  const ofModel = layers === undefined ? experiment : experiment.forLayers?.(layers) ?? experiment;
  const { cells, records } = await onRecord(ofModel, all, { ...combination, scale, seeds });
  const table = await experimentTable(ofModel, { cells, records, folder }, scale);
  return { combination, cells, records, table, evaluated: await evaluateTable(table, folder) };
}

/** The models in the cells of experiments, by the experiments' names. */
type Models = ReadonlyMap<string, ReadonlySet<string>>;

/** Returns the models in the cells of experiments, without a model given on the command line. */
async function modelsOf(experiments: readonly Experiment[], scale: ScaleName): Promise<Models> {
  return new Map(
    await Promise.all(experiments.map(async (experiment) => {
      const cells = await resolveCells(experiment, { scale });
      return [experiment.name, new Set(cells.map(({ configuration }) => configuration.model))] as const;
    })),
  );
}

/**
 * Returns the combinations of the records with their seeds; the default one if there are no runs.
 *
 * @param stated the models that experiments state themselves; a run of no known experiment may have any of them
 */
function combinationsOf(
  records: readonly RunRecord[],
  stated: Models,
): { combination: Combination; seeds: number[] }[] {
  const found = new Map<string, { combination: Combination; seeds: number[] }>();
  const all = new Set([...stated.values()].flatMap((models) => [...models]));
  for (const { configuration, seed, ...record } of records) {
    const { protocol, engine, precision, model, layers } = {
      ...record,
      ...configuration,
    } as unknown as Configuration;
    // A model that is given has all its layers.
    const isOwn = layers !== null || (stated.get(record.experiment) ?? all).has(model);
    const combination = { protocol, engine, precision, ...isOwn ? {} : { model } };
    const name = combinationText(combination);
    const seeds = new Set([...found.get(name)?.seeds ?? [], seed]);
    found.set(name, { combination, seeds: [...seeds].sort((a, b) => a - b) });
  }
  if (found.size > 0) return [...found.values()];
  return [{ combination: { protocol: "clean", engine: "onnx", precision: "f32" }, seeds: [1] }];
}

/** The measurements of a table; none, and a sentence, if their file cannot be used. */
async function measurements(
  file: string,
  warn: (sentence: string) => void,
): Promise<readonly MeasuredData[]> {
  return await readMeasured(file).catch((error) => {
    if (!(error instanceof InputError)) throw error;
    warn(error.message);
    return [];
  });
}
