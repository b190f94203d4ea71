/** Reading pages back: their tables as text. */

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The text of markup, without its tags. */
export const textOf = (markup: string): string =>
  markup.replaceAll(/<[^>]*>/g, "").replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name) => entities[name]!)
    .trim();

/** The lines of a page's tables whose caption matches, cells as text; the head is left out. */
export function tableRows(page: string, caption: RegExp): string[][] {
  return [...page.matchAll(/<table>(.*?)<\/table>/gs)]
    .filter(([, table]) => caption.test(textOf(/<caption>(.*?)<\/caption>/s.exec(table!)![1]!)))
    .flatMap(([, table]) => {
      const body = /<tbody>(.*?)<\/tbody>/s.exec(table!)![1]!;
      return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
        [...row!.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) => textOf(cell!))
      );
    });
}
