/** Damage to JSON files by their fields: what a wrong tool, a hand or an older version may write. */
import type { Random } from "../../lib/random.ts";

/** A changed file, and what was changed. */
export interface JsonChange {
  readonly text: string;
  /** The keys that lead to the changed value, with dots between. */
  readonly path: string;
  /** True if a value of the same type is there, or none: then a reader may get another result by right. */
  readonly keepsType: boolean;
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const mark = "@@ANOTHER VALUE@@";
const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

/** Changes one value of a JSON text, or the text around it. */
export function mutateJson(random: Random, text: string): JsonChange {
  const root: Json = JSON.parse(text);
  const places: { parent: Json[] | { [key: string]: Json }; key: string; path: string }[] = [];
  const visit = (value: Json, path: string) => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, part] of Object.entries(value)) {
      const own = path === "" ? key : `${path}.${key}`;
      places.push({ parent: value, key, path: own });
      visit(part, own);
    }
  };
  visit(root, "");
  const { parent, key, path } = places[random.below(places.length)]!;
  const fields = parent as { [key: string]: Json };
  const old = fields[key]!;
  const raw = (written: string, type: string) => {
    fields[key] = mark;
    const changed = JSON.stringify(root).replace(JSON.stringify(mark), () => written);
    return { text: changed, path, keepsType: type === typeOf(old) || type === "null" };
  };
  const value = (other: Json) => raw(JSON.stringify(other), typeOf(other));
  const oneOf = <Item>(items: readonly Item[]) => items[random.below(items.length)]!;
  const changes: readonly (() => JsonChange)[] = [
    () => value(oneOf<Json>([null, true, false, 7, 0, "", "text", [], {}, [7], ["text"], { a: 1 }])),
    () => value(oneOf<Json>([null, true, 7, "text", [old], { [key]: old }])),
    () => value(oneOf([1.5, -1, 1e9, 1e12, 3, 1e300])),
    () =>
      oneOf([
        () => raw("NaN", "broken"),
        () => raw("1e999", "number"),
        () => value("NaN"),
        () => raw("-0", "number"),
      ])(),
    () => value(typeof old === "string" ? Number(old) || 3 : String(old)),
    () => {
      if (Array.isArray(parent)) parent.splice(Number(key), 1);
      else delete fields[key];
      return { text: JSON.stringify(root), path, keepsType: true };
    },
    () => raw(deep, "array"),
    () => value(typeof old === "number" ? old * 10 : "x".repeat(100_000)),
    () => ({ text: text.slice(0, random.below(text.length)), path: "", keepsType: false }),
    () =>
      raw(
        `${JSON.stringify(old)}, ${JSON.stringify(key)}: ${JSON.stringify(oneOf<Json>([old, 3, "text"]))}`,
        "twice",
      ),
    () => {
      const target = typeOf(old) === "object" ? old as { [key: string]: Json } : undefined;
      if (target) target["an unknown field"] = oneOf<Json>([null, 1, "text", [1], { a: { b: 1 } }]);
      return {
        text: JSON.stringify(root),
        path: `${path}.an unknown field`,
        keepsType: target !== undefined,
      };
    },
  ];
  return oneOf(changes)();
}

function typeOf(value: Json): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
