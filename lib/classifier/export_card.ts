/**
 * README.md of an exported classifier: its labels, how three libraries load it, and how to cut long texts as in
 * training, which none of them does by itself; of pairs Python's libraries do. The snippets print what they say; the
 * tests run them.
 */
import type { BertConfig } from "../bert/config.ts";
import { opset } from "../graph/onnx/proto.ts";
import type { LayerFeatures } from "../paper/layers.ts";
import type { TextStrategy } from "../paper/long_text.ts";
import type { SpecialIds } from "../text/tokenizer.ts";

/** What the card tells of a classifier. */
export interface CardFacts {
  /** Of the folder. */
  readonly name: string;
  /** The model's shape. */
  readonly config: BertConfig;
  /** By class. */
  readonly labels: readonly string[];
  /** Which layers are classified. */
  readonly features: LayerFeatures;
  /** What was done with long texts; nothing with pairs, of which the longer text is cut first. */
  readonly text: TextStrategy;
  /** Whether the texts are pairs. */
  readonly pairs: boolean;
  /** T, the longest input in wordpieces, [CLS] and [SEP] included. */
  readonly maxLength: number;
  /** The special tokens. */
  readonly ids: SpecialIds;
  /** Of a calibrated classifier. */
  readonly temperature?: number;
}

/** Where a library gives other logits than the trained classifier, and what to do; one sentence each. */
export function limits(facts: CardFacts): string[] {
  const { features, text, pairs, maxLength, temperature } = facts;
  const room = maxLength - 2;
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
      `Of a pair of more than ${
        room - 1
      } wordpieces the training cut the longer text first; transformers.js, ` +
        "whose pipeline takes no pairs, cuts the second text and the final [SEP]: use the code of README.md for such pairs.",
    );
  } else found.push(cutSentence(facts));
  if (temperature !== undefined) {
    found.push(
      `The logits are not divided by the calibrated temperature ${temperature}: divide them by it before the softmax.`,
    );
  }
  return found;
}

/** How pipelines cut a long text, and how training did. */
function cutSentence({ features, text, maxLength }: CardFacts): string {
  const room = maxLength - 2;
  const { head, tail } = kept(text, maxLength);
  const parts = [head > 0 && `the first ${head}`, tail > 0 && `the last ${tail}`].filter(Boolean);
  const first = tail > 0 ? `keeps the first ${room} and ` : "";
  const python = head > 0 && tail > 0 && features.combination === undefined
    ? `, and Python's keeps the first ${room}`
    : "";
  return `Of a text of more than ${room} wordpieces the training kept ${
    parts.join(" and ")
  }; the pipeline of ` +
    `transformers.js ${first}leaves out the final [SEP]${python}: use the code of README.md for such texts.`;
}

/** The text of README.md. */
export function modelCard(facts: CardFacts): string {
  const { name, config, labels, features, text, pairs, maxLength } = facts;
  const shape = text.pooling ? "[batch, fractions, sequence]" : "[batch, sequence]";
  const python = features.combination === undefined && !text.pooling;
  const reads = pairs ? "Pairs of texts" : `Long texts: ${text.name}`;
  return `---
library_name: transformers
pipeline_tag: text-classification
tags: [bert, onnx, transformers.js, bertlab]
---

# ${name}

A BERT of ${config.num_hidden_layers} layers of ${config.hidden_size} that was fine-tuned with bertlab as a classifier
of ${labels.length} classes. Features: ${features.name}. ${reads}, at most ${maxLength} wordpieces
${text.pooling ? `a fraction and ${text.maxFractions} fractions` : "with [CLS] and [SEP]"}.

| class | label |
| ----: | ----- |
${
    labels.map((label, index) => `| ${index} | ${label.replaceAll("|", "\\|").replaceAll(/\s+/g, " ")} |`)
      .join("\n")
  }

\`onnx/model.onnx\` (opset ${opset}) has the int64 inputs \`input_ids\`, \`attention_mask\` and \`token_type_ids\`
${shape} and the output \`logits\` [batch, ${labels.length}].

${limits(facts).map((limit) => `- ${limit}`).join("\n")}
${pairs ? shortPairs(facts) : text.pooling ? "" : shortTexts(facts, python)}
## ${pairs ? "Pairs" : "Texts"} of any length, cut as in training

transformers.js:

${block("js", pairs ? javascriptPairs(facts) : javascript(facts))}

Python with onnxruntime and tokenizers:

${block("python", pairs ? pythonOnnxPairs(facts) : pythonOnnx(facts))}
${python ? `\nPython with transformers:\n\n${block("python", pythonTransformers(facts))}\n` : ""}`;
}

