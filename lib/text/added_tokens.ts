/**
 * Tokens that are looked for in texts before words are: special tokens and those that were added to a vocabulary.
 * Source: https://github.com/huggingface/tokenizers, tokenizers/src/tokenizer/added_vocabulary.rs
 */
import { join } from "node:path";
import { readJsonIfThere } from "../storage/json.ts";
import {
  type AddedToken,
  addedTokensShape,
  contentOf,
  type PlacedToken,
  type SpecialTokensMap,
  specialTokensShape,
  type TokenEntry,
  type TokenizerConfig,
  type TokenizerJson,
} from "./tokenizer_files.ts";

/** Files beside vocab.txt or tokenizer.json that name added tokens. */
export interface AddedTokenFiles {
  /** tokenizer_config.json. */
  readonly config: TokenizerConfig;
  /** special_tokens_map.json. */
  readonly specials?: SpecialTokensMap;
  /** added_tokens.json: ids by token. */
  readonly added?: Readonly<Record<string, number>>;
  /** tokenizer.json. */
  readonly json?: Pick<TokenizerJson, "added_tokens">;
}

/**
 * Reads the files beside tokenizer_config.json that name added tokens; none of them counts where that has a list of its own.
 *
 * @throws InputError if one cannot be read.
 */
export async function readTokenFiles(
  folder: string,
  config: TokenizerConfig,
  advice: string,
): Promise<Pick<AddedTokenFiles, "specials" | "added">> {
  if (config.added_tokens_decoder) return {};
  return {
    specials: await readJsonIfThere(join(folder, "special_tokens_map.json"), specialTokensShape, advice),
    added: await readJsonIfThere(join(folder, "added_tokens.json"), addedTokensShape, advice),
  };
}

/** Special tokens in the order in which transformers adds them. */
const order = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"].map((name) => `${name}_token`);

/**
 * Returns the tokens that transformers adds, in its order: those that files give an id, then special ones. If
 * tokenizer_config.json has added_tokens_decoder, no other file is asked.
 */
export function tokensToAdd({ config, specials, added, json }: AddedTokenFiles): {
  withIds: readonly AddedToken[];
  special: readonly TokenEntry[];
} {
  const { extra_special_tokens: own, additional_special_tokens: additional } = config;
  const extra = own && Object.keys(own).length > 0 ? own : additional ?? own;
  // Beside a list the others are not looked at; beside names they are.
  let further: readonly TokenEntry[] | undefined = isList(extra) ? extra : undefined;
  let named: Readonly<Record<string, unknown>> = config as object as Record<string, unknown>;
  let others = { ...othersOf(config), ...isList(extra) ? {} : extra };
  const withIds = new Map<number, AddedToken>();
  if (config.added_tokens_decoder) {
    for (const [id, token] of Object.entries(config.added_tokens_decoder)) withIds.set(Number(id), token);
  } else {
    const more = specials?.extra_special_tokens;
    named = { ...config, ...specials };
    if (isList(more)) further = [...further ?? [], ...more];
    others = { ...othersOf(specials ?? {}), ...isList(more) ? {} : more, ...others };
    const known = new Set([...namedIn(named), ...(further ?? []).map(contentOf)]);
    for (const [content, id] of Object.entries(added ?? {})) {
      withIds.set(id, { content, special: known.has(content) });
    }
    for (const { id, ...token } of json?.added_tokens ?? []) withIds.set(id, token);
    further ??= specials?.additional_special_tokens ?? undefined;
  }
  further ??= additional ?? undefined;
  return {
    withIds: [...withIds].sort(([one], [other]) => one - other).map(([, token]) => token),
    special: [...namedIn(named), ...[...Object.values(others), ...further ?? []].map(contentOf)],
  };
}

function namedIn(tokens: Readonly<Record<string, unknown>>): string[] {
  return order.flatMap((key) => tokens[key] == null ? [] : contentOf(tokens[key] as TokenEntry));
}

function isList(tokens: unknown): tokens is readonly TokenEntry[] {
  return Array.isArray(tokens);
}

/** Special tokens under names of the model's own, such as user_token. */
function othersOf(map: SpecialTokensMap): Record<string, TokenEntry> {
  const entries = Object.entries(map).filter(([key, value]) =>
    key.endsWith("_token") && !order.includes(key) && typeof value === "string"
  );
  return Object.fromEntries(entries) as Record<string, TokenEntry>;
}

/**
 * Returns the tokens by id. One that the vocabulary has keeps its id, another gets the next free one, whatever its file
 * says; of a token that comes again as an object, the last flags count.
 */
export function placeTokens(
  tokens: readonly TokenEntry[],
  vocab: Readonly<Record<string, number>>,
): PlacedToken[] {
  const size = Object.keys(vocab).length;
  const placed = new Map<string, PlacedToken>();
  let next = size;
  for (const token of tokens) {
    const content = contentOf(token);
    const before = placed.get(content);
    if (content === "" || (before && typeof token === "string")) continue;
    const id = before?.id ?? (Object.hasOwn(vocab, content) ? vocab[content]! : next);
    if (id >= next) next = id + 1;
    const given: AddedToken = typeof token === "string" ? { content, special: true } : token;
    const { single_word = false, lstrip = false, rstrip = false, special = false } = given;
    const { normalized = !special } = given;
    placed.set(content, { id, content, single_word, lstrip, rstrip, normalized, special });
  }
  return [...placed.values()].sort((one, other) => one.id - other.id);
}

/** Returns a function that cuts a text into the ids of tokens and what is between them: leftmost and longest first. */
export function tokenFinder(tokens: readonly PlacedToken[]): (text: string) => (string | number)[] {
  const byContent = new Map<string, PlacedToken>();
  for (const token of tokens) if (!byContent.has(token.content)) byContent.set(token.content, token);
  byContent.delete("");
  if (byContent.size === 0) return (text) => [text];
  const contents = [...byContent.keys()].sort((one, other) => other.length - one.length);
  const pattern = new RegExp(contents.map((text) => RegExp.escape(text)).join("|"), "gu");
  return (text) => {
    const parts: (string | number)[] = [];
    let done = 0;
    for (const match of text.matchAll(pattern)) {
      const { id, single_word, lstrip, rstrip } = byContent.get(match[0])!;
      let [start, end] = [match.index, match.index + match[0].length];
      if (
        single_word &&
        (wordBefore.test(text.slice(Math.max(0, start - 2), start)) || wordAfter.test(text.slice(end)))
      ) {
        continue;
      }
      if (lstrip) start = Math.max(done, start - blanksBefore(text, start));
      if (rstrip) end += blanksAfter.exec(text.slice(end))![0].length;
      if (start > done) parts.push(text.slice(done, start));
      parts.push(id);
      done = end;
    }
    if (done < text.length) parts.push(text.slice(done));
    return parts;
  };
}

const letter = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const wordBefore = new RegExp(`${letter}$`, "u"), wordAfter = new RegExp(`^${letter}`, "u");
const blanksAfter = /^\p{White_Space}*/u, blank = /\p{White_Space}/u;

function blanksBefore(text: string, end: number): number {
  let start = end;
  while (start > 0 && blank.test(text[start - 1]!)) start--;
  return end - start;
}
