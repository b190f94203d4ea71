/**
 * README.md of an exported classifier: its labels, how three libraries load it, and how to cut long texts as in
 * training, which none of them does by itself; of pairs Python's libraries do. The snippets print what they say; the
 * tests run them.
 */
import type { BertConfig } from "../bert/config.ts";
import { familyOf } from "../bert/family/families.ts";
import { opset } from "../graph/onnx/proto.ts";
import type { LayerFeatures } from "../paper/layers.ts";
import type { TextStrategy } from "../paper/long_text.ts";
import { escapeMarkdown } from "../printable.ts";
import { inputNames } from "./export_onnx.ts";
import type { SpecialIds } from "../text/tokenizer.ts";

/** Facts that the card tells of a classifier. */
export interface CardFacts {
  /** Name of the folder. */
  readonly name: string;
  /** The model's shape. */
  readonly config: BertConfig;
  /** Names of the classes. */
  readonly labels: readonly string[];
  /** Layers that are classified. */
  readonly features: LayerFeatures;
  /** Treatment of long texts; none with pairs, of which the longer text is cut first. */
  readonly text: TextStrategy;
  /** `true` if the texts are pairs. */
  readonly pairs: boolean;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** The special tokens. */
  readonly ids: SpecialIds;
  /** Special tokens before the second text of a pair, besides [SEP]. */
  readonly between?: readonly number[];
  /** Divisor of a calibrated classifier's logits. */
  readonly temperature?: number;
  /** [C] the least probabilities of labels that a text gets, only where it may have several. */
  readonly thresholds?: readonly number[];
}

/** Says where a library gives other logits than the trained classifier, and what to do; one sentence each. */
export function limits(facts: CardFacts): string[] {
  const { features, text, pairs, maxLength, temperature, thresholds } = facts;
  const room = maxLength - 2;
  const ofPair = pairRoom(facts);
  const python = "Python's AutoModelForSequenceClassification";
  const found: string[] = [];
  if (features.combination !== undefined) {
    found.push(`${python} cannot express a classifier of "${features.name}": use onnx/model.onnx in Python.`);
  } else if (text.pooling) {
    found.push(`${python} gives these logits only for texts of one fraction, at most ${room} wordpieces.`);
  }
  if (text.pooling) {
    found.push(
      "The libraries' pipelines cannot feed onnx/model.onnx, whose inputs are [batch, fractions, sequence]: " +
        "use the code of README.md.",
    );
  } else if (pairs) {
    found.push(
      `Of a pair of more than ${ofPair} wordpieces the training cut the longer text first; transformers.js, ` +
        "whose pipeline takes no pairs, cuts the second text and the final [SEP]: use the code of README.md for such pairs.",
    );
  } else found.push(cutSentence(facts));
  if (temperature !== undefined) {
    found.push(
      `The logits are not divided by the calibrated temperature ${temperature}: divide them by it before the softmax.`,
    );
  }
  if (thresholds) {
    found.push(
      "A text may have several labels: the probability of each is the sigmoid of its logit, and a text gets those whose " +
        "probability reaches the threshold of README.md; the libraries know no thresholds.",
    );
  }
  return found;
}

/** The side at which a library's truncation is to cut, where training kept one end of a long text and nothing else. */
export function truncationSide(
  { text, maxLength }: Pick<CardFacts, "text" | "maxLength">,
): "left" | "right" | undefined {
  const [first, second] = text.stretches?.(maxLength - 2) ?? [];
  if (!first || second) return undefined;
  return first.after === 0 ? "right" : first.after === 1 ? "left" : undefined;
}

