import assert from "node:assert/strict";
import { displayable, jupyterDisplay, withDisplay } from "../../lib/notebook/displayable.ts";

Deno.test("a notebook gets every type of the content, and a terminal its text", async () => {
  const all = displayable({ text: "t", markdown: "m", html: "<p>", svg: () => Promise.resolve("<svg/>") });
  assert.deepEqual(await all[jupyterDisplay](), {
    "text/plain": "t",
    "text/markdown": "m",
    "text/html": "<p>",
    "image/svg+xml": '<svg style="max-width: 100%; height: auto"/>',
  });
  assert.equal(Deno.inspect(all), "t");
  assert.deepEqual(await displayable({ text: "t" })[jupyterDisplay](), { "text/plain": "t" });
});

Deno.test("a value with a display stays what it was", () => {
  const value = { name: "imdb", texts: [1, 2] };
  const shown = withDisplay(value, ({ texts }) => ({ text: `${texts.length} texts` }));
  assert.equal(shown, value);
  assert.equal(Deno.inspect(shown), "2 texts");
  assert.deepEqual({ ...shown }, { name: "imdb", texts: [1, 2] });
  assert.equal(JSON.stringify(shown), '{"name":"imdb","texts":[1,2]}');
});
