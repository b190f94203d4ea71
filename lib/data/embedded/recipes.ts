/** Chinese recipes by the kind of dish: a few hundred, a small stand-in for the paper's Sogou. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Example, stratifiedSplit } from "../examples.ts";
import type { EmbeddedSet } from "./embedded.ts";

/** The package's categories of each class; half-finished products and sauces are no dishes. */
const classes: Readonly<Record<string, readonly string[]>> = {
  荤菜: ["荤菜"],
  素菜: ["素菜"],
  主食: ["主食", "早餐"],
  水产: ["水产"],
  汤: ["汤"],
  甜品饮品: ["甜品", "饮品"],
};

interface Dish {
  category: string;
  description: string;
  ingredients: { text_quantity: string }[];
  steps: { description: string }[];
}

/** The data set: 303 recipes of six kinds. */
export const chineseRecipes: EmbeddedSet = {
  name: "chinese-recipes",
  language: "zh",
  labels: Object.keys(classes),
  source: "HowToCook recipes in npm howtocook-mcp 0.2.2 (ISC)",
  note: "a small stand-in for Sogou: 303 recipes without their titles, six kinds of dishes",
  package: { name: "howtocook-mcp", version: "0.2.2", megabytes: 10 },
  fingerprint: "1211c8a81710d6446c536eb57fb10b4c61af9c887652dbf9c9199a76b5123353",
  read: async (folder) => {
    const recipes: Dish[] = JSON.parse(await readFile(join(folder, "all_recipes.json"), "utf8"));
    const kinds = Object.values(classes);
    const examples = recipes.flatMap((recipe): Example[] => {
      const label = kinds.findIndex((categories) => categories.includes(recipe.category));
      return label < 0 ? [] : [{ text: textOf(recipe), label }];
    });
    return stratifiedSplit(examples, { dev: 40, test: 63 }, 0);
  },
};

/** Returns the untitled description, each ingredient once, and the steps; no images, heading marks or difficulty. */
function textOf({ description, ingredients, steps }: Dish): string {
  const introduction = description.replace(/^#.*$/m, "");
  const amounts = new Set(ingredients.map(({ text_quantity }) => text_quantity.replace(/^[-*]\s*/, "")));
  return [introduction, ...amounts, ...steps.map((step) => step.description)].join("\n")
    .replace(/!\[[^\]]*\]\([^)]*\)/g, "")
    .replace(/^预估烹饪难度.*$/gm, "")
    .replace(/^#+\s*/gm, "")
    .replace(/\s*\n\s*/g, "\n")
    .trim();
}