/** Says how pipelines cut a long text, and how training did. */
function cutSentence(facts: CardFacts): string {
  const { features, text, maxLength } = facts;
  const room = maxLength - 2;
  const side = truncationSide(facts);
  const parts = text.stretches!(room).map(({ length, after }) =>
    after === 0 ? `the first ${length}` : after === 1 ? `the last ${length}` : `${length} of the middle`
  );
  const first = side === "right" ? "" : `keeps the first ${room} and `;
  const python = side || features.combination !== undefined ? "" : `, and Python's keeps the first ${room}`;
  return `Of a text of more than ${room} wordpieces the training kept ${
    parts.join(" and ")
  }; the pipeline of ` +
    `transformers.js ${first}leaves out the final [SEP]${python}: use the code of README.md for such texts.`;
}

/** The text of README.md. */
export function modelCard(facts: CardFacts): string {
  const { name, config, labels, features, text, pairs, maxLength, thresholds } = facts;
  const shape = text.pooling ? "[batch, fractions, sequence]" : "[batch, sequence]";
  const python = features.combination === undefined && !text.pooling;
  const { title } = familyOf(config);
  const inputs = Object.values(inputNames(config)).map((input) => `\`${input}\``);
  const reads = pairs ? "Pairs of texts" : `Long texts: ${text.name}`;
  return `---
library_name: transformers
pipeline_tag: text-classification
tags: [${config.model_type ?? "bert"}, onnx, transformers.js, bertlab]
---

# ${escapeMarkdown(name)}

${
    /^[AEIOX]/.test(title)
      ? "An"
      : "A"
  } ${title} of ${config.num_hidden_layers} layers of ${config.hidden_size} that was fine-tuned with bertlab as a classifier
of ${labels.length} ${
    thresholds ? "labels, several of which a text may have" : "classes"
  }. Features: ${features.name}. ${reads}, at most ${maxLength} wordpieces
${text.pooling ? `a fraction and ${text.maxFractions} fractions` : "with [CLS] and [SEP]"}.

${labelTable(facts)}

\`onnx/model.onnx\` (opset ${opset}) has the int64 inputs ${inputs.slice(0, -1).join(", ")} and ${
    inputs.at(-1)
  }
${shape} and the output \`logits\` [batch, ${labels.length}].

${limits(facts).map((limit) => `- ${limit}`).join("\n")}
${pairs ? shortPairs(facts) : text.pooling ? "" : shortTexts(facts, python)}
## ${pairs ? "Pairs" : "Texts"} of any length, cut as in training

transformers.js:

${block("js", javascript(facts))}

Python with onnxruntime and tokenizers:

${block("python", pythonOnnx(facts))}
${python ? `\nPython with transformers:\n\n${block("python", pythonTransformers(facts))}\n` : ""}`;
}

function labelTable({ labels, thresholds }: CardFacts): string {
  const more = (cell: string | undefined) => thresholds ? ` ${cell} |` : "";
  const rows = labels.map((label, index) =>
    `| ${index} | ${escapeMarkdown(label)} |${more(thresholds?.[index]?.toPrecision(6))}`
  );
  return [`| class | label |${more("threshold")}`, `| ----: | ----- |${more("--------:")}`, ...rows].join(
    "\n",
  );
}

/** Wordpieces of a pair at most. */
function pairRoom({ maxLength, between = [] }: CardFacts): number {
  return maxLength - 3 - between.length;
}

function shortPairs(facts: CardFacts): string {
  const js = `${javascriptStart(facts, [])}
const { logits } = await model(tokenizer("A text.", { text_pair: "Its pair." }));
console.log(logits.tolist()[0]);`;
  return `
## Pairs of at most ${pairRoom(facts)} wordpieces

${block("js", js)}
`;
}

function shortTexts({ name, maxLength }: CardFacts, python: boolean): string {
  const folder = JSON.stringify(`./${name}`);
  const task = '"text-classification"';
  const js = `import { pipeline } from "@huggingface/transformers";

const classify = await pipeline(${task}, ${folder});
console.log(await classify("A text.", { top_k: null }));`;
  const py = `from transformers import pipeline

classify = pipeline(${task}, ${folder}, top_k=None)
print(classify("A text.", truncation=True))`;
  return `
## Texts of at most ${maxLength - 2} wordpieces

${block("js", js)}
${python ? `\n${block("python", py)}\n` : ""}`;
}

