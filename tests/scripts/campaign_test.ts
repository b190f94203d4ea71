import assert from "node:assert/strict";
import { campaignCommand } from "../../scripts/campaign.ts";
import { runInTest } from "../helpers/run_command.ts";
import { test } from "../helpers/slow.ts";

test.slow("a minute of kills loses nothing, tears nothing and leaves nothing", async () => {
  const { code, out, error } = await runInTest(campaignCommand, "--seconds", "60", "--seed", "3");
  assert.equal(code, 0, `${error}\n${out}`);
  const kills = Number(/\n\| all +\| +(\d+) \| +0 \| +0 \| +0 \|/.exec(out)?.[1]);
  assert.ok(kills >= 9, `${kills} kills\n${out}`);
});
