import assert from "node:assert/strict";
import { patiently } from "../../lib/page/browser/telling.ts";
import { withClock } from "../helpers/clock.ts";

Deno.test("of ten sentences a second one in two seconds is said, and the last", () =>
  withClock((clock) => {
    const said: string[] = [];
    const tell = patiently((sentence) => said.push(sentence));
    for (let step = 1; step <= 45; step++) {
      clock.seconds = step / 10;
      tell(`${step} of 45`, step === 45);
    }
    assert.deepEqual(said, ["20 of 45", "40 of 45", "45 of 45"]);
  }));
