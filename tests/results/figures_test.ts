import assert from "node:assert/strict";
import { figureSvg } from "../../lib/results/figures.ts";

/** The drawn points of a line, as [x, y] in pixels. */
function pointsOf(svg: string): [number, number][] {
  const symbols =
    svg.match(/<path aria-label="[^"]*" role="graphics-symbol"[^>]*transform="translate\(([^)]*)\)"/g) ?? [];
  return symbols.map((symbol) => {
    const [x, y] = /translate\(([^)]*)\)/.exec(symbol)![1]!.split(",").map(Number);
    return [x!, y!];
  });
}

const figure = {
  title: "Figure 3",
  x: "steps",
  y: "error, %",
  panels: [{
    title: "ours",
    curves: [{
      name: "IMDb",
      points: [{ x: 0, values: [20, 22] }, { x: 10, values: [18] }, { x: 1000, values: [16] }, {
        x: 2000,
        values: [],
      }],
    }],
  }],
};

Deno.test("a figure draws the mean of each point that has runs, with titles and names", async () => {
  const svg = await figureSvg(figure);
  assert.match(svg, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  for (const text of ["Figure 3", "steps", "error, %", "ours", "IMDb"]) {
    assert.ok(svg.includes(`>${text}<`), text);
  }
  const points = pointsOf(svg);
  assert.equal(points.length, 3);
  const [first, second, third] = points as [[number, number], [number, number], [number, number]];
  assert.ok(Math.abs((second[1] - first[1]) / (third[1] - first[1]) - 3 / 5) < .01, "21, 18 and 16 %");
  assert.ok((second[0] - first[0]) / (third[0] - first[0]) < .02, "a linear axis");
  assert.ok(!svg.includes('href="http'), "nothing from elsewhere");
});

Deno.test("on a logarithmic axis 0 has a place, and small steps are told apart", async () => {
  const [first, second, third] = pointsOf(await figureSvg({ ...figure, logarithmic: true }));
  assert.ok(first![0] < second![0] && second![0] < third![0]);
  assert.ok((second![0] - first![0]) / (third![0] - first![0]) > .1);
});

Deno.test("the vertical axis is labelled with plain numbers, that of a flat line as well", async () => {
  const svgOf = (values: readonly number[]) => {
    const points = values.map((value, x) => ({ x, values: [value] }));
    return figureSvg({ ...figure, panels: [{ title: "ours", curves: [{ name: "IMDb", points }] }] });
  };
  const flat = await svgOf([50, 50]);
  assert.ok(flat.includes(">50<") && !flat.includes("50.0"), "50, not 50.000000");
  const wide = await svgOf([0, 51]);
  for (const label of [">0<", ">20<", ">50<"]) assert.ok(wide.includes(label), label);
});
