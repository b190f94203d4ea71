/** A figure of a page: a picture for printing and for browsers without scripts, and plotly.js's panels in its place. */
import {
  type Curve,
  differenceTicks,
  type DotFigure,
  dotsSvg,
  type Figure,
  figureSvg,
} from "../results/figures.ts";
import { mean, standardDeviation } from "../results/statistics.ts";
import { escapeHtml } from "../printable.ts";
import { type Fragment, html, jsonScript, type Markup } from "./html.ts";
import { folded, grid } from "./page.ts";

/** A figure of a page. */
export interface Chart {
  /** The figure element. */
  readonly markup: Markup;
  /** Name of the picture's file. */
  readonly file: string;
  /** The picture. */
  readonly svg: string;
}

/** A panel's data for plotly.js; charts.js adds the colors. */
interface LivePanel {
  readonly title: string;
  /** Height in pixels. */
  readonly height: number;
  readonly data: readonly object[];
  readonly layout: object;
}

/**
 * Makes a figure with its caption.
 *
 * @param name the name of the picture's file, without `.svg`
 */
export async function chart(name: string, figure: Figure | DotFigure, caption: string): Promise<Chart> {
  const dots = "y" in figure ? undefined : figure;
  const lines = "y" in figure ? figure : undefined;
  const panels = dots
    ? dots.panels.map(({ title, dots: rows }): LivePanel => dotPanel(title, dots, rows))
    : lines!.panels.map(({ title, curves }): LivePanel => linePanel(title, curves, lines!));
  const file = `${name}.svg`;
  const markup = html`
    <figure class="chart">
      <div class="picture scroll" role="region" tabindex="0" aria-label="${figure.title}, as a picture">
        <img src="${file}" alt="${figure.title}. ${lines
          ? "The numbers are below it"
          : "The numbers are in the tables of this page"}.">
      </div>
      <div class="live" hidden>
      ${panels.map((panel) => livePanel(figure.title, panel))}
      </div>
      <figcaption>${caption} <a href="${file}">As a picture</a></figcaption>
    </figure>
    ${lines && numbersBelow(lines)}
  `;
  return { markup, file, svg: dots ? await dotsSvg(dots) : await figureSvg(lines!) };
}

/** Writes the points of a figure's curves as folded tables; long curves are thinned out evenly. */
export function numbersBelow({ panels, x, y }: Figure): Fragment {
  const tables = panels.map(({ title, curves }) =>
    grid({
      caption: [title, y].filter(Boolean).join(": ") + ` by ${x}`,
      head: ["", x, "mean", "sd", "n"],
      rows: curves.flatMap(({ name, points }) => {
        const drawn = points.filter(({ values }) => values.length > 0).toSorted((a, b) => a.x - b.x);
        const every = Math.ceil(drawn.length / mostNumbers);
        return drawn.filter((_, n) => n % every === 0 || n === drawn.length - 1).map(({ x, values }) => [
          name,
          `${Number(x.toPrecision(4))}`,
          `${Number(mean(values).toPrecision(4))}`,
          standardDeviation(values)?.toFixed(2) ?? "–",
          `${values.length}`,
        ]);
      }),
    })
  );
  return folded("The numbers of this figure", tables);
}

/** Most points of a curve in the table of its numbers, about. */
const mostNumbers = 25;

function livePanel(figure: string, { title, height, ...panel }: LivePanel): Markup {
  return html`
    <div class="panel">
      <p class="title">${title}</p>
      <div class="plot" role="img" aria-label="${figure}: ${title}" style="height: ${height}px">
        ${jsonScript(panel)}
      </div>
    </div>
  `;
}

/** Escapes a text for plotly.js, which reads tags in texts. */
const plain = (text: string) => escapeHtml(text);

