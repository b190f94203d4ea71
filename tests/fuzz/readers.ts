/** The readers of files that come from elsewhere, each with small whole files of its format. */
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Writable } from "node:stream";
import { InputError } from "../../lib/errors.ts";
import { parseConfig } from "../../lib/bert/config.ts";
import { readSafetensors } from "../../lib/bert/safetensors.ts";
import { readTorchCheckpoint } from "../../lib/bert/torch_checkpoint.ts";
import { readParquet } from "../../lib/tables/parquet.ts";
import { readTable } from "../../lib/tables/table.ts";
import { unzip } from "../../lib/storage/unzip.ts";
import { readRecords } from "../../lib/results/records.ts";
import type { HostTensors } from "../../lib/tensors.ts";
import { inMemory } from "../helpers/bytes_in_memory.ts";
import { exampleRecord } from "../results/example_record.ts";
import { zip } from "../helpers/zip.ts";
import { fold, Random } from "../../lib/random.ts";
import { jsonReaders } from "./json_readers.ts";
import { type Material, mutate } from "./mutate.ts";
import { mutateJson } from "./mutate_json.ts";

/** A reader under test. */
export interface Reader {
  readonly name: string;
  readonly material: Material;
  /** For a JSON file that is read back: the paths of the fields that may change the result; none for a checkpoint. */
  readonly json?: { readonly free?: RegExp; readonly anyType?: RegExp };
  /** Reads a file; throws a plain Error if what it says of the file cannot be true. */
  read(bytes: Uint8Array): Promise<unknown>;
}

/** A damaged file. */
export interface DamagedFile {
  readonly reader: Reader;
  readonly bytes: Uint8Array;
  /** True if its result must be that of the whole file, unless it is refused. */
  readonly mustBeSame: boolean;
}

/** The damaged file of a number, and who is to read it: the readers take turns. */
export function damagedFile(
  all: readonly Reader[],
  seed: number,
  file: number,
): DamagedFile {
  const reader = all[file % all.length]!;
  const random = new Random(fold(seed, file));
  const { json, material } = reader;
  if (json?.free === undefined || random.below(4) === 0) {
    return {
      reader,
      bytes: mutate(random, material),
      mustBeSame: json !== undefined && json.free === undefined,
    };
  }
  const { text, path, keepsType } = mutateJson(random, new TextDecoder().decode(material.samples[0]));
  const free = json.free.test(path) && (keepsType || json.anyType?.test(path));
  return { reader, bytes: utf8(text), mustBeSame: !free };
}

const golden = join(import.meta.dirname!, "..", "golden");

/** Bytes of a text in UTF-8. */
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Bytes of a text whose characters are bytes. */
const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));

const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

const jsonTokens = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "null",
    "-1",
    "1e999",
    "0.5",
    "true",
    '""',
    "\\u0000",
    "\ufeff",
    "\n",
  ],
  ...[
    '"__proto__":{},',
    `"text":${deep},`,
    `"id2label":${deep},`,
    '"a":null,',
    `"large":${"9".repeat(400)},`,
  ],
].map(utf8);

const pickleTokens = [
  ...[
    "cos\nsystem\n",
    "ccollections\nOrderedDict\n",
    "ctorch\nLongStorage\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
  ],
  ...[
    "}",
    "]",
    ")",
    "(",
    "t",
    "R",
    "b",
    "Q",
    "u",
    "s",
    "e",
    "a",
    ".",
    "N",
    "0",
    "\x81",
    "\x85",
    "\x86",
    "\x87",
    "2",
  ],
  ...[
    "h\0",
    "h\x05",
    "q\x05",
    "j\0\0\0\0",
    "K\0",
    "M\xff\xff",
    "J\xff\xff\xff\xff",
    "\x8a\xff",
    "\x8a\x01\x80",
  ],
  ...["X\xff\xff\xff\xff", "U\x03abc", "G\x7f\xf0\0\0\0\0\0\0", "PK\x01\x02", "PK\x05\x06"],
].map(latin1);

/** Makes sure that tensors have the values that their shapes say, and that they are not far larger than their file. */
function checkTensors(tensors: HostTensors, size: number): void {
  let bytes = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const count = shape.includes(0) ? 0 : shape.reduce((product, length) => product * length, 1);
    if (data.length !== count) throw new Error(`${name} has ${data.length} values and the shape [${shape}]`);
    bytes += data.byteLength;
  }
  if (bytes > 16 * size) throw new Error(`${size} bytes became ${bytes}`);
}

/** Lets a safetensors file's header end with its last braces and the spaces after them. */
function setHeaderLength(bytes: Uint8Array): void {
  let end = bytes.findLastIndex((byte, at) => byte === 0x7d && bytes[at - 1] === 0x7d) + 1;
  while (bytes[end] === 0x20) end++;
  if (end > 8) new DataView(bytes.buffer).setBigUint64(0, BigInt(end - 8), true);
}

/** Lets a Parquet file's footer begin where its version and its schema seem to. */
function setFooterLength(bytes: Uint8Array): void {
  const start = bytes.findLastIndex((byte, at) =>
    byte === 0x15 && bytes[at + 2] === 0x19 && (bytes[at + 3]! & 15) === 12
  );
  const end = bytes.length - 8;
  if (start >= 0 && start < end) new DataView(bytes.buffer).setUint32(end, end - start, true);
}

