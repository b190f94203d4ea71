import assert from "node:assert/strict";
import { LiveCurve } from "../../lib/notebook/live.ts";

/** Returns a curve, with a list of the messages that it sends to the notebook. */
function curveWithMessages(label: string, pause?: number) {
  // deno-lint-ignore no-explicit-any -- messages of Jupyter's protocol
  const messages: { type: string; content: any }[] = [];
  const curve = new LiveCurve(label, (type, content) => {
    messages.push({ type, content });
    return Promise.resolve();
  }, pause);
  return { curve, messages };
}

/** The points of the drawn line. */
const points = (svg: string) => /points="([^"]*)"/.exec(svg)![1]!.split(" ");

Deno.test("a curve is one display that changes, and tells the time left", async () => {
  const { curve, messages } = curveWithMessages("head-only", 0);
  for (let step = 1; step <= 2; step++) curve.step({ step, steps: 8, loss: 1 / step });
  await curve.end();
  const update = "update_display_data";
  assert.deepEqual(messages.map(({ type }) => type), ["display_data", update, update]);
  const [first, second, last] = messages.map(({ content }) => content);
  assert.equal(last.transient.display_id, first.transient.display_id);
  assert.equal(first.data["text/plain"], "head-only: 1/8 steps, loss 1.000");
  assert.match(second.data["text/plain"], /^head-only: 2\/8 steps, .* steps\/s, .* left, loss 0\.500$/);
  assert.equal(points(first.data["image/svg+xml"]).length, 1);
});

Deno.test("what remains of a curve has all steps, and nothing that differs from run to run", async () => {
  const { curve, messages } = curveWithMessages("a < b");
  for (let step = 1; step <= 4; step++) curve.step({ step, steps: 4, loss: 1 / step });
  await curve.end();
  const { data } = messages.at(-1)!.content;
  assert.equal(data["text/plain"], "a < b: 4 steps, loss 0.250 at the end");
  const svg = data["image/svg+xml"];
  assert.match(svg, /^<svg style="[^"]*" xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<\/svg>$/);
  for (const text of ["a &lt; b: 4 steps, loss 0.250 at the end", "1.00", "0.25"]) {
    assert.ok(svg.includes(`>${text}<`), text);
  }
  const drawn = points(svg).map((point) => point.split(",").map(Number) as [number, number]);
  assert.equal(drawn.length, 4);
  assert.ok(drawn.every(([x, y], n) => n === 0 || (x > drawn[n - 1]![0] && y > drawn[n - 1]![1])), svg);
});

Deno.test("another training begins another curve in the same display", async () => {
  const { curve, messages } = curveWithMessages("pre-training");
  for (let step = 1; step <= 5; step++) curve.step({ step, steps: 5, loss: 9 });
  curve.next("fine-tuning");
  for (let step = 1; step <= 3; step++) curve.step({ step, steps: 3 });
  await curve.end();
  const { data } = messages.at(-1)!.content;
  assert.equal(data["text/plain"], "fine-tuning: 3 steps");
  assert.ok(!data["image/svg+xml"].includes("9.00"));
  assert.equal(new Set(messages.map(({ content }) => content.transient.display_id)).size, 1);
});

Deno.test("a long training is drawn with fewer points", async () => {
  const { curve, messages } = curveWithMessages("long");
  for (let step = 1; step <= 3000; step++) curve.step({ step, steps: 3000, loss: step });
  await curve.end();
  const drawn = points(messages.at(-1)!.content.data["image/svg+xml"]);
  assert.ok(drawn.length > 100 && drawn.length <= 400, `${drawn.length} points`);
});

Deno.test("where nothing was trained nothing is shown", async () => {
  const { curve, messages } = curveWithMessages("none");
  await curve.end();
  assert.deepEqual(messages, []);
});
