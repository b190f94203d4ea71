import assert from "node:assert/strict";
import { encodeDataset } from "../../lib/paper/reading.ts";
import type { RecipeRun } from "../../lib/classifier/recipe.ts";
import { trainingPage } from "../../lib/report/training_page.ts";
import { evaluationOf } from "../../lib/results/evaluation.ts";
import { measure } from "../../lib/results/metrics.ts";
import { surveyOf } from "../../lib/classifier/survey.ts";
import { exampleDataset, tinyModel } from "../helpers/example_model.ts";
import { tinySettings } from "../helpers/tiny_settings.ts";

const labels = ["<o>", "u & v"];
const text = `<script>alert("x")</script> ${"long ".repeat(200)}`;
const data = {
  ...exampleDataset({ count: 16 }),
  labels,
  test: [{ text, label: 0 }, { text: "b", label: 1 }],
};
const settings = tinySettings({ epochs: 2, schedule: "linear" });

async function pageOf(
  changes: Partial<RecipeRun> = {},
  errors?: Parameters<typeof trainingPage>[0]["errors"],
): Promise<string> {
  const model = await tinyModel(data);
  const epoch = (epoch: number) => ({
    epoch,
    trainLoss: 1 / epoch,
    dev: measure([0.9, 0.1], [0], 2),
    seconds: 1,
  });
  const run: RecipeRun = {
    tuned: {
      model,
      settings,
      parameters: {},
      epochs: [epoch(1), epoch(2)],
      bestEpoch: 2,
      pairs: false,
      steps: 2,
      trainSeconds: 2,
      notes: [],
    },
    survey: surveyOf(data, encodeDataset(data, model.tokenizer, settings)),
    temperature: 1.25,
    calibrationNote: "",
    ...changes,
  };
  return await trainingPage({
    name: "<data>",
    source: "train.csv",
    run,
    evaluations: [{
      split: "test",
      evaluation: evaluationOf({ labels, examples: data.test }, [0.2, 0.8, 0.4, 0.6]),
      calibrated: 0.0321,
    }],
    errors,
    settings: { epochs: 2, dev: undefined, train: "a&b.csv" },
    notes: ["A note with <b>."],
  });
}

Deno.test("the page of a training stands alone, and texts and names in it are only text", async () => {
  const page = await pageOf();
  assert.match(page, /^<!DOCTYPE html>/);
  assert.doesNotMatch(page, /<(script|link[^>]*rel="stylesheet"|img)\b|<b>|(src|href)="(?!data:,|#)[^"]/);
  assert.doesNotMatch(page, /\b(undefined|NaN|\[object)/);
  assert.ok(page.includes("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; long"));
  assert.ok(page.includes("&lt;data&gt;: 50.00 % error on the test texts") && page.includes("u &amp; v"));
  assert.ok(page.includes("a&amp;b.csv") && !page.includes('<th scope="row">dev<'));
  assert.match(page, /prefers-color-scheme: dark/);
  const mistake = /<th scope="row">(&lt;script.*?)<\/th>/.exec(page)![1]!;
  assert.ok(mistake.endsWith("…") && mistake.replaceAll(/&\w+;/g, "x").length === 300, `${mistake.length}`);
});

Deno.test("the curves are pictures in the page: by epoch, and by step of pre-training if there was any", async () => {
  const figures = (page: string) =>
    page.match(/<figure class="chart" role="img" aria-label="[\w-]+"><svg /g)?.length ?? 0;
  assert.equal(figures(await pageOf()), 1);
  const preTraining = {
    ...{ texts: 1, unlabelled: 0, nsp: false, sequences: 1, headSteps: 0, steps: 2, seconds: 1 },
    evaluations: [0, 2].map((step) => ({ step, mlmLoss: 3 - step, mlmAccuracy: 0.5 })),
  };
  const page = await pageOf({ preTraining });
  assert.equal(figures(page), 2);
  assert.match(page, /Masked words of the development texts/);
  assert.match(page, /0\.0321/);
});

Deno.test("errors worth reading have their words marked by the change, as text", async () => {
  const example = { text: "<b>no</b> film", label: 1 };
  const parts = [
    { of: "text" as const, start: 3, end: 5, text: "no", change: .4 },
    { of: "text" as const, start: 10, end: 14, text: "film", change: -.2 },
  ];
  const explanation = { label: labels[0]!, probability: .9, kind: "word" as const, parts };
  const page = await pageOf({}, [{ label: labels[1]!, example, explanation }]);
  assert.ok(page.includes("<h3><bdi>&lt;o&gt;</bdi> (90.0 %) in place of <bdi>u &amp; v</bdi></h3>"));
  // A box that scrolls is reached by the keyboard, and is printed whole.
  assert.equal(
    page.match(/<p class="whole" dir="auto" tabindex="0" role="region" aria-label="[^"]+">/g)?.length,
    1,
  );
  assert.match(page, /@media print \{.*\.whole \{\s*max-height: none;\s*overflow: visible;/s);
  assert.ok(page.includes(
    '&lt;b&gt;<mark class="for" style="--strength: 45%">no</mark>&lt;/b&gt; ' +
      '<mark class="against" style="--strength: 23%">film</mark>',
  ));
  assert.ok(!(await pageOf()).includes("Errors worth reading"));
});
