/**
 * Byte-level BPE and Unigram tokenizers at work, as Hugging Face's tokenizers read texts: added tokens are looked for,
 * what is between them is normalized and parted into words, and the model splits each word by itself. So what it made of
 * a word can be remembered, whatever parts the words.
 *
 * The models are the package's. Its pre-tokenizers part at JavaScript's blanks, and not at Unicode's as Rust does, and
 * its "Precompiled" only comes near its table: these steps are done here.
 */
import * as hub from "@huggingface/tokenizers";
import { InputError } from "../errors.ts";
import { shown } from "../storage/byte_source.ts";
import { tokenFinder } from "./added_tokens.ts";
import { charsmapNormalizer } from "./charsmap.ts";
import {
  type BpeJson,
  type Step,
  stepsOf,
  type SubwordJson,
  type UnigramJson,
  vocabOf,
} from "./subword_files.ts";
import { remembering } from "./word_memory.ts";

/** Returns a function from texts to ids, without special tokens. @throws InputError if a step is not read. */
export function subwordEncoder(
  { added_tokens, normalizer, pre_tokenizer, model }: SubwordJson,
  path: string,
  advice: string,
): (text: string) => Int32Array {
  const refuse = (what: string, { type }: Step) =>
    new InputError(`Cannot use ${path} as its ${what} "${shown(type)}" is not read; ${advice}`);
  const normal = inOrder(
    stepsOf(normalizer, "normalizers").map((step) => {
      try {
        const made = normalizing(step);
        if (made) return made;
      } catch {
        // a broken table or pattern
      }
      throw refuse("normalizer", step);
    }),
  );
  const parts = stepsOf(pre_tokenizer, "pretokenizers").map((step) => {
    const made = parting(step);
    if (!made) throw refuse("pre-tokenizer", step);
    return made;
  });
  const pieces = remembering(model.type === "BPE" ? bpe(model) : unigram(model));
  const written = tokenFinder(added_tokens.filter(({ normalized }) => !normalized));
  const found = tokenFinder(
    added_tokens.filter(({ normalized }) => normalized)
      .map((token) => ({ ...token, content: normal(token.content) })),
  );
  return (text) => {
    const ids: number[] = [];
    const add = (part: string) => {
      const words = parts.reduce((words, part) => words.flatMap(part), part === "" ? [] : [part]);
      for (const word of words) for (const id of pieces(word)) ids.push(id);
    };
    for (const part of written(text.replace(/\p{Surrogate}/gu, ""))) {
      if (typeof part === "number") ids.push(part);
      else for (const each of found(normal(part))) typeof each === "number" ? ids.push(each) : add(each);
    }
    return Int32Array.from(ids);
  };
}

/** Returns the mark of pieces that words begin with; undefined if there is none. */
export function wordStartOf({ pre_tokenizer }: SubwordJson): string | undefined {
  const marks = stepsOf(pre_tokenizer, "pretokenizers").map((step) =>
    step.type === "ByteLevel"
      ? byteLetters[0x20]
      : step.type === "Metaspace"
      ? metaspace(step).mark
      : undefined
  );
  return marks.find((mark) => mark !== undefined);
}

type Normalizer = (text: string) => string;
type Parter = (text: string) => string[];

function inOrder(steps: readonly Normalizer[]): Normalizer {
  return (text) => steps.reduce((text, step) => step(text), text);
}

