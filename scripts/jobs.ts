/**
 * `deno task reproduce --jobs slurm|kubernetes FOLDER`: the runs as an array of tasks, one share each, and a task that
 * puts the tables together at the end. A task that is stopped goes on from its checkpoint when it is started again.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writeTogether } from "../lib/storage/whole_folder.ts";

/** Schedulers that jobs can be written for. */
export const schedulers = ["slurm", "kubernetes"] as const;

/** An array of tasks. */
export interface Jobs {
  readonly scheduler: typeof schedulers[number];
  /** Where the files are written, an absolute path. */
  readonly folder: string;
  /** N, the number of tasks. */
  readonly tasks: number;
  /** The program and its arguments that make all runs, without --shard. */
  readonly command: readonly string[];
}

/** Minutes of a task by default, seconds that it has to save itself, and what it asks for. */
const asked = { time: "12:00:00", grace: 300, cpus: 4, memory: 32 } as const;

/** Writes the files and returns the sentence that tells how to start them. */
export async function writeJobs(jobs: Jobs): Promise<string> {
  const { folder, scheduler } = jobs;
  await mkdir(join(folder, "logs"), { recursive: true });
  const files = scheduler === "slurm" ? slurmFiles(jobs) : kubernetesFiles(jobs);
  await writeTogether(folder, files, "submit.sh");
  await chmod(join(folder, "submit.sh"), 0o755);
  const start = `start all of it with ${quoted(join(folder, "submit.sh"))}`;
  return `Wrote ${
    Object.keys(files).join(", ")
  } into ${folder}; set what your cluster needs in them, then ${start}`;
}

/** Returns a word as the shell reads it. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

const line = (words: readonly string[]) => words.map(quoted).join(" ");

function slurmFiles({ folder, tasks, command }: Jobs): Record<string, string> {
  // Relative paths of the command, such as that of a model, begin where this one was called.
  const place = `#SBATCH --chdir=${quoted(Deno.cwd())}`;
  const log = (name: string) => `#SBATCH --output=${join(folder, "logs", name)}`;
  return {
    "shards.sbatch": `#!/bin/bash
#SBATCH --job-name=bertlab
#SBATCH --array=1-${tasks}
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=${asked.cpus}
#SBATCH --mem=${asked.memory}G
#SBATCH --time=${asked.time}
#SBATCH --signal=B:TERM@${asked.grace}
#SBATCH --requeue
#SBATCH --open-mode=append
${place}
${log("shard-%a.log")}
# Each task makes its share of the runs. One that is stopped, as its time is over or others need the node, saves itself
# at the end of its step and is put into the queue again; runs on record are not made again.
set -u
${line(command)} --shard "$SLURM_ARRAY_TASK_ID/${tasks}" &
child=$!
trap 'kill -TERM "$child"' TERM
code=0
wait "$child" || code=$?
while kill -0 "$child" 2>/dev/null; do # the signal has ended the wait, not yet the run
  code=0
  wait "$child" || code=$?
done
if [ "$code" -eq 143 ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
fi
exit "$code"
`,
    "merge.sbatch": `#!/bin/bash
#SBATCH --job-name=bertlab-merge
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=01:00:00
${place}
${log("merge.log")}
# Makes the tables of the runs that all tasks have put on record, and says what is missing.
exec ${line(command)} --merge
`,
    "submit.sh": `#!/bin/bash
# Puts the tasks into the queue, and the tables behind them.
set -eu
cd -- "$(dirname -- "$0")"
shards=$(sbatch --parsable shards.sbatch)
sbatch --dependency="afterany:\${shards%%;*}" merge.sbatch
`,
  };
}

/** The name of the volume's claim, and where it is in the container. */
const volume = { name: "bertlab-results", path: "/results" } as const;

/** Returns the Kubernetes jobs of the tasks and of the tables. */
export function kubernetesJobs({ tasks, command }: Pick<Jobs, "tasks" | "command">): [object, object] {
  const container = (script: string, limits: object) => ({
    name: "bertlab",
    image: "bertlab:latest",
    command: ["/bin/sh", "-c", script],
    resources: { limits },
    volumeMounts: [{ name: volume.name, mountPath: volume.path }],
  });
  const job = (name: string, spec: object, only: object) => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      ...spec,
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: asked.grace,
          containers: [only],
          volumes: [{ name: volume.name, persistentVolumeClaim: { claimName: volume.name } }],
        },
      },
    },
  });
  const share = `exec ${line(command)} --shard "$((JOB_COMPLETION_INDEX + 1))/${tasks}"`;
  const shards = {
    completionMode: "Indexed",
    completions: tasks,
    parallelism: tasks,
    backoffLimitPerIndex: 6,
  };
  return [
    job(
      "bertlab-shards",
      shards,
      container(share, { "nvidia.com/gpu": 1, cpu: asked.cpus, memory: `${asked.memory}Gi` }),
    ),
    job("bertlab-merge", { backoffLimit: 1 }, container(`exec ${line(command)} --merge`, { memory: "8Gi" })),
  ];
}

function kubernetesFiles(jobs: Jobs): Record<string, string> {
  const [shards, merge] = kubernetesJobs(jobs);
  return {
    "shards.yaml":
      `# One task for each share of the runs. A pod that is stopped saves itself; the one in its place goes on from there.
# The image comes from the project's Dockerfile; the claim ${volume.name} must be one that many nodes can write.
${yaml(shards)}
`,
    "merge.yaml": `# The tables of the runs that all tasks have put on record.
${yaml(merge)}
`,
    "submit.sh": `#!/bin/bash
# Starts the tasks, waits until all are done, and makes the tables.
set -eu
cd -- "$(dirname -- "$0")"
kubectl apply -f shards.yaml
until kubectl wait --for=condition=complete --timeout=60s job/bertlab-shards; do
  if kubectl wait --for=condition=failed --timeout=1s job/bertlab-shards; then break; fi
done
kubectl apply -f merge.yaml
kubectl wait --for=condition=complete --timeout=1h job/bertlab-merge
kubectl logs job/bertlab-merge
`,
  };
}

/** Writes a value as YAML; texts are quoted as in JSON, which YAML reads. */
function yaml(value: unknown, indent = ""): string {
  const inside = `${indent}  `;
  const field = (each: unknown) =>
    typeof each === "object" && each !== null ? `\n${yaml(each, inside)}` : ` ${JSON.stringify(each)}`;
  if (Array.isArray(value)) {
    return value.map((each) =>
      typeof each === "object"
        ? `${indent}- ${yaml(each, inside).trimStart()}`
        : `${indent}- ${JSON.stringify(each)}`
    ).join("\n");
  }
  return Object.entries(value as object).map(([name, each]) =>
    `${indent}${/^\w+$/.test(name) ? name : JSON.stringify(name)}:${field(each)}`
  ).join("\n");
}