function shortPairs({ name, maxLength }: CardFacts): string {
  const js = `import { AutoModelForSequenceClassification, AutoTokenizer } from "@huggingface/transformers";

const folder = ${JSON.stringify(`./${name}`)};
const tokenizer = await AutoTokenizer.from_pretrained(folder);
const model = await AutoModelForSequenceClassification.from_pretrained(folder);
const { logits } = await model(tokenizer("A text.", { text_pair: "Its pair." }));
console.log(logits.tolist()[0]);`;
  return `
## Pairs of at most ${maxLength - 3} wordpieces

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

/** How many of a long text's first and last wordpieces a strategy keeps in one sequence. */
function kept(text: TextStrategy, maxLength: number): { head: number; tail: number } {
  const [piece] = text.pieces(Int32Array.from({ length: 3 * maxLength }, (_, i) => i), maxLength);
  const head = piece!.findIndex((id, place) => id !== place);
  return head < 0 ? { head: piece!.length, tail: 0 } : { head, tail: piece!.length - head };
}

/** The expression of the kept wordpieces, in both languages. */
function cut({ text, maxLength }: CardFacts): { js: string; python: string } {
  const { head, tail } = kept(text, maxLength);
  if (tail === 0) return { js: `ids.slice(0, ${head})`, python: `ids[:${head}]` };
  if (head === 0) return { js: `ids.slice(-${tail})`, python: `ids[-${tail}:]` };
  const room = head + tail;
  return {
    js: `ids.length <= ${room} ? ids : [...ids.slice(0, ${head}), ...ids.slice(-${tail})]`,
    python: `ids if len(ids) <= ${room} else ids[:${head}] + ids[-${tail}:]`,
  };
}

function javascript(facts: CardFacts): string {
  const { name, text, maxLength, ids: { cls, sep, pad } } = facts;
  const room = maxLength - 2;
  const body = text.pooling
    ? `  const fractions = Math.min(${text.maxFractions}, Math.max(1, Math.ceil(ids.length / ${room})));
  const rows = Array.from({ length: fractions }, (_, k) => [${cls}, ...ids.slice(k * ${room}, (k + 1) * ${room}), ${sep}]);
  const length = Math.max(...rows.map((row) => row.length));
  const filled = (row, value) => Array.from({ length }, (_, i) => row[i] ?? value);
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values.flat(), BigInt), [1, fractions, length]);
  const { logits } = await model({
    input_ids: tensor(rows.map((row) => filled(row, ${pad}))),
    attention_mask: tensor(rows.map((row) => filled(row.map(() => 1), 0))),
    token_type_ids: tensor(rows.map(() => filled([], 0))),
  });`
    : `  const kept = ${cut(facts).js};
  const row = [${cls}, ...kept, ${sep}];
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, row.length]);
  const { logits } = await model({
    input_ids: tensor(row),
    attention_mask: tensor(row.map(() => 1)),
    token_type_ids: tensor(row.map(() => 0)),
  });`;
  return `import { AutoModelForSequenceClassification, AutoTokenizer, Tensor } from "@huggingface/transformers";

const folder = ${JSON.stringify(`./${name}`)};
const tokenizer = await AutoTokenizer.from_pretrained(folder);
const model = await AutoModelForSequenceClassification.from_pretrained(folder);

async function logitsOf(text) {
  const ids = tokenizer.encode(text, { add_special_tokens: false });
${body}
  return logits.tolist()[0];
}

console.log(await logitsOf("A text."));`;
}

function pythonOnnx(facts: CardFacts): string {
  const { name, text, maxLength, ids: { cls, sep, pad } } = facts;
  const room = maxLength - 2;
  const body = text.pooling
    ? `    starts = range(0, max(1, len(ids)), ${room})[:${text.maxFractions}]
    rows = [[${cls}, *ids[start : start + ${room}], ${sep}] for start in starts]
    length = max(map(len, rows))
    input_ids = numpy.array([[row + [${pad}] * (length - len(row)) for row in rows]], numpy.int64)
    mask = numpy.array([[[1] * len(row) + [0] * (length - len(row)) for row in rows]], numpy.int64)`
    : `    kept = ${cut(facts).python}
    input_ids = numpy.array([[${cls}, *kept, ${sep}]], numpy.int64)
    mask = numpy.ones_like(input_ids)`;
  return `import numpy, onnxruntime, tokenizers

folder = ${JSON.stringify(`./${name}`)}
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx")


def logits_of(text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
${body}
    feeds = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(input_ids)}
    return session.run(["logits"], feeds)[0][0].tolist()


print(logits_of("A text."))`;
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

function javascriptPairs({ name, maxLength, ids: { cls, sep } }: CardFacts): string {
  const room = maxLength - 3;
  return `import { AutoModelForSequenceClassification, AutoTokenizer, Tensor } from "@huggingface/transformers";

const folder = ${JSON.stringify(`./${name}`)};
const tokenizer = await AutoTokenizer.from_pretrained(folder);
const model = await AutoModelForSequenceClassification.from_pretrained(folder);

async function logitsOf(text, pair) {
  const [first, second] = [text, pair].map((text) => tokenizer.encode(text, { add_special_tokens: false }));
  const shorter = Math.min(first.length, second.length, ${Math.floor(room / 2)});
  const isFirst = first.length > second.length;
  const left = [${cls}, ...first.slice(0, isFirst ? ${room} - shorter : shorter), ${sep}];
  const row = [...left, ...second.slice(0, isFirst ? shorter : ${room} - shorter), ${sep}];
  const tensor = (values) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, row.length]);
  const { logits } = await model({
    input_ids: tensor(row),
    attention_mask: tensor(row.map(() => 1)),
    token_type_ids: tensor(row.map((_, place) => place < left.length ? 0 : 1)),
  });
  return logits.tolist()[0];
}

console.log(await logitsOf("A text.", "Its pair."));`;
}

function pythonOnnxPairs({ name, maxLength }: CardFacts): string {
  return `import numpy, onnxruntime, tokenizers

folder = ${JSON.stringify(`./${name}`)}
tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
tokenizer.enable_truncation(${maxLength})
session = onnxruntime.InferenceSession(f"{folder}/onnx/model.onnx")


def logits_of(text, pair):
    found = tokenizer.encode(text, pair)
    values = {"input_ids": found.ids, "attention_mask": found.attention_mask, "token_type_ids": found.type_ids}
    feeds = {name: numpy.array([value], numpy.int64) for name, value in values.items()}
    return session.run(["logits"], feeds)[0][0].tolist()


print(logits_of("A text.", "Its pair."))`;
}