function dotPanel(
  title: string,
  { x, linearUntil }: DotFigure,
  dots: DotFigure["panels"][number]["dots"],
): LivePanel {
  const names = dots.map(({ name }) => plain(name));
  const run = dots.flatMap(({ name, ours }) => ours ? [{ name: plain(name), ...ours }] : []);
  const bands = dots.flatMap(({ name, unseen }) => unseen ? [{ name: plain(name), unseen }] : []);
  // As on a logarithmic axis of lines, places and labels are computed here.
  const place = (value: number) =>
    linearUntil ? Math.sign(value) * Math.log10(1 + Math.abs(value) / linearUntil) : value;
  const printed = dots.flatMap(({ paper }, n) => paper === null ? [] : [{ name: names[n]!, paper }]);
  const ticks = linearUntil === undefined ? [] : differenceTicks(dots, linearUntil);
  return {
    title,
    height: 130 + 26 * dots.length,
    data: [
      ...printed.length === 0 ? [] : [{
        name: "the paper's",
        mode: "markers",
        marker: { symbol: "diamond-open", size: 11, line: { width: 2 } },
        x: printed.map(({ paper }) => place(paper)),
        y: printed.map(({ name }) => name),
        text: printed.map(({ paper }) => paper.toFixed(2)),
        hovertemplate: "%{y}: %{text}<extra>the paper's</extra>",
      }],
      ...run.length === 0 ? [] : [{
        name: "ours",
        mode: "markers",
        marker: { symbol: "circle", size: 9 },
        x: run.map(({ middle }) => place(middle)),
        y: run.map(({ name }) => name),
        error_x: {
          type: "data",
          symmetric: false,
          array: run.map(({ middle, high }) => place(high) - place(middle)),
          arrayminus: run.map(({ middle, low }) => place(middle) - place(low)),
          visible: run.some(({ low, high }) => high > low),
        },
        text: run.map(({ middle, low, high }) =>
          `${middle.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`
        ),
        hovertemplate: "%{y}: %{text}<extra>ours</extra>",
      }],
      ...bands.length === 0 ? [] : [{
        name: "too small to be seen",
        type: "bar",
        orientation: "h",
        marker: { color: "rgba(128, 128, 128, 0.28)" },
        base: bands.map(({ unseen }) => place(-unseen)),
        x: bands.map(({ unseen }) => 2 * place(unseen)),
        y: bands.map(({ name }) => name),
        text: bands.map(({ unseen }) => unseen.toFixed(2)),
        textposition: "none",
        hovertemplate: "%{y}: below %{text}<extra>too small to be seen</extra>",
      }],
    ],
    layout: {
      xaxis: {
        title: { text: plain(x) },
        automargin: true,
        ...linearUntil ? { tickvals: ticks.map(place), ticktext: ticks.map(String), zerolinewidth: 2 } : {},
      },
      yaxis: { type: "category", categoryarray: names, range: [dots.length - 0.5, -0.5], automargin: true },
      hovermode: "closest",
    },
  };
}

/** Dashes of lines: ten colors with the first, the same ten with the next. */
const dashes = ["solid", "dash", "dot"];

function linePanel(title: string, curves: readonly Curve[], figure: Figure): LivePanel {
  const drawn = curves.map(({ name, points }) => ({
    name,
    points: points.filter(({ values }) => values.length > 0).toSorted((a, b) => a.x - b.x),
  }));
  const xs = [...new Set(drawn.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  // plotly.js has no logarithmic axis with a place for 0, so the places and their labels are computed here.
  const smallest = xs.find((x) => x > 0) ?? 1;
  const [first, last] = [xs[0] ?? 0, xs.at(-1) ?? 0];
  const place = (x: number) => figure.logarithmic ? Math.log10(1 + x / smallest) : x;
  return {
    title,
    height: 340 + 12 * curves.length,
    data: drawn.map(({ name, points }, number) => {
      const spreads = points.map(({ values }) => standardDeviation(values) ?? 0);
      return {
        name: plain(name),
        mode: figure.markers ?? true ? "lines+markers" : "lines",
        line: { dash: dashes[Math.floor(number / 10) % dashes.length] },
        x: points.map(({ x }) => place(x)),
        y: points.map(({ values }) => mean(values)),
        error_y: {
          type: "data",
          array: spreads,
          thickness: 1,
          visible: spreads.some((spread) => spread > 0),
        },
        text: points.map(({ x, values }, n) =>
          `at ${Number(x.toPrecision(4))}${
            values.length > 1 ? ` (± ${spreads[n]!.toFixed(2)}, n = ${values.length})` : ""
          }`
        ),
        hovertemplate: "%{y:.2f} %{text}",
      };
    }),
    layout: {
      xaxis: {
        title: { text: plain(figure.x) },
        automargin: true,
        ...figure.logarithmic
          ? { ...ticks(xs, place), tickangle: -60 }
          : last - first < 10 && xs.every(Number.isInteger)
          ? { dtick: 1 }
          : {},
      },
      yaxis: {
        title: { text: plain(figure.y) },
        automargin: true,
        ...figure.fromZero ? { rangemode: "tozero" } : {},
      },
      showlegend: curves.length > 1 || curves[0]?.name !== title,
    },
  };
}

/** Returns a tick for each value, with a label if there is room. */
function ticks(xs: readonly number[], place: (x: number) => number): object {
  const room = (place(xs.at(-1) ?? 0) - place(xs[0] ?? 0)) / 18;
  let before = -Infinity;
  const ticktext = xs.map((x) => {
    if (place(x) - before < room) return "";
    before = place(x);
    return `${x}`;
  });
  return { tickvals: xs.map(place), ticktext };
}
