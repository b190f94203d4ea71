/** The page and the box of a cell where a text may have several labels. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readTable } from "../../lib/tables/table.ts";
import { severalTexts } from "../helpers/several_labels.ts";
import { cell, manyTexts, onCell, onPage, sameTable } from "./on_page.ts";

onPage(
  "a page of several labels gives those over their thresholds, as predict does",
  { several: true },
  async (at) => {
    const texts = [...severalTexts(400, 5, 3).map(({ text }) => text), "", 'mo ", "\nku'];
    const rows = texts.map((text, n) => `${n},${cell(text)}`);
    await sameTable(at, { name: "several.csv", content: `id,text\n${rows.join("\n")}\n`, columns: "text" });
    const { page, folder, model } = at;
    const expected = (await readTable(join(folder, "predicted several.csv"))).rows;
    assert.deepEqual(
      new Set(
        expected.filter(({ values }) => values.get("text") !== "").map(({ values }) => values.get("labels")),
      ),
      new Set(["", "o", "u", "o;u"]),
    );
    const { thresholds } = JSON.parse(await readFile(join(model, "bertlab.json"), "utf8"));
    for (const { values } of expected.filter(({ values }) => values.get("text") !== "").slice(0, 100)) {
      const found = await page.label(values.get("text")!);
      assert.deepEqual(Object.keys(found).sort(), ["o", "u"]);
      for (const [label, percent] of Object.entries(found)) {
        assert.ok(Math.abs(percent / 100 - Number(values.get(`probability_${label}`))) < 1e-4);
      }
      const [answer, cells] = await page.value(`[document.querySelector(".answer").textContent,
      [...document.querySelectorAll("#result tbody tr")].map((row) => [...row.cells].map((cell) => cell.textContent))]`);
      const given = values.get("labels")!.split(";").filter(Boolean);
      assert.equal(answer, given.join(", ") || "no label");
      for (const [label, , threshold, mark] of cells) {
        assert.equal(threshold, `${(100 * thresholds["ou".indexOf(label)]).toFixed(2)} %`);
        assert.equal(mark, given.includes(label) ? "yes" : "no");
      }
    }

    // The words that decide for each label; the most probable one is asked for if no other is chosen.
    const probabilities = await page.label("mo ku ke");
    const best = probabilities.o! > probabilities.u! ? "o" : "u";
    assert.equal(
      await page.value(`document.getElementById("why-label").selectedOptions[0].textContent`),
      best,
    );
    for (const [place, word] of ["mo", "ku"].entries()) {
      await page.value(`document.getElementById("why-label").value = "${place}"`);
      await page.value(`document.getElementById("explanation").replaceChildren()`);
      assert.match((await page.explain())[word]!, /^for \+/);
    }
    assert.deepEqual(await page.findings(), []);

    await page.value(`document.getElementById("separator").value = "o"`);
    await page.value(`document.getElementById("label").click()`);
    await page.until(`/^Cannot write/.test(document.getElementById("table-state").textContent)`);
    assert.equal(
      await page.text("table-state"),
      'Cannot write several labels with "o" between as the label "o" has it: write something else between them',
    );
  },
);

onPage(
  "a page of several labels that reads in fractions labels JSON Lines as predict does",
  { several: true, text: "hierarchical-max" },
  async (at) => {
    const rows = manyTexts(100).map((text, id) => JSON.stringify({ text, id }));
    await sameTable(at, { name: "lists.jsonl", content: rows.join("\n"), columns: "text" });
  },
);

onCell(
  "the box of a cell gives several labels, and explains the one that is chosen",
  { several: true },
  async ({ page, classifier }) => {
    for (const text of ["ke mo ke", "ke ku ke", "ke ke ke", "mo ku ke"]) {
      const [found] = await classifier.classify([text]);
      await page.value(`document.querySelector("strong")?.remove()`);
      await page.value(`document.querySelector("textarea").value = "${text}"`);
      await page.value(`document.querySelector("button").click()`);
      await page.until(`document.querySelector("strong")`);
      const answer = found!.labels!.join(", ") || "no label";
      assert.equal(await page.value(`document.querySelector("strong").textContent`), answer);
      const rows = await page.value(`[...document.querySelectorAll("tr")].map((row) =>
      [...row.cells].map((cell) => cell.textContent))`);
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      for (const [label, probability, threshold, mark] of rows.slice(1)) {
        const c = classifier.labels.indexOf(label);
        assert.deepEqual([probability, threshold, mark], [
          ...[percent(found!.probabilities[c]!), percent(classifier.thresholds![c]!)],
          found!.labels!.includes(label) ? "✓" : "",
        ]);
      }
    }
    await page.value(`document.querySelector("select").value = "u"`);
    await page.value(`document.querySelectorAll("button")[1].click()`);
    await page.until(`document.querySelector("[title$=points]")`);
    const said = await page.value(`document.querySelector(".bertlab-box").textContent`);
    assert.match(said, /speaks for the label u /);
  },
);
