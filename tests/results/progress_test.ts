import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { duration, progressText, showProgress, Speed } from "../../lib/results/progress.ts";
import { withClock } from "../helpers/clock.ts";

function collector(isTTY: boolean) {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      written.push(String(chunk));
      done();
    },
  });
  const cursor = () => true;
  Object.assign(stream, { isTTY, columns: 120, cursorTo: cursor, clearLine: cursor, moveCursor: cursor });
  return { stream, text: () => written.join("") };
}

Deno.test("durations as people say them", () => {
  const said = [0.4, 8, 59.6, 200, 3599.4, 7500, 7200].map(duration);
  assert.deepEqual(said, ["0 s", "8 s", "1 min", "3 min 20 s", "59 min 59 s", "2 h 5 min", "2 h"]);
});

Deno.test("progress says how much, how fast and how long yet", () => {
  assert.equal(progressText(120, 400, "steps", 8), "120/400 steps, 8.0 steps/s, 35 s left");
  assert.equal(progressText(2e6, 8e6, "bytes", 5e5), "2.0/8.0 MB, 0.5 MB/s, 12 s left");
  assert.equal(progressText(2e6, 0, "bytes", 5e5), "2.0 MB, 0.5 MB/s");
  assert.equal(progressText(0, 400, "steps"), "0/400 steps");
});

Deno.test("the speed is that of the last minute, and not of what was done before the first sign", () => {
  let now = 100;
  const speed = new Speed(() => now);
  const after = (seconds: number, done: number) => {
    now += seconds;
    return speed.at(done);
  };
  assert.equal(after(30, 1800), undefined, "a run that goes on");
  assert.equal(after(10, 1820), 2);
  assert.equal(after(50, 1920), 2);
  for (let second = 1; second <= 60; second++) after(1, 1920 + second);
  assert.equal(after(1, 1981), 1, "slower since a minute");
});

Deno.test("in a pipe there is one line at the end", () =>
  withClock((clock) => {
    const { stream, text } = collector(false);
    const progress = showProgress("head-only", 3, "steps", { stream });
    for (let done = 1; done <= 3; done++) progress.update(done, "loss 0.5");
    progress.log("a note");
    clock.seconds = 7;
    progress.stop("error 12.0 %");
    progress.stop();
    assert.equal(text(), "a note\nhead-only: 3 steps in 7 s, error 12.0 %\n");
  }));

Deno.test("in a pipe a long task gives a sign now and then", () =>
  withClock((clock) => {
    const { stream, text } = collector(false);
    const progress = showProgress("head-only", 400, "steps", { stream, lineSeconds: 10 });
    for (const done of [97, 98, 99, 100]) {
      progress.update(done, "loss 0.5");
      clock.seconds += 5;
    }
    progress.stop();
    assert.equal(
      text(),
      "head-only: 99/400 steps, 0.20 steps/s, 25 min 5 s left, loss 0.5\nhead-only: 100 steps in 20 s\n",
    );
  }));

Deno.test("on a terminal there is a bar, and lines are printed above it", () =>
  withClock((clock) => {
    const { stream, text } = collector(true);
    const progress = showProgress("head-only", 4, "steps", { stream });
    progress.update(2, "loss 0.5");
    progress.log("a note");
    clock.seconds = 7;
    progress.stop();
    assert.match(text(), /head-only ░{20} 0\/4 steps/);
    assert.ok(text().includes("\r\x1b[Ka note\n"));
    assert.ok(text().endsWith("\r\x1b[Khead-only: 2 steps in 7 s\n"));
  }));

Deno.test("a bar and its lines have no control characters of a name or a note", () => {
  const { stream, text } = collector(true);
  const progress = showProgress("a\x1b[2J\u202e\nb", 4, "steps", { stream });
  progress.update(2, "loss\x9b31m");
  progress.log("note\x07");
  progress.stop();
  assert.ok(text().includes("a\\u001b[2J\\u202e\\nb ░"));
  for (const command of ["\x1b[2J", "\x07", "\x9b", "\u202e"]) assert.ok(!text().includes(command));
});
