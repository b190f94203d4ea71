/** Values that a notebook draws and a terminal prints. */

/** The method that the Deno kernel asks a cell's last value for. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** The method by which `console.log` prints a value. */
export const terminalPrint: unique symbol = Symbol.for("Deno.customInspect");

/** Something that shows itself as a cell's last value. */
export interface Displayable {
  /** Contents by media type, of which a notebook's page shows the richest that it knows. */
  [jupyterDisplay](): Promise<Record<string, string>>;
  /** What a terminal prints. */
  [terminalPrint](): string;
}

/** The same thing for different pages; each can be read without running a script. */
export interface Content {
  /** For a terminal, and for pages that know nothing else. */
  readonly text: string;
  /** As Markdown. */
  readonly markdown?: string;
  /** As HTML. */
  readonly html?: string;
  /** As a picture. */
  readonly svg?: string | (() => Promise<string>);
}

/** A picture that becomes smaller where the page is narrower. */
export function fitting(svg: string): string {
  return svg.replace(/^<svg\b/, '<svg style="max-width: 100%; height: auto"');
}

/** Something that shows this content and is nothing else. */
export function displayable(content: Content): Displayable {
  return withDisplay({}, () => content);
}

/** The value itself, which now shows itself as `content` says. A copy of it does not. */
export function withDisplay<Value extends object>(
  value: Value,
  content: (value: Value) => Content,
): Value & Displayable {
  const bundle = async () => {
    const { text, markdown, html, svg } = content(value);
    const picture = typeof svg === "function" ? await svg() : svg;
    const all = {
      "text/plain": text,
      "text/markdown": markdown,
      "text/html": html,
      "image/svg+xml": picture === undefined ? undefined : fitting(picture),
    };
    return Object.fromEntries(Object.entries(all).filter(([, content]) => content !== undefined));
  };
  return Object.defineProperties(value, {
    [jupyterDisplay]: { value: bundle },
    [terminalPrint]: { value: () => content(value).text },
  }) as Value & Displayable;
}
