/** The part of a training's page that tells of the search before it. */
import { dotsSvg } from "../results/figures.ts";
import { points, signed } from "../results/markdown.ts";
import type { SearchResult } from "../search/search.ts";
import { choiceText } from "../search/choices.ts";
import {
  againstDefault,
  choiceSentences,
  effectText,
  searchEffects,
  trialHead,
  trialRow,
} from "../search/search_text.ts";
import type { Effect } from "../search/effects.ts";
import { type Fragment, html, Markup } from "./html.ts";
import { grid, list } from "./page.ts";

/** Writes what was chosen, what each choice was worth, and every training. */
export async function searchSection(result: SearchResult): Promise<Fragment> {
  const { order, state } = result;
  return html`<h2>The search</h2>
${list(choiceSentences(result))}
${await worth(result)}
${against(result)}
${
    grid({
      caption: "All trainings, measured on the development texts",
      head: ["", ...trialHead],
      words: [2, 5],
      rows: state.trials.map((trial, n) => [
        trial === result.trial ? `${n + 1} (chosen)` : n + 1,
        ...trialRow(trial, order),
      ]),
    })
  }`;
}

/** Writes the whole trainings against the default's. */
function against({ order, state }: SearchResult): Fragment {
  return grid({
    caption: "Whole trainings against the default's, on the same development texts",
    head: ["", "error, points", "steps"],
    rows: againstDefault({ state }).map(({ trial, difference }) => [
      choiceText(order[trial.choice]!),
      points(difference),
      trial.outcome.steps,
    ]),
  });
}

async function worth(result: SearchResult): Promise<Fragment> {
  const effects = searchEffects(result);
  if (!effects) return html`<p>There were too few trainings to tell what each choice was worth.</p>`;
  const { errors, losses, steps, trainings } = effects;
  const base = result.order[0]!;
  const figure = {
    title: "What each choice was worth",
    x: "difference of development error, points",
    panels: [{
      title: `${trainings} trainings of ${steps} steps; left is better`,
      dots: errors.map((effect) => ({
        name: effectText(effect, base),
        paper: null,
        ours: { middle: 100 * effect.difference, low: 100 * effect.low, high: 100 * effect.high },
      })),
    }],
  };
  const range = ({ difference, low, high }: Effect, scale = 1) =>
    `${signed(scale * difference)} [${signed(scale * low)}, ${signed(scale * high)}]`;
  const verdict = ({ low, high }: Effect) => high < 0 ? "better" : low > 0 ? "worse" : "not distinguishable";
  return html`<figure class="chart" role="img" aria-label="${figure.title}">${new Markup(
    await dotsSvg(figure),
  )}</figure>
${
    grid({
      caption: `Differences with 95 % intervals, of ${trainings} trainings of ${steps} steps`,
      head: [
        "",
        "trainings",
        "error, points",
        "loss",
        "by errors",
      ],
      words: [4],
      rows: errors.map((effect, n) => [
        effectText(effect, base),
        effect.trainings,
        range(effect, 100),
        range(losses[n]!),
        verdict(effect),
      ]),
    })
  }<p>Each difference is what the choice adds where all else is equal, by least squares over these trainings. Its interval
covers the draw of the development texts and what differs between trainings besides. Longer trainings may
differ less.</p>`;
}
