/** The part of a training's page that tells of the search before it. */
import { dotsSvg } from "../results/figures.ts";
import { points, signed } from "../results/markdown.ts";
import type { SearchResult } from "../search/search.ts";
import { choiceText } from "../search/choices.ts";
import {
  againstDefault,
  asJudged,
  choiceSentences,
  effectText,
  judged,
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
      head: ["", ...trialHead(judged(result))],
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
  const measure = judged({ state });
  return grid({
    caption: "Whole trainings against the default's, on the same development texts",
    head: ["", `${measure}, points`, "steps"],
    rows: againstDefault({ state }).map(({ trial, difference }) => [
      choiceText(order[trial.choice]!),
      points(asJudged(difference, measure)),
      trial.outcome.steps,
    ]),
  });
}

async function worth(result: SearchResult): Promise<Fragment> {
  const effects = searchEffects(result);
  if (!effects) return html`<p>There were too few trainings to tell what each choice was worth.</p>`;
  const { losses, steps, trainings } = effects;
  const measure = judged(result);
  const effectsShown = effects.errors.map((effect) => asJudged(effect, measure));
  const side = measure === "error" ? "left" : "right";
  const base = result.order[0]!;
  const figure = {
    title: "What each choice was worth",
    x: `difference of development ${measure}, points`,
    panels: [{
      title: `${trainings} trainings of ${steps} steps; ${side} is better`,
      dots: effectsShown.map((effect) => ({
        name: effectText(effect, base),
        paper: null,
        ours: { middle: 100 * effect.difference, low: 100 * effect.low, high: 100 * effect.high },
      })),
    }],
  };
  const range = ({ difference, low, high }: Effect, scale = 1) =>
    `${signed(scale * difference)} [${signed(scale * low)}, ${signed(scale * high)}]`;
  const verdict = ({ low, high }: Effect) => high < 0 ? "better" : low > 0 ? "worse" : "not distinguishable"; // of errors
  return html`<figure class="chart" role="img" aria-label="${figure.title}">${new Markup(
    await dotsSvg(figure),
  )}</figure>
${
    grid({
      caption: `Differences with 95 % intervals, of ${trainings} trainings of ${steps} steps`,
      head: [
        "",
        "trainings",
        `${measure}, points`,
        "loss",
        measure === "error" ? "by errors" : "by micro F1",
      ],
      words: [4],
      rows: effectsShown.map((effect, n) => [
        effectText(effect, base),
        effect.trainings,
        range(effect, 100),
        range(losses[n]!),
        verdict(effects.errors[n]!),
      ]),
    })
  }<p>Each difference is what the choice adds where all else is equal, by least squares over these trainings. Its interval
covers the draw of the development texts and what differs between trainings besides. Longer trainings may
differ less.</p>`;
}
