import assert from "node:assert/strict";
import { LiveTable } from "../../lib/notebook/live_table.ts";

Deno.test("in a notebook a live table is one display that is drawn anew for each row", async () => {
  const sent: [string, Record<string, string>, unknown][] = [];
  const table = new LiveTable(["steps", "error"], {
    broadcast: (type, { data, transient }) => {
      sent.push([type, data as Record<string, string>, transient]);
      return Promise.resolve();
    },
  });
  table.note("Search within 30 min");
  table.row(["17", "5.00 %"]);
  table.row(["35", "4.00 %"]);
  await table.end();
  assert.deepEqual(sent.map(([type]) => type), [
    "display_data",
    "update_display_data",
    "update_display_data",
  ]);
  assert.equal(new Set(sent.map(([, , transient]) => JSON.stringify(transient))).size, 1);
  assert.equal(
    sent.at(-1)![1]["text/markdown"],
    "Search within 30 min\n\n| steps | error  |\n| ----- | ------ |\n| 17    | 5.00 % |\n| 35    | 4.00 % |",
  );
});

Deno.test("elsewhere each row is a line", () => {
  const lines: string[] = [];
  const table = new LiveTable(["steps", "error"], { say: (line) => lines.push(line) });
  table.note("Search within 30 min");
  table.row(["17", "5.00 %"]);
  assert.deepEqual(lines, ["Search within 30 min", "steps 17, error 5.00 %"]);
});
