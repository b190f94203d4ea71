/** Jobs for clusters: what the files say, as shellcheck and Kubernetes' schema read them, and what they do when run. */
import { memoryVariable } from "../../lib/engine/xla/memory_fraction.ts";
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import * as v from "valibot";
import type { RunCell } from "../../lib/runs/run_experiment.ts";
import { kubernetesJobs, writeJobs } from "../../scripts/jobs.ts";
import { ownParts, reproduceCommand } from "../../scripts/reproduce.ts";
import { cutting } from "../helpers/example_experiment.ts";
import { inFolder } from "../helpers/in_folder.ts";
import { madeUpRun } from "../helpers/made_up_run.ts";
import { runInTest } from "../helpers/run_command.ts";

const command = ["/opt/a tool", "reproduce", "it's", "--set", 'model="x y"'];

const run = async (program: string, args: string[], options: Deno.CommandOptions = {}) => {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, out: text(stdout), error: text(stderr) };
};

/** Shellcheck of the system, or beside the Python of BERTLAB_PYTHON; says what is skipped where there is none. */
async function shellcheck(): Promise<string | undefined> {
  const beside = process.env.BERTLAB_PYTHON && join(dirname(process.env.BERTLAB_PYTHON), "shellcheck");
  for (const place of [...beside ? [beside] : [], "shellcheck"]) {
    if (await run(place, ["--version"]).then(({ code }) => code === 0, () => false)) return place;
  }
  console.warn("SKIPPED: shellcheck of the scripts: there is none in PATH or beside BERTLAB_PYTHON");
  return undefined;
}

Deno.test("shell scripts have no findings of shellcheck", () =>
  inFolder(async (folder) => {
    const checker = await shellcheck();
    if (!checker) return;
    await writeJobs({ scheduler: "slurm", folder: join(folder, "slurm"), tasks: 4, command });
    await writeJobs({ scheduler: "kubernetes", folder: join(folder, "kubernetes"), tasks: 4, command });
    const scripts = [
      ...["shards.sbatch", "merge.sbatch", "submit.sh"].map((name) => join(folder, "slurm", name)),
      join(folder, "kubernetes", "submit.sh"),
      join(import.meta.dirname!, "../../scripts/pack/start.sh"),
    ];
    deepStrictEqual(await run(checker, scripts), { code: 0, out: "", error: "" });
    const shares = kubernetesJobs({ tasks: 4, command }) as { spec: v.InferOutput<typeof jobSpec> }[];
    for (const [i, { spec }] of shares.entries()) {
      const [, , script] = spec.template.spec.containers[0]!.command;
      const path = join(folder, `${i}.sh`);
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      deepStrictEqual(await run(checker, [path]), { code: 0, out: "", error: "" });
    }
  }));

/** Fields of a Job of batch/v1 that are used, from Kubernetes' reference; others are refused. */
const jobSpec = v.strictObject({
  completionMode: v.optional(v.picklist(["Indexed", "NonIndexed"])),
  completions: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  parallelism: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  backoffLimit: v.optional(v.pipe(v.number(), v.integer())),
  backoffLimitPerIndex: v.optional(v.pipe(v.number(), v.integer())),
  template: v.strictObject({
    spec: v.strictObject({
      restartPolicy: v.picklist(["Never", "OnFailure"]),
      terminationGracePeriodSeconds: v.number(),
      containers: v.array(v.strictObject({
        name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/)),
        image: v.string(),
        command: v.array(v.string()),
        resources: v.strictObject({ limits: v.record(v.string(), v.union([v.string(), v.number()])) }),
        volumeMounts: v.array(v.strictObject({ name: v.string(), mountPath: v.string() })),
      })),
      volumes: v.array(v.strictObject({
        name: v.string(),
        persistentVolumeClaim: v.strictObject({ claimName: v.string() }),
      })),
    }),
  }),
});
const jobShape = v.strictObject({
  apiVersion: v.literal("batch/v1"),
  kind: v.literal("Job"),
  metadata: v.strictObject({ name: v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,63}$/)) }),
  spec: jobSpec,
});