function block(language: string, code: string): string {
  return `\`\`\`${language}\n${code}\n\`\`\``;
}

/** The expression of the kept wordpieces, in both languages. */
function cut(facts: CardFacts): { js: string; python: string } {
  const room = facts.maxLength - 2;
  let end = 0;
  const parts = facts.text.stretches!(room).map(({ length, after }) => {
    const [from, to] = [end, end += length];
    const at = (place: number, share: string) =>
      after === 0 ? place : after === 1 ? place - room || "" : `${place} + ${share}`;
    const js = [from, to].map((place) => at(place, `Math.floor(${after} * (ids.length - ${room}))`));
    const python = [from, to].map((place) => at(place, `int(${after} * (len(ids) - ${room}))`));
    return {
      js: `ids.slice(${js.filter((place) => place !== "").join(", ")})`,
      python: `ids[${python[0] || ""}:${python[1]}]`,
    };
  });
  if (truncationSide(facts)) return parts[0]!;
  return {
    js: `ids.length <= ${room} ? ids : [${parts.map(({ js }) => `...${js}`).join(", ")}]`,
    python: `ids if len(ids) <= ${room} else ${parts.map(({ python }) => python).join(" + ")}`,
  };
}

/** The lines that load the tokenizer and the model, and what else the code imports. */
function javascriptStart({ name }: CardFacts, others: readonly string[]): string {
  const names = ["AutoModelForSequenceClassification", "AutoTokenizer", ...others];
  return `import { ${names.join(", ")} } from "@huggingface/transformers";

const folder = ${JSON.stringify(`./${name}`)};
const tokenizer = await AutoTokenizer.from_pretrained(folder);
const model = await AutoModelForSequenceClassification.from_pretrained(folder);`;
}

function javascript(facts: CardFacts): string {
  const { text, pairs } = facts;
  const [parameters, example] = pairs ? ["text, pair", '"A text.", "Its pair."'] : ["text", '"A text."'];
  const body = pairs
    ? javascriptPair(facts)
    : `  const ids = tokenizer.encode(text, { add_special_tokens: false });
${text.pooling ? javascriptFractions(facts) : javascriptRow(facts)}`;
  return `${javascriptStart(facts, ["Tensor"])}

async function logitsOf(${parameters}) {
${body}
  return logits.tolist()[0];
}

console.log(await logitsOf(${example}));`;
}

function javascriptFractions({ config, text, maxLength, ids: { cls, sep, pad } }: CardFacts): string {
  const room = maxLength - 2;
  return `  const fractions = Math.min(${text.maxFractions}, Math.max(1, Math.ceil(ids.length / ${room})));
  const rows = Array.from({ length: fractions }, (_, k) => [${cls}, ...ids.slice(k * ${room}, (k + 1) * ${room}), ${sep}]);
  const length = Math.max(...rows.map((row) => row.length));
  const filled = (row, value) => Array.from({ length }, (_, i) => row[i] ?? value);
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values.flat(), BigInt), [1, fractions, length]);
  const { logits } = await model({
    input_ids: tensor(rows.map((row) => filled(row, ${pad}))),
    attention_mask: tensor(rows.map((row) => filled(row.map(() => 1), 0))),${
    typesLine(config, "tensor(rows.map(() => filled([], 0)))")
  }
  });`;
}

function javascriptRow(facts: CardFacts): string {
  const { cls, sep } = facts.ids;
  return `  const kept = ${cut(facts).js};
  const row = [${cls}, ...kept, ${sep}];
${javascriptFeeds(facts.config, "() => 0")}`;
}

