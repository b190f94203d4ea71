/** The box for a table: dropped or chosen, labelled row by row with the time left, cancelled at will, and saved. */
import { textColumnsOf } from "../../data/files.ts";
import { Cancelled, type Client } from "./client.ts";
import { counted, find, make, time } from "./dom.ts";
import type { PageModel, TableAnswer } from "./messages.ts";
import { patiently } from "./telling.ts";

/** Starts the box. */
export function startTableBox(client: Client, { settings: { pairs, thresholds } }: PageModel): void {
  const [zone, file, said] = [find("drop"), find<HTMLInputElement>("file"), find("table-state")];
  const [options, label, cancel] = [
    find("table-options"),
    find<HTMLButtonElement>("label"),
    find<HTMLButtonElement>("cancel"),
  ];
  const [columns, progress, saved] = [find("columns"), find<HTMLProgressElement>("progress"), find("saved")];
  let table: (TableAnswer & { readonly name: string }) | undefined;

  const look = async (chosen: File) => {
    table = undefined;
    options.hidden = true;
    saved.replaceChildren();
    said.textContent = `Reading ${chosen.name} …`;
    try {
      const found = await client.ask("look", { file: chosen });
      table = { ...found, name: chosen.name };
      columns.replaceChildren(...columnChoices(found.columns, pairs));
      options.hidden = false;
      said.textContent = `${chosen.name}: ${counted(found.rows, "row")}. ${found.note}`.trim();
    } catch (error) {
      said.textContent = (error as Error).message;
    }
  };

  file.addEventListener("change", () => file.files?.[0] && look(file.files[0]));
  for (const name of ["dragover", "dragleave", "drop"] as const) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", name === "dragover");
      const dropped = name === "drop" ? event.dataTransfer?.files[0] : undefined;
      if (dropped) look(dropped);
    });
  }
  // A file that misses the box is not opened in the page's place.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

  label.addEventListener("click", async () => {
    if (!table) return;
    const { name, rows, columns: all } = table;
    const chosen = [...columns.querySelectorAll("select")].map(({ value }) => all[Number(value)]!);
    const start = performance.now();
    const isChecked = (id: string) => find<HTMLInputElement>(id).checked;
    [label.disabled, cancel.hidden, progress.hidden] = [true, false, false];
    progress.value = 0;
    saved.replaceChildren();
    said.textContent = "Labelling …";
    const tell = patiently((sentence) => said.textContent = sentence);
    const onProgress = (done: number) => {
      progress.value = done / Math.max(1, rows);
      const left = (performance.now() - start) / 1000 * (rows - done) / Math.max(1, done);
      tell(`${done.toLocaleString("en")} of ${counted(rows, "row")}, ${time(left)} left.`, done >= rows);
    };
    try {
      const found = await client.ask(
        "label",
        {
          name,
          rows,
          columns: all,
          textColumns: chosen,
          probabilities: isChecked("each"),
          safe: isChecked("safe"),
          labelSeparator: thresholds ? find<HTMLInputElement>("separator").value : ";",
        },
        onProgress,
      );
      const href = URL.createObjectURL(found.content);
      saved.replaceChildren(
        make("p", {}, make("a", { href, download: found.name, id: "download" }, `Save ${found.name}`)),
        ...found.notes.map((note) => make("p", {}, note)),
      );
      said.textContent = `Labelled ${counted(found.rows, "row")} in ${
        time((performance.now() - start) / 1000)
      }.`;
    } catch (error) {
      said.textContent = error instanceof Cancelled
        ? "Cancelled; nothing is saved."
        : (error as Error).message;
    } finally {
      [label.disabled, cancel.hidden, progress.hidden] = [false, true, true];
    }
  });
  cancel.addEventListener("click", () => client.cancel());
}

/** Makes a choice of a column for each text: the ones named as in training where the table has them. */
function columnChoices(columns: readonly string[], pairs: boolean): HTMLElement[] {
  const names = pairs ? ["First text", "Second text"] : ["Column of the texts"];
  const usual = textColumnsOf("text", columns).map((column) => columns.indexOf(column));
  return names.map((name, place) => {
    const id = `column-${place}`;
    const chosen = usual[0]! >= 0 && !pairs ? usual[0]! : Math.min(place, columns.length - 1);
    const select = make(
      "select",
      { id },
      ...columns.map((column, n) =>
        make("option", { value: `${n}`, ...n === chosen ? { selected: "" } : {} }, column)
      ),
    );
    return make("p", {}, make("label", { for: id }, name), " ", select);
  });
}