Deno.test("Kubernetes' jobs have the shape of batch/v1, as Python's validator reads the files, too", () =>
  inFolder(async (folder) => {
    for (const job of kubernetesJobs({ tasks: 4, command })) v.parse(jobShape, job);
    await writeJobs({ scheduler: "kubernetes", folder, tasks: 4, command });
    const python = process.env.BERTLAB_PYTHON;
    const hasValidator = python && (await run(python, ["-c", "import kubernetes_validate"])).code === 0;
    if (!hasValidator) return console.warn("SKIPPED: kubernetes-validate: BERTLAB_PYTHON does not have it");
    const files = ["shards.yaml", "merge.yaml"].map((name) => join(folder, name));
    const { code, out, error } = await run(python, ["-m", "kubernetes_validate", "--strict", ...files]);
    strictEqual(code, 0, out + error);
  }));

Deno.test("a task of Slurm makes its share; one that is stopped ends by itself and is queued again", () =>
  inFolder(async (folder) => {
    // The tool notes its words and waits to be stopped, and scontrol notes what is queued again.
    const bin = join(folder, "bin");
    await Deno.mkdir(bin);
    const tool = join(bin, "tool");
    await writeFile(
      tool,
      `#!/bin/bash\nprintf '%s\\n' "$@" > ${folder}/words\n` +
        `trap 'sleep 0.2; echo saved > ${folder}/saved; exit 143' TERM\n` +
        `if [ "$1" = wait ]; then for _ in $(seq 100); do sleep 0.1; done; fi\n`,
      { mode: 0o755 },
    );
    await writeFile(join(bin, "scontrol"), `#!/bin/bash\necho "$@" > ${folder}/queued\n`, { mode: 0o755 });
    const env = {
      PATH: `${bin}:${process.env.PATH}`,
      SLURM_ARRAY_TASK_ID: "3",
      SLURM_ARRAY_JOB_ID: "77",
      SLURM_JOB_ID: "80",
    };
    const start = async (word: string) => {
      await writeJobs({ scheduler: "slurm", folder, tasks: 4, command: [tool, word, "it's"] });
      const args = [join(folder, "shards.sbatch")];
      return new Deno.Command("bash", { args, env, stdout: "null", stderr: "inherit" }).spawn();
    };
    strictEqual((await (await start("go")).status).code, 0);
    strictEqual(await readFile(join(folder, "words"), "utf8"), "go\nit's\n--shard\n3/4\n");
    const merge = await run("bash", [join(folder, "merge.sbatch")], { env });
    deepStrictEqual([merge.code, await readFile(join(folder, "words"), "utf8")], [
      0,
      "go\nit's\n--merge\n",
    ]);
    const child = await start("wait");
    while (!(await readFile(join(folder, "words"), "utf8")).startsWith("wait")) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill("SIGTERM");
    strictEqual((await child.status).code, 143);
    strictEqual(await readFile(join(folder, "saved"), "utf8"), "saved\n", "it had the time to save itself");
    strictEqual(await readFile(join(folder, "queued"), "utf8"), "requeue 77_3\n");
  }));

const reproduce = (...args: string[]) => runInTest((output) => reproduceCommand(ownParts(output)), ...args);

