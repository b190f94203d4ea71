import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { stepKey } from "../../lib/graph/composites.ts";
import { dropThreshold, keyedMask, siteConstant } from "../../lib/graph/keyed_mask.ts";

// The values come from the definition in keyed_mask.ts written down once more in Python. If one of them changes, a
// run that was begun before cannot be resumed, and another engine draws other masks.

Deno.test("masks by value", () => {
  const bits = (...mask: Parameters<typeof keyedMask>) => keyedMask(...mask).join("");
  strictEqual(bits(1, 0, 24, 0.5), "001011000001011111110011");
  strictEqual(bits(-5, 3, 24, 0.5), "111100110000010011111011");
  strictEqual(bits(-5 >>> 0, 3, 24, 0.5), "111100110000010011111011", "keys are 32 bits, signed or not");
  strictEqual(bits(-559038737, 7, 25, 0.3), "0111010111111111101111111");
  strictEqual(bits(1, 0, 1, 0.5), "0");
  strictEqual(bits(1, 0, 3, 0.5), "000");
  strictEqual(bits(1, 0, 4, 0), "1111");
});

Deno.test("keys, sites and thresholds by value", () => {
  const keys = [stepKey(0, 0), stepKey(1, 0), stepKey(1, 1), stepKey(42, 1000)];
  deepStrictEqual(keys, [-1368424207, -476194369, 841256496, 1740692170]);
  deepStrictEqual([0, 1, 7].map(siteConstant), [0, 1753845952, 2492178918]);
  deepStrictEqual([0, 0.1, 0.3, 0.5].map(dropThreshold), [0, 6554, 19661, 32768]);
});
