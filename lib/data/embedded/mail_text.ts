/** The text that a mail's writer wrote: no quotes, signatures, list footers, or tags of lists in the subject. */

/** Returns a subject without `Re:`, `Fwd:` and `[tag]`. */
export function cleanSubject(subject: string): string {
  return subject
    .replace(/\[[^\]]*\]/g, " ")
    .replace(/\s+/g, " ")
    .replace(/^(?:\s*(?:re|fwd?|aw|sv)\s*(?:[[(]?\d+[\])]?)?\s*:)+/i, "")
    .replace(/\(fwd\)/gi, "")
    .trim();
}

/** Removes from a body the parts that others wrote or programs added; paragraphs stay. */
export function cleanBody(text: string): string {
  return withoutEncodedLines(withoutSignature(withoutFooters(withoutQuotes(withoutArmour(text)))))
    .replace(/^\s*URL: .*\n+Date: .*\n/, "")
    .replace(/[\u00a0\t]/g, " ")
    .replace(/ +$/gm, "")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

const quoted = /^ ?(?:[A-Za-z.]{0,5}>|[|}:] )/;
const attribution = /\b(?:wrote|writes|said|says|mentioned|schrieb|typed|spake)\b.{0,40}$/i;
const attributionStart = /^ *(?:(?:on|at|in|quoting|from|once upon)\b|[-*=\d])/i;

/** Removes quoted lines, and the line or two that introduce them. */
function withoutQuotes(text: string): string {
  const kept: string[] = [];
  for (const line of withoutOriginal(text).split("\n")) {
    if (!quoted.test(line)) {
      kept.push(line);
      continue;
    }
    while (kept.at(-1)?.trim() === "") kept.pop();
    if (attribution.test(kept.at(-1) ?? "")) {
      const last = kept.pop()!;
      if (!attributionStart.test(last) && attributionStart.test(kept.at(-1) ?? "")) kept.pop();
    }
    kept.push("");
  }
  return kept.join("\n");
}

/** Removes all below "Original Message", unless quotes are marked there or nothing is above. */
function withoutOriginal(text: string): string {
  const [whole, below] =
    /^-{2,} ?Original Message ?-{2,}[ \t]*\n+(?:[ \t]*(?:[A-Z][\w-]+|\[mailto):.*\n)*([\s\S]*)/m.exec(text) ??
      [];
  if (whole === undefined) return text;
  const above = text.slice(0, -whole.length);
  return above.trim() === "" || /^ ?>/m.test(below!) ? `${above}\n${withoutOriginal(below!)}` : above;
}

/** Removes the lines that PGP puts around a text. */
function withoutArmour(text: string): string {
  return text
    .replace(/^-----BEGIN PGP SIGNED MESSAGE-----\n(?:\w+:.*\n)*/gm, "")
    .replace(
      /^-----BEGIN PGP (?:SIGNATURE|PUBLIC KEY BLOCK)-----[\s\S]*?(?:^-----END PGP .*$|$(?![\s\S]))/gm,
      "",
    );
}

/** Beginnings of lines added by a list, a provider or a sponsor; in pages the lines run on. */
const footers = [
  /_{20,}\s(?:.*\n){0,4}.*(?:mailing list|listinfo|https?:\/\/|mailto:)/i,
  /-{20,}\s*This \S+ ?email is sponsored by/i,
  /^To unsubscribe from this group, send an email to:/m,
  /^_{20,}\n(?:Do You Yahoo|Join the world|Chat with|MSN|Send and receive|Get your FREE|Add photos)/im,
  /^-- ?\n(?:.*\n){0,3}.*(?:listinfo|mailing list|list maintainer|\(un\)subscription)/im,
  /(?:-{20,}\s*)?--DeathToSpam/,
];

function withoutFooters(text: string): string {
  const body = text
    .replace(/^-{10,} Yahoo! Groups Sponsor[\s\S]*?-~->\n/gm, "")
    .replace(/^\s*<?https?:\S*\/listinfo\/\S*\s*$/gm, "");
  const starts = footers.map((footer) => body.search(footer)).filter((place) => place >= 0);
  return body.slice(0, Math.min(...starts, body.length));
}

/** Removes all from "-- " on, if it is as short as a signature. */
function withoutSignature(text: string): string {
  const start = text.search(/^-- ?$/m);
  if (start <= 0 || text.slice(start).split("\n").length > 20) return text;
  return text.slice(0, start);
}

/** Removes lines of uuencode and base64. */
function withoutEncodedLines(text: string): string {
  return text.replace(/^(?:M[!-`]{60}|[A-Za-z0-9+/=]{60,})$\n?/gm, "");
}
