/** All numbers of a report as CSV files: one of claims, one of cells, one of runs, one of epochs. */
import { parse } from "csv-parse/sync";
import { stringify } from "csv-stringify/sync";
import type { AdjustedComparison } from "../results/comparison.ts";
import { median } from "../results/statistics.ts";
import { withoutFormula } from "../tables/writer.ts";
import type { Report } from "./collect.ts";

/** A row of a CSV file, by the names of its columns. */
type Row = Readonly<Record<string, string | number | null | undefined>>;

/** Writes rows as CSV; names that others gave are no formulas of a spreadsheet. */
const text = (rows: readonly Row[], columns: readonly string[]) =>
  stringify(rows as Row[], { header: true, columns: [...columns], cast: { string: withoutFormula } });

/** The columns that a claim and a cell have of a comparison; differences in points. */
const comparisonCells = (compared: AdjustedComparison | undefined): Row => ({
  difference: compared && 100 * compared.difference,
  low: compared && 100 * compared.low,
  high: compared && 100 * compared.high,
  p_examples: compared?.pExamples,
  p_seeds: compared?.pSeeds,
  p_holm: compared?.adjusted,
  detectable: compared && 100 * compared.detectable,
});

const claimColumns = [
  ["claim", "experiment", "scale", "protocol", "engine", "precision", "model", "verdict"],
  ["paper", "paper_needs_unpaired", "paper_needs_paired", "difference", "low", "high", "seeds"],
  ["p_examples", "p_seeds", "p_holm", "p_smaller", "level", "detectable"],
].flat();

/** Writes a row for each claim; differences in points. */
export function claimsCsv({ claims, scale }: Report): string {
  const rows = claims.flatMap(({ combination, judgements }) =>
    judgements.map(({ claim, verdict, comparison, pWithin }): Row => {
      const compared = "missing" in comparison ? undefined : comparison;
      return {
        claim: claim.name,
        experiment: claim.experiment,
        scale,
        ...combination,
        verdict,
        paper: claim.paper,
        paper_needs_unpaired: claim.resolution.unpaired,
        paper_needs_paired: claim.resolution.paired,
        ...comparisonCells(compared),
        seeds: compared?.seeds,
        p_smaller: compared && pWithin,
        level: compared?.level,
      };
    })
  );
  return text(rows, claimColumns);
}

const cellColumns = [
  ["experiment", "scale", "protocol", "engine", "precision", "model", "row", "column", "data"],
  ["paper_error", "mean_error", "sd", "runs", "expected_runs"],
  ["difference", "low", "high", "p_examples", "p_seeds", "p_holm", "detectable", "verdict"],
  ["ece", "brier", "macro_f1", "loss", "seconds"],
].flat();

/** Writes a row for each cell of each table; errors in percent, differences in points. */
export function cellsCsv({ experiments, scale }: Report): string {
  const rows = experiments.flatMap(({ experiment, sections }) =>
    sections.flatMap(({ combination, cells, evaluated }) =>
      evaluated.map((cell): Row => {
        const { row, column, comparison, records } = cell;
        const compared = comparison && !("missing" in comparison) ? comparison : undefined;
        const { configuration } = cells.find((one) => one.row === row && one.column === column) ?? {};
        const average = (value: (record: typeof records[number]) => number) =>
          records.length > 0 ? records.reduce((sum, one) => sum + value(one), 0) / records.length : null;
        return {
          experiment: experiment.name,
          scale,
          ...combination,
          model: configuration?.model,
          row,
          column,
          data: configuration?.data,
          paper_error: cell.paper,
          mean_error: cell.mean,
          sd: cell.sd,
          runs: records.length,
          expected_runs: cell.expected,
          ...comparisonCells(compared),
          verdict: compared?.verdict ?? (comparison as { missing?: string } | undefined)?.missing,
          ece: average(({ test }) => test.ece),
          brier: average(({ test }) => test.brier),
          macro_f1: average(({ test }) => test.macroF1),
          loss: average(({ test }) => test.loss),
          seconds: records.length > 0 ? median(records.map(({ seconds }) => seconds)) : null,
        };
      })
    )
  );
  return text(rows, cellColumns);
}

const runColumns = [
  ["run", "experiment", "row", "column", "used_by", "scale", "protocol", "engine", "precision", "seed"],
  ["data", "fingerprint", "train", "dev", "test", "model"],
  ["test_error", "macro_f1", "loss", "ece", "brier", "dev_error", "best_epoch"],
  ["steps", "seconds", "train_seconds", "peak_memory_bytes", "start", "bertlab", "commit", "cpu", "cores"],
].flat();

/** Writes a row for each run, with the table that made it and all tables that use it. */
export function runsCsv({ experiments, records }: Report): string {
  const rows = records.map((record): Row => {
    const { hash, test, dev, data, versions, machine, cell, ...rest } = record;
    const users = experiments.filter(({ sections }) => sections.some(({ records }) => records.has(hash)));
    return {
      ...rest as unknown as Row,
      run: hash,
      ...cell,
      used_by: users.map(({ experiment }) => experiment.name).join(" "),
      data: data.name,
      fingerprint: data.fingerprint,
      train: data.train,
      dev: data.dev,
      test: data.test,
      test_error: 100 * test.errorRate,
      macro_f1: test.macroF1,
      loss: test.loss,
      ece: test.ece,
      brier: test.brier,
      dev_error: dev && 100 * dev.errorRate,
      best_epoch: record.bestEpoch,
      train_seconds: record.trainSeconds,
      peak_memory_bytes: record.peakMemoryBytes,
      bertlab: versions["bertlab"],
      cpu: machine.cpu,
      cores: machine.cores,
    };
  });
  return text(rows, runColumns);
}

/** Writes a row for each epoch of each run; errors in percent. */
export function epochsCsv({ records }: Report): string {
  const rows = records.flatMap(({ hash, epochs }) =>
    epochs.map(({ epoch, trainLoss, train, dev, test, seconds }): Row => ({
      run: hash,
      epoch,
      train_loss: trainLoss,
      train_error: train && 100 * train.errorRate,
      dev_error: dev && 100 * dev.errorRate,
      test_error: test && 100 * test.errorRate,
      seconds,
    }))
  );
  return text(rows, ["run", "epoch", "train_loss", "train_error", "dev_error", "test_error", "seconds"]);
}

/** Reads the rows of a CSV file, by the names of its columns. */
export const parseCsv = (csv: string): Record<string, string>[] => parse(csv, { columns: true });
