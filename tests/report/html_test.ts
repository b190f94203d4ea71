import assert from "node:assert/strict";
import { html, jsonScript } from "../../lib/report/html.ts";

Deno.test("a template escapes text in elements and attributes, and keeps markup", () => {
  const text = `<script>alert("x")</script> & 'y'`;
  const safe = "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;";
  assert.equal(
    html`<p title="${text}">${html`<b>${text}</b>`}</p>`.text,
    `<p title="${safe}"><b>${safe}</b></p>`,
  );
});

Deno.test("lists are joined, numbers shown, and nothing is shown for nothing", () => {
  assert.equal(
    html`<p>${[1, html`<i>2</i>`, [null, undefined, false]]}${0}${""}</p>`.text,
    "<p>1<i>2</i>0</p>",
  );
});

Deno.test("no text in JSON ends its script element", () => {
  const { text } = jsonScript({ name: "</script><script>alert(1)</script>" });
  assert.equal(text.match(/<\/?script/g)!.length, 2);
  const json = /^<script type="application\/json">(.*)<\/script>$/.exec(text)![1]!;
  assert.deepEqual(JSON.parse(json), { name: "</script><script>alert(1)</script>" });
});
