/**
 * `deno task pages FOLDER`: opens every page of a report in headless Chromium, wide and narrow, light and dark, and
 * says what is wrong: script errors, requests, contents wider than the page, what axe-core calls serious.
 */
import { Command } from "commander";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { packageFolder } from "../lib/storage/packages.ts";
import { InputError } from "../lib/errors.ts";
import { type Output, runCommand, standardOutput } from "./command.ts";
import { type BrowserPage, startBrowser } from "./devtools.ts";

/** Only this command needs it, so it is not in deno.json, whose packages all are fetched by a clean clone. */
const axePackage = { name: "axe-core", version: "4.14.1", megabytes: 3 };

/** A way of looking at a page. */
interface View {
  readonly name: string;
  /** Width of the window, in pixels. */
  readonly width: number;
  readonly scheme: "light" | "dark";
  /** Without plotly.js the page must work too. */
  readonly withoutPlotly?: boolean;
  /** `true` for the page as printed. */
  readonly print?: boolean;
}

const views: readonly View[] = [
  { name: "1280-light", width: 1280, scheme: "light" },
  { name: "1280-dark", width: 1280, scheme: "dark" },
  { name: "360-light", width: 360, scheme: "light" },
  { name: "360-dark", width: 360, scheme: "dark" },
  { name: "360-pictures", width: 360, scheme: "light", withoutPlotly: true },
  { name: "print", width: 800, scheme: "light", print: true },
];

interface PagesOptions {
  readonly screenshots?: string;
}

const pagesCommand = (output: Output) =>
  new Command("pages")
    .description(
      "Opens every page of a report in headless Chromium (CHROME, or chromium on the path) and checks it.",
    )
    .argument("<folder>", "a report, or what deno task publish wrote")
    .option("--screenshots <folder>", "where a picture of each page and view is kept")
    .action(async (folder: string, { screenshots }: PagesOptions) => {
      const names = (await readdir(folder, { recursive: true }).catch(() => []))
        .filter((name) => name.endsWith(".html")).sort();
      if (names.length === 0) {
        throw new InputError(`Cannot check ${folder} as it has no pages: expected a report`);
      }
      const axe = await readFile(join(await packageFolder(axePackage, output.error), "axe.min.js"), "utf8");
      if (screenshots !== undefined) await mkdir(screenshots, { recursive: true });
      await using browser = await startBrowser();
      let found = 0;
      for (const name of names) {
        const target = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(
          await readFile(join(folder, name), "utf8"),
        )?.[1];
        if (target !== undefined) { // there is nothing to see, only somewhere to go
          await stat(join(folder, dirname(name), target)).catch(() => {
            output.out(`${name}: leads to ${target}, which is not there`);
            found++;
          });
          continue;
        }
        for (const view of views) {
          const page = await browser.open();
          const picture = screenshots && join(screenshots, `${name.replaceAll("/", "-")}-${view.name}.png`);
          const findings = await look(page, pathToFileURL(resolve(folder, name)).href, view, axe, picture);
          for (const finding of findings) output.out(`${name}, ${view.name}: ${finding}`);
          found += findings.length;
          await page.call("Page.close");
        }
      }
      output.out(`${names.length} pages in ${views.length} views, ${found} findings`);
      if (found > 0) throw new InputError(`${found} findings, see above`);
    });

/** Lists the faults of a page. */
async function look(
  page: BrowserPage,
  url: string,
  { width, scheme, withoutPlotly, print }: View,
  axe: string,
  picture?: string,
): Promise<string[]> {
  const findings: string[] = [];
  const requests = new Map<string, string>();
  page.onEvent = ({ method, params }) => {
    if (method === "Runtime.exceptionThrown") {
      const { text, exception } = params.exceptionDetails;
      findings.push(`script error: ${exception?.description ?? text}`);
    }
    if (method === "Runtime.consoleAPICalled" && params.type === "error") {
      findings.push(`console: ${params.args.map((one: { value?: unknown }) => one.value).join(" ")}`);
    }
    if (method === "Network.requestWillBeSent") {
      requests.set(params.requestId, params.request.url);
      if (!/^(file|data|blob):/.test(params.request.url)) findings.push(`request of ${params.request.url}`);
    }
    if (method === "Network.loadingFailed" && !params.blockedReason && !params.canceled) {
      findings.push(`cannot load ${requests.get(params.requestId)}: ${params.errorText}`);
    }
  };
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = await page.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const size = (height: number) =>
    page.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
  for (const domain of ["Page", "Runtime", "Network"]) await page.call(`${domain}.enable`);
  if (withoutPlotly) await page.call("Network.setBlockedURLs", { urls: ["*plotly.min.js"] });
  await page.call("Emulation.setEmulatedMedia", {
    media: print ? "print" : "screen",
    features: [{ name: "prefers-color-scheme", value: scheme }, {
      name: "prefers-reduced-motion",
      value: "reduce",
    }],
  });
  await size(900);
  const loaded = page.next("Page.loadEventFired");
  await page.call("Page.navigate", { url });
  await loaded;
  // The whole page in view, so that all figures are drawn.
  await size(Math.min(16_000, await evaluate("document.documentElement.scrollHeight")));
  await evaluate(`new Promise((resolve) => {
    const done = () => [...document.querySelectorAll(".live:not([hidden]) .plot")]
      .every((plot) => plot.offsetParent === null || plot.querySelector(".main-svg"));
    const look = (times) => done() || times === 0 ? requestAnimationFrame(resolve) : setTimeout(look, 50, times - 1);
    look(100);
  })`);
  const height = Math.min(16_000, await evaluate("document.documentElement.scrollHeight"));
  await size(height);
  const wide = await evaluate(`[...document.querySelectorAll("body *")]
    .filter((element) => !element.parentElement.closest(".scroll, svg, details:not([open])"))
    .filter((element) => !element.matches(".skip") && element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => element.outerHTML.slice(0, 80))`) as string[];
  const scrollWidth = await evaluate("document.documentElement.scrollWidth");
  // Paper does not scroll: a wide table is cut there, and the page still holds the rest.
  if (scrollWidth > width && !print) {
    findings.push(`${scrollWidth} pixels wide: ${wide.slice(0, 3).join(" ")}`);
  }
  if (picture) {
    const clip = { x: 0, y: 0, width, height, scale: 1 };
    const { data } = await page.call("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    await writeFile(picture, Uint8Array.fromBase64(data));
  }
  if (print) return findings;
  await evaluate(axe);
  const violations = await evaluate("axe.run({ preload: false }).then(({ violations }) => violations)") as {
    id: string;
    impact: string;
    help: string;
    nodes: { html: string; any: { message: string }[] }[];
  }[];
  for (const { id, impact, help, nodes } of violations) {
    if (impact !== "serious" && impact !== "critical") continue;
    const [first] = nodes;
    findings.push(
      `${impact}, ${id}: ${help}, ${nodes.length} times, such as ${first!.html.slice(0, 120)}` +
        (first!.any[0] ? ` (${first!.any[0].message})` : ""),
    );
  }
  return findings;
}

if (import.meta.main) Deno.exit(await runCommand(pagesCommand(standardOutput), Deno.args));
