/**
 * Table 1 (section 5.1): what are the data sets?
 *
 * Nothing is trained: classes, lengths and counts are measured with our tokenizer and shown beside the paper's numbers.
 * At mini scale the data sets are IMDb and the stand-ins for the other seven, whole, before any limit.
 *
 * Minutes: about 4 at mini scale on 2 CPU cores.
 *
 *     deno task reproduce table1
 */
import type { DataTable } from "../lib/runs/data_table.ts";
import paper from "./paper_tables.json" with { type: "json" };
import { imdbSets, miniSets, paperSets } from "./scales.ts";

const rows: Readonly<Record<string, readonly (string | number)[]>> = paper.table1.rows;

/** Table 1: the data sets. */
const table1: DataTable = {
  name: "table1",
  paper: "Section 5.1, Table 1",
  question: "What are the data sets?",
  published: Object.fromEntries(
    Object.entries(rows).map(([set, row]) => {
      const [classes, , averageLength, maxLength, exceeding, train, test] = row.map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      const counts = { classes, averageLength, maxLength, exceeding, train, test };
      return [set === "Sogou News" ? "Sogou" : set, counts];
    }),
  ),
  scales: {
    mini: { minutes: 4, sets: miniSets },
    imdb: { minutes: 3, sets: imdbSets },
    paper: { minutes: 120, sets: paperSets },
  },
};

export default table1;
