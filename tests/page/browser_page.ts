/** An exported page in headless Chromium. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../../lib/storage/packages.ts";
import { type Browser, type BrowserPage, startBrowser } from "../../scripts/devtools.ts";

/** Starts the browser; undefined, and said, where none is installed. */
export async function browserIfThere(test: string): Promise<Browser | undefined> {
  try {
    return await startBrowser();
  } catch (error) {
    console.error(`${test} is skipped: ${(error as Error).message}`);
  }
}

/** A way of looking at a page. */
export interface View {
  readonly width: number;
  readonly scheme: "light" | "dark";
}

/** The views in which a page is looked at. */
export const views: readonly View[] = [
  { width: 1280, scheme: "light" },
  { width: 1280, scheme: "dark" },
  { width: 360, scheme: "light" },
  { width: 360, scheme: "dark" },
];

/** An open page. */
export class OpenPage {
  /** Addresses that were asked for. */
  readonly requests: string[] = [];
  /** Errors of scripts, and what the policy of contents blocked. */
  readonly faults: string[] = [];

  private constructor(readonly page: BrowserPage) {
    page.onEvent = ({ method, params }) => {
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
      if (method === "Runtime.exceptionThrown") {
        const { text, exception } = params.exceptionDetails;
        this.faults.push(`${text} ${exception?.description ?? ""}`);
      }
      if (method === "Log.entryAdded" && params.entry.level === "error") this.faults.push(params.entry.text);
      if (method === "Runtime.consoleAPICalled" && params.type === "error") {
        this.faults.push(`console: ${params.args.map((arg: { value?: string }) => arg.value).join(" ")}`);
      }
    };
  }

  /** Opens an address and waits until an expression holds: that the model is loaded, or failed to, if not given. */
  static async open(
    browser: Browser,
    url: string,
    ready = `document.documentElement.dataset.ready || document.querySelector("#state.missing")`,
  ): Promise<OpenPage> {
    const opened = new OpenPage(await browser.open());
    const { page } = opened;
    for (const domain of ["Page", "Runtime", "Network", "Log", "DOM"]) await page.call(`${domain}.enable`);
    await page.watchWorkers();
    await opened.see({ width: 1280, scheme: "light" });
    const loaded = page.next("Page.loadEventFired");
    await page.call("Page.navigate", { url });
    await loaded;
    await opened.until(ready);
    return opened;
  }

  /** Returns the value of an expression. */
  // deno-lint-ignore no-explicit-any -- each expression has another value
  async value(expression: string): Promise<any> {
    const { result, exceptionDetails } = await this.page.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression holds, for at most a minute. */
  async until(expression: string): Promise<void> {
    for (let tries = 0; tries < 600; tries++) {
      if (await this.value(`!!(${expression})`)) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Not so after a minute: ${expression}; the page says ${await this.text("state")}`);
  }

  /** Returns the text of an element. */
  text(id: string): Promise<string> {
    return this.value(`document.getElementById(${JSON.stringify(id)}).textContent`);
  }

  /** Sets width and colors. */
  async see({ width, scheme }: View): Promise<void> {
    await this.page.call("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
    await this.page.call("Emulation.setDeviceMetricsOverride", {
      ...{ width, height: 900, deviceScaleFactor: 1, mobile: false },
    });
  }

  /** Labels a text and returns the page's probabilities in percent, by label. */
  async label(text: string, pair?: string): Promise<Record<string, number>> {
    await this.value(`(() => {
      document.getElementById("result").replaceChildren();
      document.getElementById("text").value = ${JSON.stringify(text)};
      ${pair === undefined ? "" : `document.getElementById("pair").value = ${JSON.stringify(pair)};`}
      document.getElementById("form").requestSubmit();
    })()`);
    await this.until(`document.querySelector("#result table")`);
    return await this.value(
      `Object.fromEntries([...document.querySelectorAll("#result tbody tr")].map((row) =>
      [row.cells[0].textContent, parseFloat(row.cells[1].textContent)]))`,
    );
  }

  /** Asks which words decided and returns the marked ones with their title. */
  async explain(): Promise<Record<string, string>> {
    await this.value(`document.getElementById("why").click()`);
    await this.until(`document.querySelector("#explanation table")`);
    return await this.value(
      `Object.fromEntries([...document.querySelectorAll("#explanation .whole mark")].map((mark) =>
      [mark.textContent, mark.className + " " + mark.title]))`,
    );
  }

  /** Chooses a table's file, as a drop of it does, and waits until it is looked at. */
  async choose(path: string): Promise<string> {
    const { root } = await this.page.call("DOM.getDocument");
    const { nodeId } = await this.page.call("DOM.querySelector", { nodeId: root.nodeId, selector: "#file" });
    await this.page.call("DOM.setFileInputFiles", { nodeId, files: [path] });
    await this.until(`/rows?\\.|^Cannot/.test(document.getElementById("table-state").textContent)`);
    return await this.text("table-state");
  }

  /** Labels the chosen table and saves it into a folder; returns what was saved. */
  async save(folder: string): Promise<{ name: string; content: string }> {
    await this.value(`document.getElementById("label").click()`);
    await this.until(`document.getElementById("download")`);
    await this.page.call("Browser.setDownloadBehavior", {
      behavior: "allow",
      downloadPath: folder,
      eventsEnabled: true,
    });
    const done = new Promise<void>((resolve) => {
      const before = this.page.onEvent;
      this.page.onEvent = (event) => {
        before(event);
        if (event.method === "Browser.downloadProgress" && event.params.state === "completed") resolve();
      };
    });
    const name = await this.value(`document.getElementById("download").download`);
    await this.value(`document.getElementById("download").click()`);
    await done;
    const [file] = [...Deno.readDirSync(folder)].filter(({ name }) => !name.startsWith("."));
    return { name, content: await readFile(join(folder, file!.name), "utf8") };
  }

  /** Returns axe-core's findings in each view, none left out, and what is wider than the page. */
  async findings(): Promise<string[]> {
    const axe = await readFile(
      join(
        await packageFolder({ name: "axe-core", version: "4.14.1", megabytes: 3 }, console.error),
        "axe.min.js",
      ),
      "utf8",
    );
    await this.value(axe);
    const found: string[] = [];
    for (const view of views) {
      await this.see(view);
      const named = `${view.width} ${view.scheme}`;
      const violations = await this.value("axe.run({ preload: false }).then(({ violations }) => violations)");
      for (const { id, help, nodes } of violations) {
        found.push(`${named}: ${id}: ${help}: ${nodes[0].html} ${nodes[0].any[0]?.message ?? ""}`);
      }
      const wide = await this.value("document.documentElement.scrollWidth");
      if (wide > view.width) found.push(`${named}: ${wide} pixels wide`);
    }
    return found;
  }

  /** Keeps a picture of the whole page. */
  async picture(path: string, view: View): Promise<void> {
    await this.see(view);
    const height = Math.min(6000, await this.value("document.documentElement.scrollHeight"));
    const clip = { x: 0, y: 0, width: view.width, height, scale: 1 };
    const { data } = await this.page.call("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    await writeFile(path, Uint8Array.fromBase64(data));
  }

  /** Makes sure that nothing was asked of another host and no script failed. */
  requireQuiet(origin: string): void {
    const outside = this.requests.filter((url) => !url.startsWith(origin) && !/^(data|blob):/.test(url));
    assert.deepEqual(outside, []);
    assert.deepEqual(this.faults, []);
  }
}
