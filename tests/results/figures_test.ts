import assert from "node:assert/strict";
import { differenceTicks, dotsSvg, figureSvg } from "../../lib/results/figures.ts";

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

Deno.test("a difference stands in its band around 0, on an axis that grows more slowly outwards", async () => {
  const dots = [
    { name: "small", paper: -0.2, ours: { middle: 1, low: 0.5, high: 1.5 }, unseen: 3 },
    { name: "large", paper: -8, ours: { middle: -8, low: -9, high: -7 }, unseen: 3 },
    { name: "not run", paper: 0 },
  ];
  const svg = await dotsSvg({
    title: "Differences",
    x: "points",
    linearUntil: 0.5,
    panels: [{ title: "a", dots }],
  });
  const bands = [
    ...svg.matchAll(
      /<path aria-label="points: ([^;]*);[^"]*" role="graphics-symbol" aria-roledescription="bar" d="M([\d.]+),[\d.]+h([\d.]+)/g,
    ),
  ]
    .map(([, , left, width]) => ({ left: Number(left), right: Number(left) + Number(width) }));
  assert.equal(bands.length, 2);
  const [small, , none] = dots.map(({ name }) => name);
  assert.ok(small && svg.includes(`>${none}<`));
  const middle = (bands[0]!.left + bands[0]!.right) / 2;
  const marks = pointsOf(svg).map(([x]) => x - middle);
  // in the order of the data: the paper's and ours of each row
  assert.equal(marks.length, 5);
  const half = (bands[0]!.right - bands[0]!.left) / 2;
  assert.ok(marks[0]! < 0 && marks[1]! > 0 && marks[1]! < half && -marks[2]! > half);
  assert.ok(Math.abs(marks[4]!) < 0.1, "0 is in the middle of the bands");
  const place = (value: number) => Math.log1p(value / 0.5) / Math.log1p(3 / 0.5) * half;
  assert.ok(Math.abs(marks[1]! - place(1)) < 0.1 && Math.abs(marks[2]! + place(8)) < 0.1);
});

Deno.test("the ticks of differences lie in the range of what is drawn", () => {
  const dot = (unseen: number, paper: number | null = null) => [{ name: "a", paper, unseen }];
  assert.deepEqual(differenceTicks(dot(3), 0.5), [-2, -1, 0, 1, 2]);
  assert.deepEqual(differenceTicks(dot(3, -44), 0.5), [-20, -5, -1, 0, 1]);
  assert.deepEqual(differenceTicks([], 0.5), [0]);
});