/** A stream that keeps nothing, for a path that must lie inside of the target folder. */
function discard(path: string): Writable {
  if (/^\/|\\|(^|\/)\.?\.?(\/|$)/.test(path)) throw new Error(`it would write ${path}`);
  return new Writable({ write: (_bytes, _encoding, done) => done() });
}

const samplesOf = (...paths: string[]) => Promise.all(paths.map((path) => readFile(join(golden, path))));

/**
 * The readers, or the one of a name.
 *
 * @param folder for the files of those that read from a path
 */
export async function readers(folder: string, only?: string): Promise<Reader[]> {
  const all = await allReaders(folder);
  return only === undefined ? all : all.filter(({ name }) => name === only);
}

async function allReaders(folder: string): Promise<Reader[]> {
  /** A reader whose files must have a name. */
  const byPath = (
    name: string,
    material: Material,
    file: string,
    read: (path: string) => Promise<unknown>,
  ): Reader => ({
    name,
    material,
    async read(bytes) {
      await writeFile(join(folder, file), bytes);
      await read(join(folder, file));
    },
  });
  const backFolder = await mkdtemp(join(folder, "json-"));
  const readBack = (await jsonReaders(backFolder, join(golden, "bert", "tiny"))).map((
    { name, file, whole, free, anyType, read },
  ): Reader => ({
    name,
    material: { samples: [whole], tokens: jsonTokens },
    json: { free, anyType },
    async read(bytes) {
      const path = join(backFolder, file);
      await writeFile(path, bytes);
      try {
        return await read();
      } catch (error) {
        if (error instanceof InputError && !error.message.includes(basename(path))) {
          throw new Error(`${error.message} (the file is not named)`);
        }
        throw error;
      } finally {
        await writeFile(path, whole);
      }
    },
  }));
  const record = `${JSON.stringify(exampleRecord())}\n`;
  const rows = [
    { text: "A joy", label: 1, more: [1, { a: null }] },
    { text: "“Dull”, he said\n", label: "0", more: "\ud83d\ude00" },
  ];
  const jsonLines = rows.map((row) => JSON.stringify(row)).join("\r\n");
  const quoted = 'text,label\r\n"A ""joy"", truly",1\n\nplain,0\r"two\nlines",1\n';
  const tableTokens = [
    '"',
    '""',
    ",",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\ufeff",
    "\0",
    '"\n',
    ',"',
    "é",
    "\ud83d\ude00",
  ]
    .map(utf8);
  return [
    ...readBack,
    {
      name: "safetensors",
      material: {
        samples: await samplesOf("torch/views.safetensors", "bert/types.safetensors"),
        tokens: jsonTokens,
        repair: setHeaderLength,
      },
      read: async (bytes) => checkTensors(await readSafetensors(inMemory("fuzz", bytes)), bytes.length),
    },
    ...await Promise.all(["zip", "legacy"].map(async (format): Promise<Reader> => ({
      name: `torch (${format})`,
      material: { samples: await samplesOf(`torch/views.${format}.bin`), tokens: pickleTokens },
      read: async (bytes) => checkTensors(await readTorchCheckpoint(inMemory("fuzz", bytes)), bytes.length),
    }))),
    {
      name: "zip",
      material: {
        samples: [
          zip({ "m/a.txt": "short", "m/sub/b.txt": "some text ".repeat(30), "other/c": "no", "m/": "" }),
          zip({ "m/d": "some other text ".repeat(5) }),
        ],
        tokens: ["PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "../", "/", "m/a.txt", "m/", "\\", "\0"].map(
          latin1,
        ),
      },
      read: (bytes) => unzip(inMemory("fuzz", bytes), "m", discard),
    },
    {
      name: "config.json",
      material: { samples: await samplesOf("bert/tiny/config.json"), tokens: jsonTokens },
      read: (bytes) => Promise.try(() => void parseConfig(new TextDecoder().decode(bytes), "fuzz")),
    },
    byPath("CSV", { samples: [utf8(quoted)], tokens: tableTokens }, "table.csv", readTable),
    byPath(
      "TSV",
      { samples: [utf8(quoted.replaceAll(",", "\t"))], tokens: tableTokens },
      "table.tsv",
      readTable,
    ),
    byPath("JSON Lines", { samples: [utf8(jsonLines)], tokens: jsonTokens }, "table.jsonl", readTable),
    byPath(
      "records",
      { samples: [utf8(record + record)], tokens: jsonTokens },
      "records.jsonl",
      async () => {
        const { records, warnings } = await readRecords(folder);
        if (records.length === 0 && warnings.length > 0) throw new InputError(warnings[0]!);
      },
    ),
    // Not brotli.parquet: of damaged Brotli, Deno's own decoder writes to standard error.
    byPath(
      "Parquet",
      {
        samples: await samplesOf(
          "parquet/imdb/plain_text/train-00000-of-00001.parquet",
          "parquet/ag-news/data/test-00000-of-00001.parquet",
          ...["zstd", "gzip", "delta", "lengths", "duckdb", "list", "null"].map((name) =>
            `parquet/codecs/${name}.parquet`
          ),
        ),
        tokens: ["PAR1", "\x15\0", "\x15\x02", "\x15\xfe\xff\xff\xff\x0f", "\x19\xfc", "\0", "\x18\x04text"]
          .map(latin1),
        repair: setFooterLength,
      },
      "table.parquet",
      (path) => Array.fromAsync(readParquet(path, ["text", "label"])),
    ),
  ];
}