Deno.test("reproduce writes its own call, the engine named, one task a run up to sixteen", () =>
  inFolder(async (folder) => {
    const jobs = join(folder, "jobs");
    const asked = ["table2", "--scale", "paper", "--results", join(folder, "runs"), "--precision", "bf16"];
    const { code, out } = await reproduce(...asked, "--set", "epochs=2", "--jobs", "slurm", jobs);
    deepStrictEqual(code, 0);
    match(
      out,
      /^Wrote shards\.sbatch, merge\.sbatch, submit\.sh into .*jobs; set what your cluster needs in them/,
    );
    deepStrictEqual((await readdir(jobs)).sort(), ["logs", "merge.sbatch", "shards.sbatch", "submit.sh"]);
    const shards = await readFile(join(jobs, "shards.sbatch"), "utf8");
    match(shards, /#SBATCH --array=1-12\n/);
    match(
      shards,
      / table2 --scale paper --seeds 1 --protocol clean --engine xla --precision bf16 .*--set epochs=2 /,
    );
    // Slurm starts a task where the command was called, not where submit.sh goes: a model may be a relative path.
    for (const name of ["shards.sbatch", "merge.sbatch"]) {
      ok((await readFile(join(jobs, name), "utf8")).includes(`\n#SBATCH --chdir=${Deno.cwd()}\n`), name);
    }
    ok((await stat(join(jobs, "submit.sh"))).mode & 0o100);
    await reproduce(...asked, "--memory-fraction", ".9", "--tasks", "5", "--jobs", "kubernetes", jobs);
    delete process.env[memoryVariable]; // the option sets it for this process
    match(
      await readFile(join(jobs, "shards.yaml"), "utf8"),
      /"exec deno task --quiet reproduce table2 .*--memory-fraction 0\.9 .*\/5\\"" *$/m,
    );
    const pods = ["--jobs", "kubernetes", jobs];
    for (const given of [["--model", folder], ["--data-dir", folder]]) {
      match(
        (await reproduce("table2", ...given, ...pods)).error,
        /^Cannot use the folder .* as pods do not see it/,
      );
    }
    const onVolume = await reproduce("table2", "--model", "/results/a", "--data-dir", "/results/b", ...pods);
    strictEqual(onVolume.code, 0, onVolume.error);
    match(
      await readFile(join(jobs, "merge.yaml"), "utf8"),
      / --model \/results\/a --data-dir \/results\/b --merge"/,
    );
    delete process.env.BERTLAB_DATA; // the option sets it for this process
    const refused = await reproduce("table2", "--jobs", "lsf", jobs);
    deepStrictEqual(
      refused.error,
      `Cannot use --jobs lsf ${jobs}: expected slurm or kubernetes and one folder after it`,
    );
  }));

Deno.test("the Dockerfile builds from an image of NVIDIA's, with Deno's version and the install command of the pages", async () => {
  const root = join(import.meta.dirname!, "../..");
  const text = await readFile(join(root, "Dockerfile"), "utf8");
  const lines = text.replaceAll(/\\\n\s*/g, "").split("\n").filter((line) =>
    line !== "" && !line.startsWith("#")
  );
  const instructions = lines.map((line) => line.split(" ")[0]!);
  const known = ["FROM", "COPY", "RUN", "ENV", "WORKDIR", "ENTRYPOINT", "CMD"];
  deepStrictEqual(instructions.filter((word) => !known.includes(word)), []);
  deepStrictEqual(lines.filter((line) => line.startsWith("FROM ")).map((line) => line.split(":")[0]), [
    "FROM denoland/deno",
    "FROM nvidia/cuda",
  ]);
  const readme = await readFile(join(root, "README.md"), "utf8");
  const [, version, install] = /npx -y deno@([\d.]+) (task xla install cuda13)\b/.exec(readme)!;
  ok(
    text.includes(`denoland/deno:bin-${version}`) && lines.some((line) => line.endsWith(`deno ${install}`)),
    text,
  );
  for (const line of lines.filter((line) => /^(ENTRYPOINT|CMD) /.test(line))) {
    ok(Array.isArray(JSON.parse(line.slice(line.indexOf("[")))), line);
  }
  const checker = await shellcheck();
  const script = lines.filter((line) => line.startsWith("RUN ")).map((line) => line.slice(4)).join("\n");
  if (!checker) return;
  await inFolder(async (folder) => {
    await writeFile(join(folder, "run.sh"), `#!/bin/sh\n${script}\n`);
    deepStrictEqual(await run(checker, [join(folder, "run.sh")]), { code: 0, out: "", error: "" });
  });
});

Deno.test("shares that tasks have made are put together, and what is missing is told", () =>
  inFolder(async (folder) => {
    const runCell: RunCell = (configuration) => Promise.resolve(madeUpRun(configuration, 10, 1));
    const experiments = [cutting];
    const share = (...args: string[]) =>
      runInTest(
        (output) => reproduceCommand({ experiments, dataTables: [], runCell, output }),
        ...["cutting", "--results", folder, ...args],
      );
    strictEqual((await share("--shard", "1/2")).code, 0);
    const half = await share("--merge");
    deepStrictEqual([half.code, half.error.split("\n").at(-1)], [
      1,
      "Not on record: 2 runs of cutting; leave out --merge to make them",
    ]);
    match(half.error, /^cutting: 2 of 4 runs are not on record\n/);
    strictEqual((await share("--shard", "2/2")).code, 0);
    const whole = await share("--merge");
    strictEqual(whole.code, 0);
    deepStrictEqual(whole.out, (await share()).out, "the table of a call that makes what is missing");
  }));
