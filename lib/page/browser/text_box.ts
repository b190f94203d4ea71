/** The box for one text: its label, the probabilities, what is read of it, and which words decided. */
import type { ExplainedPart, Explanation } from "../../classifier/occlusion.ts";
import type { ReadText } from "../../classifier/read_parts.ts";
import type { Client } from "./client.ts";
import { counted, find, make, named, percent, points, table, time } from "./dom.ts";
import { patiently } from "./telling.ts";
import type { ReadingSettings } from "../onnx_classifier.ts";
import type { GivenText, PageModel, TextAnswer } from "./messages.ts";

/** Most labels whose probabilities are shown at once. */
const mostShown = 10;
/** Most words that the table of an explanation lists. */
const mostListed = 10;

/** Starts the box. */
export function startTextBox(client: Client, { settings }: PageModel): void {
  const { labels, pairs, thresholds } = settings;
  const [text, pair] = [find<HTMLTextAreaElement>("text"), find<HTMLTextAreaElement>("pair")];
  const [result, why, said] = [find("result"), find<HTMLButtonElement>("why"), find("text-state")];
  const which = find<HTMLSelectElement>("why-label");
  which.replaceChildren(...labels.map((label, place) => make("option", { value: `${place}` }, label)));
  const given = (): GivenText => ({ text: text.value, ...pairs ? { pair: pair.value } : {} });
  let shown: GivenText | undefined;
  const work = async (sentence: string, action: () => Promise<string>) => {
    said.textContent = sentence;
    try {
      said.textContent = await action();
    } catch (error) {
      said.textContent = (error as Error).message;
    }
  };

  find("form").addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = given();
    if (`${asked.text}${asked.pair ?? ""}`.trim() === "") {
      said.textContent = "Write or paste a text first.";
      text.focus();
      return;
    }
    work("Reading …", async () => {
      const answer = await client.ask("classify", asked);
      const { probabilities, seconds } = answer;
      const best = probabilities.indexOf(Math.max(...probabilities));
      result.replaceChildren(...resultOf(settings, answer, asked));
      shown = asked;
      find("explanation").replaceChildren();
      which.value = `${best}`;
      find("why-box").hidden = false;
      const surest = `${labels[best]}: ${percent(probabilities[best]!)}`;
      if (!thresholds) return `${surest}, in ${time(seconds)}.`;
      const own = givenLabels(labels, probabilities, thresholds);
      return `${own.length > 0 ? own.join(", ") : `No label; the most probable is ${surest}`}, in ${
        time(seconds)
      }.`;
    });
  });

  why.addEventListener("click", () => {
    if (!shown) return;
    const asked = shown;
    why.disabled = true;
    work("Leaving out one part after another …", async () => {
      const label = labels[Number(which.value)]!;
      const tell = patiently((sentence) => said.textContent = sentence);
      const found = await client.ask("explain", { ...asked, label }, (done, all) => {
        tell(`Read ${done} of ${counted(all, "variant")} …`, done >= all);
      });
      find("explanation").replaceChildren(...explanationOf(found, asked));
      return `The ${found.kind === "word" ? "words" : "parts"} that decided are marked.`;
    }).finally(() => why.disabled = false);
  });
}

/** Returns the labels whose probability reaches their threshold. */
const givenLabels = (
  labels: readonly string[],
  probabilities: readonly number[],
  thresholds: readonly number[],
) => labels.filter((_, c) => probabilities[c]! >= thresholds[c]!);

function resultOf(
  { labels, thresholds }: ReadingSettings,
  { probabilities, reads }: TextAnswer,
  { text }: GivenText,
): Node[] {
  const order = labels.map((_, place) => place).sort((a, b) => probabilities[b]! - probabilities[a]!);
  const [best] = order;
  const bar = (share: number) => {
    const inner = make("span", { class: "bar" });
    inner.style.setProperty("--share", `${share}`);
    return inner;
  };
  const share = (place: number) => {
    const inner = bar(probabilities[place]!);
    if (thresholds) {
      inner.classList.add("limited");
      inner.style.setProperty("--threshold", `${thresholds[place]!}`);
    }
    return make("span", {}, percent(probabilities[place]!, 2), inner);
  };
  if (thresholds) {
    const own = givenLabels(labels, probabilities, thresholds);
    const names = own.flatMap((label, n) => n === 0 ? [named(label)] : [", ", named(label)]);
    const isGiven = (place: number) => probabilities[place]! >= thresholds[place]!;
    const rows = order.map((place) => [
      isGiven(place) ? make("strong", {}, named(labels[place]!)) : named(labels[place]!),
      share(place),
      percent(thresholds[place]!, 2),
      isGiven(place) ? "yes" : "no",
    ]);
    return [
      make("p", { class: "answer" }, ...names.length > 0 ? names : ["no label"]),
      table("Each label's probability, and the least at which it is given", [
        ...["label", "probability", "threshold", "given"],
      ], rows),
      ...reads ? readingOf(reads, text) : [],
    ];
  }
  const rows = order.slice(0, mostShown).map((place) => [named(labels[place]!), share(place)]);
  const more = order.length > mostShown ? ` (the ${mostShown} most probable of ${order.length})` : "";
  return [
    make("p", { class: "answer" }, named(labels[best!]!), ` ${percent(probabilities[best!]!)}`),
    table(`Calibrated probabilities${more}`, ["label", "probability"], rows),
    ...reads ? readingOf(reads, text) : [],
  ];
}

