/** Reads a mail as it was sent (RFC 5322, MIME): its headers and its text, decoded. */

/** The headers and the text of a mail. */
export interface Message {
  /** Headers by name in lower case, unfolded; the first of each name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The text of the body, markup removed. */
  readonly text: string;
}

/**
 * Reads a mail: of alternatives the plain one, and only attachments that are texts.
 *
 * @param raw the mail's bytes, one character each (latin1)
 */
export function readMessage(raw: string): Message {
  const { headers, body } = entityOf(raw.replace(/\r\n?/g, "\n"));
  return { headers, text: textOf(headers, body) };
}

/** Decodes the encoded words (RFC 2047) of a header. */
export function decodeHeader(value: string): string {
  return value
    .replace(/(=\?[^?\s]+\?[bq]\?[^?]*\?=)\s+(?==\?)/gi, "$1")
    .replace(
      /=\?([^?\s]+)\?([bq])\?([^?]*)\?=/gi,
      (_, charset: string, encoding: string, word: string) =>
        encoding.toLowerCase() === "b"
          ? decodeCharset(decodeBase64(word), charset)
          : decodeCharset(decodeQuotedPrintable(word.replaceAll("_", " ")), charset),
    );
}

/** Returns the text of a page: no markup, styles or scripts, a line for each block. */
export function htmlText(html: string): string {
  return html
    .replace(/<!--[\s\S]*?-->|<(style|script|title)\b[\s\S]*?<\/\1\s*>/gi, "")
    .replace(/\s+/g, " ")
    .replace(/<\/?(?:p|br|div|tr|li|ul|ol|h[1-6]|table|center|hr|blockquote|pre)\b[^>]*>/gi, "\n")
    .replace(/<\/?t[dh]\b[^>]*>/gi, " ")
    .replace(/<[/!?]?[a-z][^>]*>/gi, "")
    .replace(/&(?:#(\d{1,6})|#x([0-9a-f]{1,5})|(\w{2,8}));?/gi, (
      whole,
      decimal?: string,
      hexadecimal?: string,
      name?: string,
    ) => {
      if (name !== undefined) return entities[name.toLowerCase()] ?? whole;
      const code = decimal !== undefined ? Number(decimal) : parseInt(hexadecimal!, 16);
      return code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : " ";
    });
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  copy: "©",
  reg: "®",
  trade: "™",
  bull: "•",
  middot: "·",
  ndash: "–",
  mdash: "—",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
  hellip: "…",
};

function entityOf(raw: string): { headers: Map<string, string>; body: string } {
  const end = /\n[ \t]*(?:\n|$)/.exec(raw)?.index ?? raw.length;
  const headers = new Map<string, string>();
  for (const line of raw.slice(0, end).replace(/\n[ \t]+/g, " ").split("\n")) {
    const [, name, value] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
    if (name && !headers.has(name.toLowerCase())) headers.set(name.toLowerCase(), value!.trim());
  }
  return { headers, body: raw.slice(end).trim() };
}

function textOf(headers: ReadonlyMap<string, string>, body: string): string {
  const contentType = headers.get("content-type") ?? "text/plain";
  const type = /^[\w.+-]+\/[\w.+-]+/.exec(contentType)?.[0].toLowerCase() ?? "text/plain";
  if (type.startsWith("multipart/")) return partsText(type, parameter(contentType, "boundary"), body);
  if (type === "message/rfc822") return readMessage(body).text;
  if (!type.startsWith("text/")) return "";
  const bytes = decodeTransfer(headers.get("content-transfer-encoding") ?? "", body);
  const text = decodeCharset(bytes, parameter(contentType, "charset"));
  return type === "text/html" || /<html\b|<body\b/i.test(text) ? htmlText(text) : text;
}

function partsText(type: string, boundary: string, body: string): string {
  const pieces = `\n${body}`.split(`\n--${boundary}`);
  if (boundary === "" || pieces.length < 2) return body;
  const texts = pieces.slice(1).filter((piece) => !piece.startsWith("--")).map((piece) => {
    const part = entityOf(piece.replace(/^[ \t]*/, "").replace(/^\n(?!\n)/, ""));
    return textOf(part.headers, part.body);
  }).filter((text) => text.trim() !== "");
  return type === "multipart/alternative" ? texts[0] ?? "" : texts.join("\n\n");
}

function parameter(value: string, name: string): string {
  const found = new RegExp(`${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;"]+))`, "i").exec(value);
  return found?.[1] ?? found?.[2] ?? "";
}

function decodeTransfer(encoding: string, body: string): string {
  if (/quoted-printable/i.test(encoding)) return decodeQuotedPrintable(body);
  return /base64/i.test(encoding) ? decodeBase64(body) : body;
}

function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=[ \t]*\n/g, "")
    .replace(/=([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(parseInt(code, 16)));
}

function decodeBase64(text: string): string {
  const letters = /^[A-Za-z0-9+/\s]*/.exec(text)![0].replace(/\s+/g, "");
  return atob(letters.slice(0, letters.length % 4 === 1 ? -1 : undefined));
}

/** Decodes bytes; unknown charsets are read as windows-1252, a superset of latin1 and ASCII. */
function decodeCharset(latin1: string, charset: string): string {
  const bytes = Uint8Array.from(latin1, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder(charset || "windows-1252").decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}