function normalizing(step: Step): Normalizer | undefined {
  switch (step.type) {
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const { type } = step;
      return (text) => text.normalize(type);
    }
    case "Lowercase": // JavaScript lower-cases a Σ at a word's end to ς
      return (text) => text.replaceAll("Σ", "σ").toLowerCase();
    case "Strip":
      return (text) =>
        text.replace(step.strip_left ? /^\p{White_Space}+/u : "", "").replace(
          step.strip_right ? /\p{White_Space}+$/u : "",
          "",
        );
    case "Replace": {
      const { String: literal, Regex: pattern } = step.pattern as { String?: unknown; Regex?: unknown };
      if (typeof step.content !== "string" || typeof (literal ?? pattern) !== "string") return undefined;
      const content = step.content;
      if (typeof literal === "string") return (text) => text.replaceAll(literal, () => content);
      const regex = new RegExp(String(pattern), "gu");
      return (text) => text.replace(regex, () => content);
    }
    case "Precompiled":
      return step.precompiled_charsmap == null
        ? (text) => text
        : charsmapNormalizer(String(step.precompiled_charsmap));
  }
  return undefined;
}

function parting(step: Step): Parter | undefined {
  switch (step.type) {
    case "WhitespaceSplit":
      return (text) => text.split(/\p{White_Space}+/u).filter((word) => word !== "");
    case "Metaspace": {
      const { mark, prefix, split } = metaspace(step);
      if (step.prepend_scheme === "first") return undefined;
      return (text) => {
        const marked = text.replaceAll(" ", mark);
        const whole = prefix && !marked.startsWith(mark) ? mark + marked : marked;
        return split ? whole.split(new RegExp(`(?=${RegExp.escape(mark)})`, "u")) : [whole];
      };
    }
    case "ByteLevel": {
      const { add_prefix_space: prefix, use_regex: regex = true } = step;
      return (text) => {
        const whole = prefix && !text.startsWith(" ") ? ` ${text}` : text;
        return (regex ? whole.match(byteWords) ?? [] : [whole]).map(asLetters);
      };
    }
  }
  return undefined;
}

/** Settings of Metaspace, which old files write otherwise. */
function metaspace(step: Step): { mark: string; prefix: boolean; split: boolean } {
  const { replacement = "▁", prepend_scheme, add_prefix_space = true, split = true } = step;
  const scheme = prepend_scheme ?? (add_prefix_space ? "always" : "never");
  return { mark: String(replacement), prefix: scheme === "always", split: split !== false };
}

/** GPT-2's words, with Unicode's blanks. */
const byteWords =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The letter of each byte: itself where it can be seen, else one from U+0100 on. */
const byteLetters: readonly string[] = (() => {
  const isSeen = (byte: number) => byte > 0x20 && byte < 0x7f || byte > 0xa0 && byte !== 0xad;
  let hidden = 0;
  return Array.from(
    { length: 256 },
    (_, byte) => String.fromCodePoint(isSeen(byte) ? byte : 0x100 + hidden++),
  );
})();

const encoder = new TextEncoder();

function asLetters(word: string): string {
  return Array.from(encoder.encode(word), (byte) => byteLetters[byte]!).join("");
}

function bpe(json: BpeJson): (word: string) => number[] {
  const model = new hub.BPE({ ...json, unk_token: json.unk_token ?? undefined } as never);
  const ids = new Map(Object.entries(vocabOf(json)));
  const unknown = json.unk_token == null ? undefined : ids.get(json.unk_token);
  return (word) => {
    const whole = json.ignore_merges ? ids.get(word) : undefined;
    if (whole !== undefined) return [whole];
    const found = model.bpe(word).map((piece) => ids.get(piece) ?? unknown).filter((id) => id !== undefined);
    return json.fuse_unk ? fused(found, unknown) : found;
  };
}

function unigram(json: UnigramJson): (word: string) => number[] {
  // The package changes the unknown piece's score, so that it gets a list of its own.
  const model = new hub.Unigram({ ...json, vocab: [...json.vocab] } as never, undefined as never);
  const ids = new Map(Object.entries(vocabOf(json)));
  return (word) => fused(model.tokenize(word).map((piece) => ids.get(piece) ?? json.unk_id), json.unk_id);
}

/** Makes one of unknown pieces that follow each other. */
function fused(ids: readonly number[], unknown: number | undefined): number[] {
  return ids.filter((id, place) => id !== unknown || ids[place - 1] !== unknown || place === 0);
}
