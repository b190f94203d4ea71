/**
 * A classifier in a notebook's cell: a box for a text, with label, probabilities and the words that decided, where
 * scripts run and the kernel is on the same machine; elsewhere a table.
 */
import { having, requireArguments } from "../storage/arguments.ts";
import type { Classification, ClassifierText } from "../classifier/classification.ts";
import { explain } from "../classifier/occlusion.ts";
import { wholeText } from "../data/examples.ts";
import { escapeHtml, escapeMarkdown } from "../printable.ts";
import { markdown } from "../results/markdown.ts";
import { flag, object, optional, parseJson, text as anyText } from "../storage/json.ts";
import { percent, shortened } from "../wording.ts";
import { type Displayable, displayable } from "./displayable.ts";
import { inNotebook } from "./live.ts";
import script from "./show_classifier.js" with { type: "text" };

/** The part of a classifier that is shown: `trainClassifier` and `loadClassifier` give one. */
export interface ShownClassifier {
  /** The classes' names. */
  readonly labels: readonly string[];
  /** `true` if it was trained on pairs of texts. */
  readonly pairs?: boolean;
  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  readonly thresholds?: readonly number[];
  /** The class of each text. */
  classify(texts: readonly ClassifierText[]): Promise<Classification[]>;
}

/** Options of {@linkcode showClassifier}. */
export interface ShowClassifierOptions {
  /** Texts of the table, which is shown where no script runs. */
  readonly texts?: readonly ClassifierText[];
  /** `true` to answer the box of a cell; if not given, in a notebook. */
  readonly answer?: boolean;
}

/**
 * Shows a box in which texts are labelled, or a table of some texts. The box asks this process, at an address of this
 * machine that holds a random word, until the process ends; the classifier may not be disposed before.
 */
export async function showClassifier(
  classifier: ShownClassifier,
  options: ShowClassifierOptions = {},
): Promise<Displayable> {
  requireArguments("showClassifier", {
    classifier: [classifier, having("a classifier, as trainClassifier() returns", "labels", "classify")],
    options: [options, having("an object with options")],
  });
  const { texts = [], answer = inNotebook() } = options;
  const { labels, thresholds, pairs = false } = classifier;
  const found = texts.length > 0 ? await classifier.classify(texts) : [];
  const [head, lines] = texts.length > 0
    ? [
      thresholds ? ["text", "labels", "probabilities"] : ["text", "label", "probability"],
      texts.map((text, n) => [
        shortened(typeof text === "string" ? text : wholeText(text), 80),
        ...answerOf(found[n]!, labels),
      ]),
    ]
    : [
      ["label", ...thresholds ? ["threshold"] : []],
      labels.map((label, c) => [label, ...thresholds ? [percent(thresholds[c]!)] : []]),
    ];
  const written = markdown(head, lines.map((cells) => cells.map(escapeMarkdown)), 2);
  if (!answer) return displayable({ text: written, markdown: written });
  const id = `bertlab-${crypto.randomUUID()}`;
  const box = { id, url: serve(classifier), pairs, labels, thresholds };
  const cell = (name: string) => (text: string) => `<${name}>${escapeHtml(text)}</${name}>`;
  const rows = [head.map(cell("th")), ...lines.map((cells) => cells.map(cell("td")))];
  const html = `<div id="${id}"><table>${
    rows.map((cells) => `<tr>${cells.join("")}</tr>`).join("")
  }</table><p>A box for texts appears here where scripts run and the kernel is on the same machine as the browser.
Elsewhere, <code>await classifier.classify([…])</code> labels texts.</p></div>
<script>(() => {
const options = ${JSON.stringify(box).replaceAll("<", "\\u003c")};
${script}})();</script>`;
  return displayable({ text: written, markdown: written, html });
}

/** Returns the label with its probability, or the labels with theirs. */
function answerOf({ label, probability, labels, probabilities }: Classification, all: readonly string[]) {
  if (!labels) return [label, percent(probability)];
  const own = labels.map((name) => percent(probabilities[all.indexOf(name)]!));
  return [labels.join(", ") || "none", own.join(", ")];
}

interface Asked {
  readonly text?: string;
  readonly pair?: string;
  readonly explain?: boolean;
  /** The label to explain; the most probable one if not given. */
  readonly label?: string;
}

const askedShape = object<Asked>({
  text: optional(anyText),
  pair: optional(anyText),
  explain: optional(flag),
  label: optional(anyText),
});

const headers = {
  "access-control-allow-origin": "*", // the address holds a random word
  "access-control-allow-private-network": "true",
  "content-type": "application/json",
};

/** Answers the box; returns the address. */
function serve(classifier: ShownClassifier): string {
  const path = `/${crypto.randomUUID()}`;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (new URL(request.url).pathname !== path) return new Response(null, { status: 404 });
    if (request.method !== "POST") return new Response(null, { headers });
    const answer = await answerTo(classifier, await request.text())
      .catch((error) => ({ error: error instanceof Error ? error.message : `${error}` }));
    return new Response(JSON.stringify(answer), { headers });
  });
  server.unref();
  return `http://127.0.0.1:${server.addr.port}${path}`;
}

async function answerTo(classifier: ShownClassifier, content: string): Promise<object> {
  const { text, pair, explain: isAsked, label } = parseJson(content, "the question", askedShape);
  if (text === undefined) return {};
  const given: ClassifierText = pair === undefined ? text : { text, pair };
  const { labels } = classifier;
  const probabilities = async (texts: readonly ClassifierText[]) => {
    const found = await classifier.classify(texts);
    return Float64Array.from(found.flatMap(({ probabilities }) => [...probabilities]));
  };
  if (isAsked) return await explain({ labels, probabilities }, given, { label });
  return { labels, probabilities: [...await probabilities([given])] };
}
