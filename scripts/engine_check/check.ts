/**
 * The check of an engine: each part in a process of its own with a time limit, so that a crash or a hang costs one part.
 * Findings are told as they come, and appended to a file, which survives if this process is killed.
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { appendFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { runLimited } from "../../benchmarks/limited_process.ts";
import { hasNvidiaGpu } from "../../lib/engine/discovery.ts";
import { findPlugins } from "../../lib/engine/xla/discovery.ts";
import { anything, object, oneOf, parseJson, type Shape, text } from "../../lib/storage/json.ts";
import { writeWhole } from "../../lib/storage/whole_file.ts";
import type { Output } from "../command.ts";
import { CheckContext, type CheckedEngine, type Finding } from "./context.ts";
import { parts } from "./parts.ts";

/** Options of a check. */
export interface CheckOptions {
  readonly engine: CheckedEngine;
  /** A file that gets each finding as a line of JSON. */
  readonly json?: string;
  /** Only these parts; all if not given. */
  readonly only?: readonly string[];
  /** Most seconds of any process; each part's own limit if not given. */
  readonly limit?: number;
  /** Deno's arguments that run the command `engines`. */
  readonly command: readonly string[];
}

/** The start of a line that a part's process writes for each finding. */
const mark = "finding ";

const findingShape = object<Finding>({
  ...{ name: text, state: oneOf(["right", "wrong", "not run"]), text },
  numbers: anything as Shape<Finding["numbers"]>,
});

/** Runs one stage of a part in this process; findings go to standard output. */
export async function runPart(
  name: string,
  { engine, work, stage }: { readonly engine: CheckedEngine; readonly work: string; readonly stage: number },
): Promise<void> {
  const tell = (finding: Finding) => console.log(`${mark}${JSON.stringify({ numbers: {}, ...finding })}`);
  await parts[name]!.run(new CheckContext(engine, work, stage, tell));
}

/** A line of the table at the end. */
interface Row {
  readonly part: string;
  readonly state: "right" | "WRONG" | "not run";
  readonly seconds: number;
  readonly text: string;
}

