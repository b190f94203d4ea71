/** A model's folder with a vocabulary of only those wordpieces that some texts have; these are read as before. */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "../../lib/bert/safetensors.ts";
import { InputError } from "../../lib/errors.ts";
import { anything, map, readJson } from "../../lib/storage/json.ts";
import { writeWhole } from "../../lib/storage/whole_file.ts";
import type { HostTensor } from "../../lib/tensors.ts";
import { loadTokenizer } from "../../lib/text/tokenizer.ts";
import { type TokenizerJson, tokenizerJson } from "../../lib/text/tokenizer_files.ts";
import { readTokenizerFolder, type TokenizerFolder } from "../../lib/text/tokenizer_folder.ts";
import { requireSafetensors } from "./half.ts";

/** The parameters with a row for each piece of the vocabulary, of shape [V, H] or [V], by the ends of their names. */
const ofPieces = /embeddings\.word_embeddings\.weight$|^cls\.predictions\.(decoder\.(weight|bias)|bias)$/;

/** Files that are written anew. */
const written =
  /\.(safetensors|bin)$|\/(config|tokenizer\w*|added_tokens|special_tokens_map)\.json$|\/vocab\.txt$/;

/**
 * Copies a model's folder; of its vocabulary stay the special tokens and the wordpieces of these texts. Other texts are
 * read with what is left: by shorter pieces, or as [UNK].
 *
 * @returns V before and after
 * @throws InputError if the tokenizer is not BERT's, there is no model.safetensors, or a text would be read differently.
 */
export async function copyPruned(
  from: string,
  to: string,
  texts: readonly string[],
): Promise<{ before: number; after: number }> {
  const weights = await requireSafetensors(from, "prune the vocabulary");
  const tokenizer = await loadTokenizer(from);
  if (tokenizer.wordStart !== undefined) {
    throw new InputError(`Cannot prune the vocabulary of ${from}: it is not one of BERT's wordpieces`);
  }
  const folder = await readTokenizerFolder(from);
  const used = new Set([...Object.values(tokenizer.ids), ...folder.json.added_tokens.map(({ id }) => id)]);
  for (const text of texts) for (const id of tokenizer.encode(text)) used.add(id);
  const kept = [...used].sort((a, b) => a - b);

  await mkdir(to, { recursive: true });
  await cp(from, to, { recursive: true, dereference: true, filter: (path) => !written.test(path) });
  const config = await readJson(join(from, "config.json"), map(anything), "take the model's files again");
  await writeWhole(join(to, "config.json"), json({ ...config, vocab_size: kept.length }));
  for (const [name, content] of Object.entries(tokenizerFiles(folder, kept))) {
    await writeWhole(join(to, name), content);
  }
  const parameters = await readSafetensors(weights);
  for (const [name, tensor] of Object.entries(parameters)) {
    if (ofPieces.test(name)) parameters[name] = rowsOf(tensor, kept);
  }
  await writeSafetensors(join(to, "model.safetensors"), parameters);

  const { encode } = await loadTokenizer(to);
  for (const text of texts) {
    const [before, after] = [tokenizer.encode(text), encode(text)];
    if (before.length === after.length && after.every((id, place) => kept[id] === before[place])) continue;
    throw new InputError(
      `Cannot prune the vocabulary of ${from}: with what is left, ${
        JSON.stringify(text.slice(0, 60).toWellFormed())
      } would be other wordpieces; pack the model whole`,
    );
  }
  return { before: tokenizer.vocabSize, after: kept.length };
}

const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;

/** Returns the files of a tokenizer of these ids, which are numbered anew in their order. */
function tokenizerFiles(
  { json: read, config }: TokenizerFolder,
  kept: readonly number[],
): Record<string, string> {
  const place = new Map(kept.map((id, place) => [id, place]));
  const vocab = Object.fromEntries(
    Object.entries(read.model.vocab).flatMap(([piece, id]) => place.has(id) ? [[piece, place.get(id)!]] : []),
  );
  const made: TokenizerJson = {
    ...tokenizerJson(vocab, config),
    normalizer: read.normalizer,
    model: { ...read.model, vocab },
    added_tokens: read.added_tokens.map((token) => ({ ...token, id: place.get(token.id)! })),
  };
  return { "tokenizer.json": JSON.stringify(made), "tokenizer_config.json": json(config) };
}

/** Returns the rows of a tensor at these places. */
function rowsOf({ shape: [, ...row], data }: HostTensor, places: readonly number[]): HostTensor {
  const size = row.reduce((product, length) => product * length, 1);
  const rows = new Float32Array(places.length * size);
  places.forEach((place, at) => rows.set(data.subarray(place * size, (place + 1) * size), at * size));
  return { shape: [places.length, ...row], data: rows };
}
