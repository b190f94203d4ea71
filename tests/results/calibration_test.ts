import assert from "node:assert/strict";
import { Random } from "../../lib/random.ts";
import { atTemperature, calibrate, fitTemperature, leastCalibrated } from "../../lib/results/calibration.ts";
import { argmax, measure } from "../../lib/results/metrics.ts";

const classes = 3;
const count = 4000;

/** Probabilities of a classifier, and classes that are drawn from them as they are at a temperature. */
function drawn(temperature: number): { probabilities: Float64Array; labels: number[] } {
  const random = new Random(7);
  const logits = Float64Array.from({ length: count * classes }, () => 3 * random.normal());
  const probabilities = atTemperature(logits.map(Math.exp), classes, 1);
  const truth = atTemperature(probabilities, classes, temperature);
  const labels = Array.from({ length: count }, (_, n) => {
    const draw = random.uniform();
    const [first, second] = [truth[n * classes]!, truth[n * classes + 1]!];
    return draw < first ? 0 : draw < first + second ? 1 : 2;
  });
  return { probabilities, labels };
}

Deno.test("probabilities at a temperature are softmax(logits / T), and the largest stays the largest", () => {
  const logits = [1, -2, 0.5, 30, 0, 29];
  const sums = [0, 3].map((start) =>
    logits.slice(start, start + 3).reduce((sum, logit) => sum + Math.exp(logit), 0)
  );
  const probabilities = logits.map((logit, i) => Math.exp(logit) / sums[Math.floor(i / 3)]!);
  const found = atTemperature(probabilities, 3, 2.5);
  const scaled = [0, 3].map((start) =>
    logits.slice(start, start + 3).reduce((sum, logit) => sum + Math.exp(logit / 2.5), 0)
  );
  logits.forEach((logit, i) => {
    assert.ok(Math.abs(found[i]! - Math.exp(logit / 2.5) / scaled[Math.floor(i / 3)]!) < 1e-12);
  });
  assert.deepEqual(argmax(found, 3), argmax(probabilities, 3));
  assert.deepEqual([...atTemperature([1, 0], 2, 1)].map((p) => Number(p.toFixed(6))), [1, 0]);
});

for (const temperature of [0.4, 1, 3]) {
  Deno.test(`a classifier that is right at temperature ${temperature} is given about that one`, () => {
    const { probabilities, labels } = drawn(temperature);
    const found = fitTemperature(probabilities, labels, classes);
    assert.ok(Math.abs(found / temperature - 1) < 0.06, `${found} instead of ${temperature}`);
    const lossAt = (at: number) => measure(atTemperature(probabilities, classes, at), labels, classes).loss;
    for (const other of [0.97, 1.03]) assert.ok(lossAt(found) < lossAt(found * other), "it is the minimum");
    const [before, after] = [probabilities, atTemperature(probabilities, classes, found)].map((all) =>
      measure(all, labels, classes)
    );
    assert.ok(after!.ece < 0.03 && after!.ece <= before!.ece + 0.005, `${before!.ece} → ${after!.ece}`);
    assert.equal(after!.errorRate, before!.errorRate);
  });
}

Deno.test("without a mistake, or with nothing but mistakes, the temperature stays within bounds", () => {
  assert.equal(fitTemperature([0.9, 0.1, 0.4, 0.6], [0, 1], 2), 1);
  assert.ok(Math.abs(fitTemperature([0.9, 0.1, 0.4, 0.6], [1, 0], 2) - 20) < 1e-6);
  assert.ok(fitTemperature([1, 0, 0, 1, 1, 0], [0, 1, 1], 2) > 1, "a probability of 0 is no infinity");
});

Deno.test("a temperature is fitted on enough texts only, and a reader is told why there is none or that it is a bound", () => {
  const { probabilities, labels } = drawn(2);
  const first = (count: number) =>
    calibrate(probabilities.subarray(0, count * classes), labels.slice(0, count), classes);
  assert.deepEqual(first(leastCalibrated - 1), {
    temperature: 1,
    note:
      `The probabilities are not calibrated, as there are only ${
        leastCalibrated - 1
      } texts to do it on: at least ` +
      `${leastCalibrated} are needed.`,
  });
  const enough = first(leastCalibrated);
  assert.equal(enough.note, "");
  assert.equal(
    enough.temperature,
    fitTemperature(
      probabilities.subarray(0, leastCalibrated * classes),
      labels.slice(0, leastCalibrated),
      classes,
    ),
  );
  const sure = Array.from({ length: leastCalibrated }, () => [0.9, 0.1]).flat();
  const all = (label: number) => Array<number>(leastCalibrated).fill(label);
  const right = calibrate(sure, all(0), 2);
  assert.equal(right.temperature, 1);
  assert.match(right.note, /are not calibrated, as there is no mistake among the \d+ texts/);
  const wrong = calibrate(sure, all(1), 2);
  assert.ok(Math.abs(wrong.temperature - 20) < 1e-6);
  assert.match(
    wrong.note,
    /^The temperature of calibration is the largest that is tried, 20: the probabilities tell/,
  );
  const mostlyRight = calibrate(Array.from({ length: 400 }, () => [0.51, 0.49]).flat(), [
    1,
    ...Array<number>(399).fill(0),
  ], 2);
  assert.match(mostlyRight.note, /the smallest that is tried, 1\/20/);
});