/** Checks an engine and tells a table; returns whether all that was run is right. */
export async function checkEngine(options: CheckOptions, output: Output): Promise<boolean> {
  const { engine, only = Object.keys(parts) } = options;
  const names = Object.keys(parts).filter((name) => only.includes(name) || name === "open");
  if (options.json !== undefined) await writeWhole(options.json, [""]);
  const work = await mkdtemp(join(tmpdir(), "bertlab-check-"));
  const rows: Row[] = [];
  try {
    let env: Readonly<Record<string, string>> | undefined;
    for (const name of names) {
      if (name === "open") {
        for (const [way, settings] of await waysToOpen(engine)) {
          const row = await runStages("open", { ...options, work, env: settings, way }, output);
          rows.push(row);
          if (row.state === "right") env = settings;
          if (env) break;
        }
        continue;
      }
      rows.push(
        env
          ? await runStages(name, { ...options, work, env }, output)
          : { part: name, state: "not run", seconds: 0, text: "the engine does not open" },
      );
    }
    for (const line of tableOf(rows)) output.out(line);
    return rows.every(({ state }) => state !== "WRONG");
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Runs a part's processes one after the other; the first that fails ends it. */
async function runStages(
  name: string,
  { engine, json, limit, command, work, env, way }: CheckOptions & {
    readonly work: string;
    readonly env: Readonly<Record<string, string>>;
    readonly way?: string;
  },
  output: Output,
): Promise<Row> {
  const { title, stages = 1, seconds } = parts[name]!;
  const found: Finding[] = [];
  const keep = (line: object) => {
    if (json !== undefined) appendFileSync(json, `${JSON.stringify({ part: name, way, ...line })}\n`);
  };
  const take = (finding: Finding) => {
    found.push(finding);
    keep(finding);
    const { name: what, state, text } = finding;
    output.out(`${name}: ${what}: ${state === "right" ? "" : `${state.toUpperCase()}: `}${text}`);
  };
  let spent = 0;
  for (let stage = 1; stage <= stages; stage++) {
    const args = [
      "--check-part",
      name,
      "--check-stage",
      `${stage}`,
      "--check-work",
      work,
      "--engine",
      engine,
    ];
    const ended = await runLimited(Deno.execPath(), [...command, ...args], {
      seconds: limit ?? seconds,
      env,
      onLine(line) {
        if (!line.startsWith(mark)) return;
        take(parseJson(line.slice(mark.length), "a finding", findingShape));
      },
    });
    spent += ended.seconds;
    if (ended.ok) continue;
    const numbers = { log: ended.log };
    take({ name: `process ${stage}`, state: "wrong", text: ended.sentence, numbers });
    break;
  }
  keep({ name: "end", seconds: spent });
  const wrong = found.filter(({ state }) => state === "wrong");
  const run = found.filter(({ state }) => state !== "not run");
  const row = { part: way && way !== asItIs ? `${name}, ${way}` : name, seconds: spent };
  if (wrong.length > 0) {
    const { name, text } = wrong[0]!;
    return { ...row, state: "WRONG", text: `${wrong.length} of ${run.length}: ${name}: ${text}` };
  }
  if (run.length === 0) return { ...row, state: "not run", text: found[0]?.text ?? "nothing was found" };
  const short = found.length === 1 ? found[0]!.text : `${title}: ${run.length} right`;
  return { ...row, state: "right", text: short };
}

const asItIs = "as it is";

/**
 * Returns the ways to open an engine, each with variables of the environment: as it is, and for a GPU with the folders of
 * CUDA's libraries, with XLA's data folder, and last with all of the plugin's log, which says why nothing worked.
 */
async function waysToOpen(engine: CheckedEngine): Promise<[way: string, env: Record<string, string>][]> {
  const ways: [string, Record<string, string>][] = [[asItIs, {}]];
  if (engine !== "xla" || !hasNvidiaGpu()) return ways;
  const { LD_LIBRARY_PATH, XLA_FLAGS = "", CUDA_HOME, CUDA_PATH } = process.env;
  const folders: string[] = [];
  for (const { path } of (await findPlugins()).found) {
    const beside = join(dirname(path), "..", "..", "nvidia");
    for (const name of await readdir(beside).catch(() => [])) folders.push(join(beside, name, "lib"));
  }
  const libraries = { LD_LIBRARY_PATH: [...folders, ...LD_LIBRARY_PATH ? [LD_LIBRARY_PATH] : []].join(":") };
  if (folders.length > 0) ways.push(["with the folders of CUDA's libraries in LD_LIBRARY_PATH", libraries]);
  const cuda = [CUDA_HOME, CUDA_PATH, "/usr/local/cuda", "/opt/cuda"].find((folder) =>
    folder && statSync(join(folder, "nvvm", "libdevice"), { throwIfNoEntry: false })
  );
  if (cuda) {
    const flags = `${XLA_FLAGS} --xla_gpu_cuda_data_dir=${cuda}`.trim();
    ways.push([`with CUDA's data folder ${cuda} in XLA_FLAGS`, { ...libraries, XLA_FLAGS: flags }]);
  }
  ways.push(["with the plugin's whole log", { ...libraries, TF_CPP_MIN_LOG_LEVEL: "0" }]);
  return ways;
}

/** Returns the table as lines: part, state, seconds, text. */
function tableOf(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(({ part }) => part.length), 4);
  const line = (part: string, state: string, seconds: string, text: string) =>
    `${part.padEnd(width)}  ${state.padEnd(7)}  ${seconds.padStart(7)}  ${text}`.trimEnd();
  return [
    "",
    line("part", "state", "seconds", "found"),
    ...rows.map(({ part, state, seconds, text }) => line(part, state, seconds.toFixed(1), text)),
  ];
}
