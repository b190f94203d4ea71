/** Values that a notebook draws and a terminal prints. */
import { printable } from "../printable.ts";
import { callback, having, requireArguments } from "../storage/arguments.ts";
import { object, text } from "../storage/json.ts";

/** The method that the Deno kernel calls on a cell's last value. */
export const jupyterDisplay: unique symbol = Symbol.for("Jupyter.display");

/** The method that `console.log` calls to print a value. */
export const terminalPrint: unique symbol = Symbol.for("Deno.customInspect");

/** A value that shows itself as a cell's last value. */
export interface Displayable {
  /** Returns contents by media type; a notebook shows the richest one that it knows. */
  [jupyterDisplay](): Promise<Record<string, string>>;
  /** Returns the text for a terminal. */
  [terminalPrint](): string;
}

/** The same content in several forms; each can be read without running a script. */
export interface Content {
  /** Plain text, for a terminal and for pages that know nothing else. */
  readonly text: string;
  /** Markdown. */
  readonly markdown?: string;
  /** HTML. */
  readonly html?: string;
  /** A picture, or a function that draws it. */
  readonly svg?: string | (() => Promise<string>);
}

/** Returns a picture that shrinks to the width of its page. */
export function fitting(svg: string): string {
  return svg.replace(/^<svg\b/, '<svg style="max-width: 100%; height: auto"');
}

/** Makes a value that only shows this content. */
export function displayable(content: Content): Displayable {
  requireArguments("displayable", { content: [content, object({ text })] });
  return withDisplay({}, () => content);
}

/** Adds a display to a value and returns the value itself. A copy of it has no display. */
export function withDisplay<Value extends object>(
  value: Value,
  content: (value: Value) => Content,
): Value & Displayable {
  requireArguments("withDisplay", { value: [value, having("an object")], content: [content, callback] });
  const bundle = async () => {
    const { text, markdown, html, svg } = content(value);
    const picture = typeof svg === "function" ? await svg() : svg;
    const all = {
      "text/plain": printable(text),
      "text/markdown": markdown,
      "text/html": html,
      "image/svg+xml": picture === undefined ? undefined : fitting(picture),
    };
    return Object.fromEntries(Object.entries(all).filter(([, content]) => content !== undefined));
  };
  return Object.defineProperties(value, {
    [jupyterDisplay]: { value: bundle },
    [terminalPrint]: { value: () => printable(content(value).text) },
  }) as Value & Displayable;
}
