import assert from "node:assert/strict";
import { experiments } from "../../experiments/all.ts";
import { claimsAt } from "../../experiments/claims.ts";
import { scaleNames, scaleRows } from "../../lib/runs/experiment.ts";
import { type Claim, judgeClaims, type Judgement } from "../../lib/results/claims.ts";
import { claimsMarkdown, countsOf, verdictText } from "../../lib/results/claims_text.ts";
import type { RunRecord } from "../../lib/results/records.ts";
import { exampleRuns } from "./example_runs.ts";
import { inFolder } from "../helpers/in_folder.ts";

/** A balanced test set of twenty. */
const expected = Array.from({ length: 20 }, (_, n) => n % 2);

const example: Claim = {
  name: "new beats old",
  section: "5.3, Table 9",
  sentence: "The new way is better than the old one.",
  experiment: "table9",
  better: "new",
  than: ["old"],
  columns: ["IMDb", "Sogou"],
  paper: -0.21,
  resolution: { unpaired: 0.3, paired: 0.2 },
};

/** Judges claims by cells "row column" of table9, given as wrong answers of seeds 1, 2, …; a column is a data set. */
async function judge(
  folder: string,
  claims: readonly Claim[],
  cells: Record<string, number[]>,
): Promise<Judgement[]> {
  const records = new Map<string, RunRecord[]>();
  for (const [place, wrongs] of Object.entries(cells)) {
    records.set(
      `table9 ${place}`,
      await exampleRuns(folder, { wrongs, expected, data: place.split(" ")[1] }),
    );
  }
  return await judgeClaims(claims, (...place) => records.get(place.join(" ")) ?? [], folder);
}

const differenceOf = ({ comparison }: Pick<Judgement["perColumn"][number], "comparison">) =>
  "missing" in comparison ? comparison.missing : Math.round(1e9 * comparison.difference) / 1e9;

Deno.test("a claim is confirmed or contradicted by the average over its columns", () =>
  inFolder(async (folder) => {
    const opposite = { ...example, better: "old", than: ["new"] };
    const [yes, no] = await judge(folder, [example, opposite], {
      "new IMDb": [1, 2, 2],
      "old IMDb": [15, 16, 15],
      "new Sogou": [2, 2, 3],
      "old Sogou": [8, 8, 9],
    });
    assert.deepEqual([yes!.verdict, no!.verdict], ["confirmed", "contradicted"]);
    assert.equal(differenceOf(yes!), -0.491666667);
    assert.deepEqual(
      yes!.perColumn.map((part) => [part.column, differenceOf(part)]),
      [["IMDb", -0.683333333], ["Sogou", -0.3]],
    );
  }));

Deno.test("columns without all the rows are left out, and a claim without any has no data", () =>
  inFolder(async (folder) => {
    const two = { ...example, than: ["old", "older"] };
    const [mean, none] = await judge(folder, [two, { ...two, columns: ["Sogou"] }], {
      "new IMDb": [1, 2],
      "old IMDb": [10, 11],
      "older IMDb": [14, 15],
      "new Sogou": [1, 2],
      "old Sogou": [1, 2],
    });
    assert.equal(differenceOf(mean!), -0.55);
    assert.deepEqual(mean!.perColumn.map(({ column }) => column), ["IMDb"]);
    assert.deepEqual([none!.verdict, differenceOf(none!)], ["no data", "no runs"]);
  }));

Deno.test("the paper's difference is that over the columns that have runs", () =>
  inFolder(async (folder) => {
    const over = (columns: readonly string[]) => ({
      paper: columns.join() === "IMDb" ? -50 : 0,
      resolution: { unpaired: columns.length, paired: 0 },
    });
    const cells = { "new IMDb": [5, 6, 5, 6], "old IMDb": [6, 5, 6, 5] };
    const [part, none] = await judge(
      folder,
      [{ ...example, over }, { ...example, over, better: "newer" }],
      cells,
    );
    assert.equal(verdictText(part!), "smaller than 50.00 points");
    assert.deepEqual([part!.claim.resolution.unpaired, none!.claim.paper], [1, example.paper]);
    const both = { ...cells, "new Sogou": [5, 6, 5, 6], "old Sogou": [6, 5, 6, 5] };
    const [whole] = await judge(folder, [{ ...example, over }], both);
    assert.equal(whole!.claim.paper, example.paper);
  }));

