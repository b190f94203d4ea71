/** Texts from outside, made fit for a terminal, for messages, Markdown and HTML. */

/** Characters that steer a terminal, break a line or turn the order of text, and halves of a surrogate pair. */
const unseen = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;

/** Longest message, in characters. */
const longest = 500;

/** Escapes what a terminal would obey and not show; line ends and tabs stay. */
export function printable(text: string): string {
  return text.split(/(\r\n|[\n\t])/).map((part, place) => place % 2 === 1 ? part : oneLine(part)).join("");
}

/** Escapes what a terminal would obey and not show, line ends and tabs too. */
export function oneLine(text: string): string {
  const names: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
  return text.replace(
    unseen,
    (one) => names[one] ?? `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Cuts a message of more than 500 characters in its middle, as its end says what to do. */
export function shortMessage(message: string): string {
  if (message.length <= longest) return message;
  const end = 200;
  return `${message.slice(0, longest - end - 1)}…${message.slice(-end)}`.toWellFormed();
}

/** Takes user and password out of every address in a text. */
export function withoutUser(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#]*@/gi, "$1");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes a text for an element of HTML or SVG, or for an attribute between quotes. */
export const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!);

/** Escapes a text for Markdown, in a table too: it is shown as it stands, on one line, and is no markup. */
export function escapeMarkdown(text: string): string {
  return oneLine(text.replaceAll(/\s+/g, " ")).replaceAll(/[\\`*_[\]<>|~&$]/g, "\\$&");
}
