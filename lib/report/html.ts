/** HTML by a template tag that escapes everything that is not markup already. */
import { escapeHtml } from "../printable.ts";

/** Markup that is safe in a page. */
export class Markup {
  /** @param text Markup that is used without escaping. */
  constructor(readonly text: string) {}
}

/** A value for a template: nothing, text and numbers (escaped), markup, or a list of these. */
export type Fragment = Markup | string | number | null | undefined | false | readonly Fragment[];

/** Makes markup from a template: html`<p>${text}</p>`. Values of attributes must be between quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Markup {
  return new Markup(strings.reduce((text, string, place) => text + render(values[place - 1]) + string));
}

function render(content: Fragment): string {
  if (content instanceof Markup) return content.text;
  if (content === null || content === undefined || content === false) return "";
  if (Array.isArray(content)) return content.map(render).join("");
  return escapeHtml(`${content}`);
}

/** Writes a value as JSON in a script element, so that no text in it can end the element. */
export const jsonScript = (value: unknown): Markup =>
  new Markup(
    `<script type="application/json">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>`,
  );