Deno.test("a gain that shrinks from the first to the last column confirms an interaction", () =>
  inFolder(async (folder) => {
    const claim = { ...example, columns: ["10", "100", "1000"], interaction: true };
    const cells = {
      "new 10": [3, 3, 4],
      "old 10": [15, 16, 16],
      "new 100": [3, 3, 3],
      "old 100": [3, 3, 3],
      "new 1000": [2, 1, 2],
      "old 1000": [3, 3, 3],
    };
    const [most, least] = await judge(folder, [claim, { ...claim, columns: ["1000", "10"] }], cells);
    assert.equal(differenceOf(most!), -0.55); // (10 − 47) / 60 − (5 − 9) / 60
    assert.deepEqual([most!.verdict, least!.verdict], ["confirmed", "contradicted"]);
    const [unfinished] = await judge(folder, [{ ...claim, columns: ["10", "1000", "10000"] }], cells);
    assert.equal(unfinished!.verdict, "no data", "the last column has no runs");
  }));

Deno.test("a row that is better than chance contradicts that it fails", () =>
  inFolder(async (folder) => {
    const claim = { ...example, columns: ["IMDb"], noBetterThanChance: true };
    const good = { "new IMDb": [0, 1, 0] };
    const [fails] = await judge(folder, [claim], { ...good, "old IMDb": [10, 10, 10] });
    const [learns] = await judge(folder, [claim], { ...good, "old IMDb": [2, 2, 2] });
    assert.deepEqual([fails, learns].map((one) => verdictText(one!)), [
      "confirmed",
      "contradicted (better than chance)",
    ]);
  }));

Deno.test("p is adjusted for all claims, also those that have no runs yet", () =>
  inFolder(async (folder) => {
    const cells = { "new IMDb": [4, 4, 5], "old IMDb": [8, 9, 9] };
    const unmade = { ...example, than: ["newest"] };
    const [alone] = await judge(folder, [example], cells);
    const [among, none] = await judge(folder, [example, ...Array(10).fill(unmade)], cells);
    assert.deepEqual([alone!.verdict, among!.verdict, none!.verdict], [
      "confirmed",
      "not distinguishable",
      "no data",
    ]);
  }));

Deno.test("the report shows verdicts, differences and what there is no data for", () =>
  inFolder(async (folder) => {
    const judgements = await judge(folder, [
      example,
      { ...example, name: "new beats older", than: ["older"], noBetterThanChance: true },
      { ...example, name: "none", columns: ["TREC"] },
    ], {
      "new IMDb": [1, 1, 2],
      "old IMDb": [19, 20, 19],
      "older IMDb": [10],
    });
    const text = claimsMarkdown(judgements).replaceAll(/ +/g, " ");
    const lines = text.split("\n");
    assert.equal(
      lines[0],
      "| claim | section | verdict | paper | would see | ours | p (examples) | p (seeds) | p (Holm) | p (smaller) | " +
        "seeds | columns |",
    );
    assert.match(
      lines[2]!,
      /^\| new beats old \| 5\.3, Table 9 \| confirmed \| −0\.21 \| [\d.]+ \| −90\.00 \[−[\d.]+, −[\d.]+\] \| < \.001 \| .* \| 3 \| 1 of 2 \|$/,
    );
    assert.match(
      lines[3]!,
      /\| confirmed \(one seed\) \| −0\.21 \| [\d.]+ \| −45\.00 \[.*\] \| .+ \| – \| .+ \| 1\.000 \| 1 \| 1 of 2 \|$/,
    );
    assert.equal(lines[4], "| none | 5.3, Table 9 | no data | −0.21 | – | no runs | | | | | | |");
    assert.match(
      text,
      /Ours, in 1 of 2 columns: IMDb −45\.00 \[.*\]\. Against chance: \+0\.00 \[.*\], p \(examples\) 1\.000\.$/m,
    );
    assert.match(text, /^- \*\*none\*\* \(5\.3, Table 9\): The new way is better than the old one\.$/m);
  }));