/** Shows how a long text is read; nothing for one that is read whole at once. */
function readingOf({ wordpieces, read, fractions, parts }: ReadText, text: string): Node[] {
  if (read === wordpieces && fractions === 1) return [];
  const sentence = [
    `This text has ${counted(wordpieces, "wordpiece")}; the model reads ${
      read === wordpieces ? "all" : counted(read, "wordpiece")
    }`,
    fractions > 1 ? ` in ${fractions} fractions, whose states it pools` : "",
    read < wordpieces ? ". What is struck out below it does not read" : "",
    ".",
  ].join("");
  if (parts.length === 0) return [make("p", {}, sentence)];
  const contents: (Node | string)[] = [];
  let end = 0;
  parts.forEach((part, place) => {
    contents.push(text.slice(end, part.start));
    end = part.end;
    const content = text.slice(part.start, end);
    if (part.fraction === undefined) contents.push(make("s", {}, content));
    else {
      if (fractions > 1) contents.push(make("span", { class: "fraction" }, `${part.fraction + 1}`), " ");
      contents.push(make("span", { class: place % 2 === 0 ? "read" : "read other" }, content));
    }
  });
  contents.push(text.slice(end));
  return [
    make(
      "details",
      {},
      make("summary", {}, "What the model reads of it"),
      make("p", {}, sentence),
      make("p", {
        class: "whole",
        dir: "auto",
        tabindex: "0",
        role: "region",
        "aria-label": "The text as it is read",
      }, ...contents),
    ),
  ];
}

function explanationOf({ label, probability, kind, parts }: Explanation, { text, pair }: GivenText): Node[] {
  const largest = Math.max(0.01, ...parts.map(({ change }) => Math.abs(change)));
  const marked = (whole: string, of: ExplainedPart["of"]) => {
    const contents: (Node | string)[] = [];
    let end = 0;
    for (const { start, end: next, change } of parts.filter((part) => part.of === of)) {
      contents.push(whole.slice(end, start));
      end = next;
      const strength = Math.abs(change) / largest;
      const part = whole.slice(start, next);
      if (strength < 0.05) contents.push(part);
      else {
        const mark = make("mark", {
          class: change > 0 ? "for" : "against",
          title: `${points(change)} points`,
        }, part);
        mark.style.setProperty("--strength", `${Math.round(45 * strength)}%`);
        contents.push(mark);
      }
    }
    contents.push(whole.slice(end));
    return make("p", {
      class: "whole",
      dir: "auto",
      tabindex: "0",
      role: "region",
      "aria-label": "The text with its marks",
    }, ...contents);
  };
  const order = parts.toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, mostListed);
  return [
    make(
      "p",
      {},
      make("mark", { class: "for strong" }, "for"),
      " ",
      make("mark", { class: "against strong" }, "against"),
      " the label ",
      named(label),
      ` (${percent(probability)}): each ${
        kind === "stretch" ? "stretch of words" : kind
      } was left out in turn, and the ` +
        "stronger its color, the more the probability changed.",
    ),
    marked(text, "text"),
    ...pair === undefined ? [] : [marked(pair, "pair")],
    table(
      "The parts that matter most",
      ["part", "points of probability"],
      order.map((
        { text, change },
      ) => [make("bdi", {}, text.length > 60 ? `${text.slice(0, 59)}…` : text), points(change)]),
    ),
    make(
      "p",
      { class: "soft" },
      "This tells what the model's answer changes with, not why a person would say so. Two parts that say the same can " +
        "each seem to be worth nothing; and of a text that is too long others move in when a part is left out.",
    ),
  ];
}
