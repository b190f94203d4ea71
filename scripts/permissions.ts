/** The permissions that the tasks of deno.json give to Deno, as a table with their reasons. */
import { InputError } from "../lib/errors.ts";
import { markdown } from "../lib/results/markdown.ts";

/** Tasks that have the same permissions, and the reason for these. */
const reasons: readonly (readonly [tasks: readonly string[], reason: string])[] = [
  [
    ["reproduce", "train", "predict", "evaluate", "pretrain", "engines", "bench"],
    "ONNX Runtime, TensorFlow and XLA's plugins are native libraries; models and data sets are downloaded; Deno fetches npm " +
    "packages and tries plugins in processes of its own, Python looks for plugins and fetches wheels, git tells the " +
    "commit",
  ],
  [
    ["train:offline", "predict:offline", "evaluate:offline"],
    "ONNX Runtime is a native library; models are folders or in the cache",
  ],
  [["report", "publish", "readme"], "files become other files"],
  [["export"], "files become other files; for a page Deno bundles its scripts in a process of its own"],
  [["serve"], "answers browsers on this machine"],
  [["campaign"], "starts the other commands, and kills them"],
  [["xla", "tensorflow"], "pip fetches the libraries, or Deno does from PyPI or what PIP_INDEX_URL names"],
  [
    ["pack"],
    "Deno makes one file of the commands; models, data sets and packages are fetched if they are not here",
  ],
  [["notebooks"], "Python runs the notebooks in the Deno kernel, which is bound by nothing"],
  [["pages"], "starts Chromium and speaks with it on this machine"],
  [["cells"], "starts Deno, to check the cells"],
  [["structure"], "files are read and nothing else"],
  [["docs"], "starts Deno, to read the documentation"],
  [["test"], "tests do all of that, on files of their own and on servers on this machine"],
];

const kinds = ["read", "write", "env", "sys", "ffi", "net", "run"] as const;

/** Most letters of a list that a cell shows. */
const longestList = 60;

/** Returns the lists of a task's permissions by kind, "all" for a whole kind; nothing for what it may not do. */
export function permissionsOf(task: string): Record<string, string> {
  const flags = task.split(" && ")[0]!.matchAll(/ --allow-(\w+)(?:=(\S+))?/g);
  return Object.fromEntries(
    Array.from(flags, ([, kind, list]) => [kind!, list?.replaceAll(",", ", ") ?? "all"]),
  );
}

/**
 * Returns the table of the tasks' permissions.
 *
 * @param tasks deno.json's
 * @throws InputError if a task has no reason, or other permissions than those that share its reason.
 */
export function permissionsTable(tasks: Readonly<Record<string, string>>): string {
  const withDeno = Object.keys(tasks).filter((name) => /\bdeno (run|test) /.test(tasks[name]!));
  const known = reasons.flatMap(([names]) => names);
  const wrong = withDeno.find((name) => !known.includes(name)) ??
    known.find((name) => !withDeno.includes(name));
  if (wrong) {
    throw new InputError(
      `Cannot tell the permissions of the task ${wrong}: expected it in deno.json and here`,
    );
  }
  const long = new Set<string>();
  const shown = (list = "–") => list.length > longestList ? (long.add(list), "listed below") : list;
  const rows = reasons.map(([names, reason]) => {
    const [first, ...others] = names.map((name) => permissionsOf(tasks[name]!));
    const other = others.findIndex((one) => JSON.stringify(one) !== JSON.stringify(first));
    if (other >= 0) {
      throw new InputError(
        `Cannot tell the permissions of the task ${names[other + 1]} as they are not those of ${names[0]}: ` +
          "give it a reason of its own",
      );
    }
    return [names.join(", "), ...kinds.map((kind) => shown(first![kind])), reason];
  });
  const lists = [...long].map((list) =>
    `The variables that are listed: ${list}. All others are as if not set.`
  );
  return [markdown(["tasks", ...kinds, "reason"], rows, kinds.length + 2), ...lists].join("\n\n");
}
