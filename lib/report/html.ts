/** HTML from small functions: a template tag that escapes whatever is not markup already. */

/** Markup, safe to stand in a page. */
export class Markup {
  /** Text that is trusted as it is. */
  constructor(readonly text: string) {}
}

/** What may stand in a template: nothing, text and numbers (escaped), markup, or a list of these. */
export type Fragment = Markup | string | number | null | undefined | false | readonly Fragment[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it stands in an element or between the quotes of an attribute. */
export const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => entities[sign]!);

/** A template of markup: html`<p>${text}</p>`. Attributes' values stand between quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Fragment[]): Markup {
  return new Markup(strings.reduce((text, string, place) => text + render(values[place - 1]) + string));
}

function render(content: Fragment): string {
  if (content instanceof Markup) return content.text;
  if (content === null || content === undefined || content === false) return "";
  if (Array.isArray(content)) return content.map(render).join("");
  return escape(`${content}`);
}

/** A value as JSON inside a script element, where no text can end the element. */
export const jsonScript = (value: unknown): Markup =>
  new Markup(
    `<script type="application/json">${JSON.stringify(value).replaceAll("<", "\\u003c")}</script>`,
  );
