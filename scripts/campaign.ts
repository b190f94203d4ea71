/**
 * `deno task campaign`: kills each command at random moments, also over an older output, goes on as a person would, and
 * compares what is there in the end with a run that was never killed.
 */
import { Command } from "commander";
import { cp, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import configuration from "../deno.json" with { type: "json" };
import { InputError } from "../lib/errors.ts";
import { Random } from "../lib/random.ts";
import { markdown } from "../lib/results/markdown.ts";
import { contentsOf, makeWorks, preparations, type Work } from "./campaign_works.ts";
import { type Output, runMain, standardOutput } from "./command.ts";
import { wholeNumber } from "./options.ts";

interface CampaignOptions {
  readonly kills: number;
  readonly seconds: number;
  readonly seed: number;
}

/** What came of the kills of a command. */
interface Tally {
  kills: number;
  /** Ends of which something is missing or other than that of a run that was never killed. */
  lost: number;
  /** Outputs after a kill that can be read, and are neither the old one nor the new one. */
  torn: number;
  /** Temporary files, locks and checkpoints that are there in the end. */
  left: number;
}

/** The command, not yet run. */
export function campaignCommand(output: Output): Command {
  return new Command("campaign")
    .description(
      "Kills train, pretrain, reproduce, predict, evaluate, export, report and publish at random moments on tiny texts, " +
        "goes on, and counts what is lost, torn or left.",
    )
    .option("--kills <N>", "kills at most", wholeNumber("--kills", 1), 100_000)
    .option("--seconds <S>", "time at most, after which no run is started", wholeNumber("--seconds", 1), 600)
    .option("--seed <N>", "key of the moments", wholeNumber("--seed", 0), 1)
    .action((options: CampaignOptions) => campaign(options, output));
}

async function campaign({ kills, seconds, seed }: CampaignOptions, output: Output): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bertlab-campaign-"));
  try {
    const { works, environment } = await makeWorks(folder);
    for (const { work, output: name, more } of preparations) {
      const { task, args } = works.find(({ name }) => name === work)!;
      await whole(task, [...args, ...more], join(folder, name), environment);
    }
    const runs: Killing[] = [];
    for (const [place, work] of works.entries()) {
      runs.push(await Killing.prepare(work, folder, environment, new Random(seed * 100 + place)));
      output.error(`${work.name}: takes ${Math.round(runs.at(-1)!.milliseconds)} ms`);
    }
    const end = performance.now() + 1000 * seconds;
    const killed = () => runs.reduce((sum, { tally }) => sum + tally.kills, 0);
    while (killed() < kills && performance.now() < end) {
      const run = runs.reduce((least, one) => one.rounds < least.rounds ? one : least);
      const { tally, problems } = await run.round(kills - killed());
      for (const problem of problems) output.error(`${run.work.name}: ${problem}`);
      const { kills: own, lost, torn, left } = tally;
      output.error(
        `${run.work.name}: ${own} kills, ${lost} lost, ${torn} torn, ${left} left; ${killed()} in all`,
      );
    }
    const lines = runs.map(({ work, tally }) => [work.name, ...Object.values(tally).map(String)]);
    const sums = runs.reduce((sums, { tally }) => sums.map((sum, n) => sum + Object.values(tally)[n]!), [
      0,
      0,
      0,
      0,
    ]);
    output.out(
      markdown(["command", "kills", "lost", "torn", "left"], [...lines, ["all", ...sums.map(String)]]),
    );
    if (sums.slice(1).some((sum) => sum > 0)) {
      throw new InputError(
        `Of ${sums[0]} kills some did harm: the table says to what, the lines above it say how`,
      );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The kills of one command. */
class Killing {
  readonly tally: Tally = { kills: 0, lost: 0, torn: 0, left: 0 };
  rounds = 0;

  private constructor(
    readonly work: Work,
    readonly place: string,
    readonly environment: Record<string, string>,
    readonly random: Random,
    /** Time of a run that is not killed. */
    readonly milliseconds: number,
    readonly expected: ReadonlyMap<string, string>,
    /** After it ran over an older output. */
    readonly over: ReadonlyMap<string, string>,
    readonly older: ReadonlyMap<string, string>,
  ) {}

  /** Makes what the command comes to when it is not killed, alone and over an older output. */
  static async prepare(work: Work, folder: string, environment: Record<string, string>, random: Random) {
    const place = join(folder, `work-${work.name}`);
    const [output, older] = [join(place, "output"), join(place, "older")];
    await mkdir(place);
    const own = { ...environment, BERTLAB_CACHE: join(place, "cache") };
    const begin = performance.now();
    await whole(work.task, work.args, output, own);
    const milliseconds = performance.now() - begin;
    const expected = await contentsOf(output);
    await rm(output, { recursive: true });
    if (!work.older) {
      return new Killing(work, place, environment, random, milliseconds, expected, expected, expected);
    }
    await whole(work.task, work.older, output, own);
    await cp(output, older, { recursive: true });
    const old = await contentsOf(output);
    await whole(work.task, [...work.args, ...work.overwrite ? [work.overwrite] : []], output, own);
    const over = await contentsOf(output);
    return new Killing(work, place, environment, random, milliseconds, expected, over, old);
  }

  /** Kills a run up to three times, goes on to its end, and looks at what is there. */
  async round(kills: number): Promise<{ tally: Tally; problems: string[] }> {
    const { work, place, random, tally } = this;
    const problems: string[] = [];
    const output = join(place, "output");
    const cache = join(place, "cache-killed");
    for (const path of [output, cache]) await rm(path, { recursive: true, force: true });
    const isOver = work.older !== undefined && this.rounds++ % 2 === 1;
    if (work.older === undefined) this.rounds++;
    if (isOver) await cp(join(place, "older"), output, { recursive: true });
    const environment = { ...this.environment, BERTLAB_CACHE: cache };
    const expected = isOver ? this.over : this.expected;
    let more = isOver && work.overwrite ? [work.overwrite] : [];
    for (let left = Math.min(kills, 1 + random.below(3)); left > 0; left--) {
      const child = start(work.task, [...work.args, ...more], output, environment);
      const ended = child.output();
      const moment = random.below(2) === 0
        ? sleep(random.uniform() * this.milliseconds)
        : this.#write(output, cache);
      const first = await Promise.race([ended, moment]);
      if (first) break; // it had ended before
      if (!kill(child)) break;
      await ended;
      tally.kills++;
      const torn = await this.#torn(output, expected, isOver);
      if (torn) tally.torn++, problems.push(`torn: ${torn}`);
      if (work.goOn) more = [...new Set([...more, work.goOn])];
    }
    const { code, error } = await finish(work.task, [...work.args, ...more], output, environment);
    // A person does what the sentence says.
    const said = code !== 0 && work.overwrite && /give --overwrite/.test(error)
      ? [work.overwrite]
      : undefined;
    const last = said
      ? await finish(work.task, [...work.args, ...more, ...said], output, environment)
      : { code, error };
    const found = await contentsOf(output);
    const isLost = last.code !== 0 || [...expected].some(([name, content]) => found.get(name) !== content);
    const names = [...expected.keys()].filter((name) => found.get(name) !== expected.get(name)).slice(0, 5);
    if (isLost) {
      tally.lost++, problems.push(`lost: exit code ${last.code}, ${names} differ; ${last.error.slice(-500)}`);
    }
    const left = [...found.keys()].filter((name) => !expected.has(name)).concat(
      await leftIn(cache),
      await leftIn(place),
    );
    tally.left += left.length;
    if (left.length > 0) problems.push(`left: ${left.slice(0, 5).join(", ")}`);
    return { tally, problems };
  }

  /** Waits for a moment at which something is being written. */
  async #write(output: string, cache: string): Promise<void> {
    const end = performance.now() + this.milliseconds;
    let skip = this.random.below(6);
    const places = [output, dirname(output), join(output, "versions"), join(output, "checkpoints"), cache];
    for (let seen = ""; performance.now() < end;) {
      const names = (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat();
      const now = names.filter((name) => name.endsWith(".tmp")).join();
      if (now !== "" && now !== seen && skip-- === 0) break;
      seen = now;
      await sleep(0);
    }
    await sleep(this.random.below(4));
  }

  /** What of an output that can be read is neither as in the old one nor as in the new one. */
  async #torn(
    output: string,
    expected: ReadonlyMap<string, string>,
    isOver: boolean,
  ): Promise<string | undefined> {
    const { key, name } = this.work;
    const found = await contentsOf(output);
    if (!found.has(key) || name === "reproduce") return undefined; // its records are compared in the end
    if (name === "publish") return await tornSite(found);
    const differ = (whole: ReadonlyMap<string, string>) =>
      [...whole.keys()].filter((name) => found.get(name) !== whole.get(name));
    const [asNew, asOld] = [differ(expected), isOver ? differ(this.older) : undefined];
    return asNew.length === 0 || asOld?.length === 0
      ? undefined
      : `${asNew} not new, ${asOld ?? "nothing"} not old`;
  }
}

/** What of a site leads nowhere. */
function tornSite(found: ReadonlyMap<string, string>): Promise<string | undefined> {
  for (const [page, text] of found) {
    if (/\.tmp\b/.test(page) || !page.endsWith("index.html")) continue;
    for (const [, link] of text.matchAll(/href="([^":#]+)"/g)) {
      const target = join(dirname(page), link!);
      if (!found.has(target)) return Promise.resolve(`${page} leads to ${target}, which is not there`);
    }
  }
  return Promise.resolve(undefined);
}

/** Temporary files and locks in a folder that is not the output. */
async function leftIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names.filter((name) =>
    /\.tmp(\.lock)?$|checkpoint-\d+|^runs.*\.lock$/.test(name) && !/^(output|older)\//.test(name)
  );
}

/** Kills a process, unless it has ended meanwhile. */
function kill(child: Deno.ChildProcess): boolean {
  try {
    child.kill("SIGKILL");
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Starts a task. */
function start(task: string, args: readonly string[], output: string, env: Record<string, string>) {
  const command = configuration.tasks[task as keyof typeof configuration.tasks].split(" ").slice(2);
  return new Deno.Command(Deno.execPath(), {
    args: [...command, ...args.map((arg) => arg === "OUT" ? output : arg)],
    cwd: join(import.meta.dirname!, ".."),
    env: { ...env, DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
}

async function finish(...args: Parameters<typeof start>): Promise<{ code: number; error: string }> {
  const { code, stderr } = await start(...args).output();
  return { code, error: new TextDecoder().decode(stderr) };
}

/** Runs a task to its end. @throws Error if it fails. */
async function whole(...args: Parameters<typeof start>): Promise<void> {
  const { code, error } = await finish(...args);
  if (code !== 0) throw new Error(`${args[0]} into ${basename(args[2])} failed: ${error}`);
}

if (import.meta.main) await runMain(campaignCommand(standardOutput));