Deno.test("a difference that is shown to be smaller than the paper's is smaller, another is not distinguishable", () =>
  inFolder(async (folder) => {
    const claim = { ...example, columns: ["IMDb"] };
    const cells = { "new IMDb": [5, 6, 5, 6], "old IMDb": [6, 5, 6, 5] };
    const [large, small] = [{ ...claim, paper: -40 }, { ...claim, paper: -2 }];
    const [smaller, unknown] = await judge(folder, [large, small], cells);
    assert.equal(verdictText(smaller!), "smaller than 40.00 points");
    const { comparison } = unknown!;
    const seen = "missing" in comparison ? assert.fail() : (100 * comparison.detectable).toFixed(2);
    assert.equal(verdictText(unknown!), `not distinguishable (would have seen ${seen})`);
    assert.ok(Number(seen) > 2, "more than the paper's difference");
    assert.equal(
      countsOf([smaller!, unknown!]),
      "Of 2 claims, 1 smaller than in the paper, 1 not distinguishable from chance. These runs would find differences " +
        "of the paper's own size, four times in five, for 1 of them.",
    );
    const [one] = await judge(folder, [small], { "new IMDb": [5], "old IMDb": [6] });
    assert.match(verdictText(one!), /^not distinguishable \(would have seen [\d.]+, one seed\)$/);
    const near = { ...claim, paper: -10 };
    const [alone] = await judge(folder, [near], cells);
    const [among] = await judge(folder, [near, ...Array(20).fill(small)], cells);
    assert.deepEqual(
      [alone!.verdict, among!.verdict],
      ["smaller", "not distinguishable"],
      "adjusted for all",
    );
  }));

Deno.test("the paper's own numbers speak for each of its claims, and names are unique", () => {
  const claims = claimsAt("paper");
  for (const { name, paper } of claims) assert.ok(paper < 0, `${name}: ${paper}`);
  assert.equal(new Set(claims.map(({ name }) => name)).size, claims.length);
  const difference = (name: string) => claims.find((claim) => claim.name === name)!.paper.toFixed(4);
  assert.equal(difference("head+tail beats the hierarchical methods"), "-0.2483"); // 5.42 − 5.697 and 2.43 − 2.65
  assert.equal(difference("multi-task helps"), "-0.0525");
  assert.equal(difference("pre-training helps most with few examples"), (-8.03 + 1.05).toFixed(4));
});

Deno.test("claims name rows and columns that the experiments have at each scale", () => {
  for (const scale of scaleNames) {
    for (const { name, experiment, better, than, columns } of claimsAt(scale)) {
      const found = experiments.find((other) => other.name === experiment) ?? assert.fail(experiment);
      const rows = scaleRows(found, found.scales[scale]!);
      for (const row of [better, ...than]) assert.ok(rows.includes(row), `${name}, ${scale}: ${row}`);
      assert.ok(columns.length > 0 && columns.every((column) => found.scales[scale]!.columns[column]), name);
    }
  }
  for (const claim of claimsAt("paper").filter(({ columns }) => columns.includes("IMDb"))) {
    const onImdb = claimsAt("imdb").find(({ name }) => name === claim.name);
    if (onImdb) {
      assert.deepEqual(claim.over!(["IMDb"]), { paper: onImdb.paper, resolution: onImdb.resolution });
    }
  }
  const onImdb = claimsAt("imdb");
  assert.ok(onImdb.length < claimsAt("paper").length, "Table 7 needs four data sets");
  const { columns, paper } = onImdb.find(({ name }) => name === "pre-training on the task's texts helps")!;
  assert.deepEqual([columns, paper.toFixed(2)], [["IMDb"], "-1.03"]); // 4.37 − 5.40
});