function javascriptPair(facts: CardFacts): string {
  const { config, ids: { cls, sep }, between = [] } = facts;
  const room = pairRoom(facts);
  return `  const [first, second] = [text, pair].map((text) => tokenizer.encode(text, { add_special_tokens: false }));
  const shorter = Math.min(first.length, second.length, ${Math.floor(room / 2)});
  const isFirst = first.length > second.length;
  const left = [${cls}, ...first.slice(0, isFirst ? ${room} - shorter : shorter), ${
    [sep, ...between].join(", ")
  }];
  const row = [...left, ...second.slice(0, isFirst ? shorter : ${room} - shorter), ${sep}];
${javascriptFeeds(config, "(_, place) => place < left.length ? 0 : 1")}`;
}

/** The line of the segment types' input, after another's; nothing for a family that does not read them. */
function typesLine(config: BertConfig, value: string): string {
  return inputNames(config).type_ids ? `\n    token_type_ids: ${value},` : "";
}

/** The lines from a row of ids and the type of each of them to logits. */
function javascriptFeeds(config: BertConfig, type: string): string {
  return `  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, row.length]);
  const { logits } = await model({
    input_ids: tensor(row),
    attention_mask: tensor(row.map(() => 1)),${typesLine(config, `tensor(row.map(${type}))`)}
  });`;
}

function pythonOnnx(facts: CardFacts): string {
  const { name, config, text, pairs, maxLength, ids: { cls, sep, pad } } = facts;
  const room = maxLength - 2;
  const { type_ids: types } = inputNames(config);
  const texts = () =>
    `    ids = tokenizer.encode(text, add_special_tokens=False).ids
${
      text.pooling
        ? `    starts = range(0, max(1, len(ids)), ${room})[:${text.maxFractions}]
    rows = [[${cls}, *ids[start : start + ${room}], ${sep}] for start in starts]
    length = max(map(len, rows))
    input_ids = numpy.array([[row + [${pad}] * (length - len(row)) for row in rows]], numpy.int64)
    mask = numpy.array([[[1] * len(row) + [0] * (length - len(row)) for row in rows]], numpy.int64)`
        : `    kept = ${cut(facts).python}
    input_ids = numpy.array([[${cls}, *kept, ${sep}]], numpy.int64)
    mask = numpy.ones_like(input_ids)`
    }
    feeds = {"input_ids": input_ids, "attention_mask": mask${
      types ? ', "token_type_ids": numpy.zeros_like(input_ids)' : ""
    }}`;
  const [parameters, example, body] = pairs
    ? [
      "text, pair",
      '"A text.", "Its pair."',
      `    found = tokenizer.encode(text, pair)
    values = {"input_ids": found.ids, "attention_mask": found.attention_mask${
        types ? ', "token_type_ids": found.type_ids' : ""
      }}
    feeds = {name: numpy.array([value], numpy.int64) for name, value in values.items()}`,
    ]
    : ["text", '"A text."', texts()];
  return `import numpy, onnxruntime, tokenizers

folder = ${JSON.stringify(`./${name}`)}
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
${
    pairs
      ? `tokenizer.enable_truncation(${maxLength})\n`
      : ""
  }session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx")


def logits_of(${parameters}):
${body}
    return session.run(["logits"], feeds)[0][0].tolist()


print(logits_of(${example}))`;
}

function pythonTransformers(facts: CardFacts): string {
  const { name, pairs, ids: { cls, sep } } = facts;
  const body = pairs
    ? `def logits_of(text, pair):
    inputs = tokenizer(text, pair, truncation=True, return_tensors="pt")
    with torch.no_grad():
        return model(**inputs).logits[0].tolist()


print(logits_of("A text.", "Its pair."))`
    : `def logits_of(text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    kept = ${cut(facts).python}
    with torch.no_grad():
        return model(torch.tensor([[${cls}, *kept, ${sep}]])).logits[0].tolist()


print(logits_of("A text."))`;
  return `import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

folder = ${JSON.stringify(`./${name}`)}
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForSequenceClassification.from_pretrained(folder).eval()


${body}`;
}
