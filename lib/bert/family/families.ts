/** The families of models that are read, by Hugging Face's "model_type", and why others are not. */
import { InputError } from "../../errors.ts";
import { shown } from "../../storage/byte_source.ts";
import { bert } from "./bert.ts";
import { camembert } from "./camembert.ts";
import { distilbert } from "./distilbert.ts";
import { electra } from "./electra.ts";
import type { Family } from "./family.ts";
import type { BertConfig } from "./model_config.ts";
import { modernbert } from "./modernbert.ts";
import { roberta, xlmRoberta } from "./roberta.ts";

/** The families by name: one more is a file beside this one and a line here. */
const families: Readonly<Record<string, Family>> = {
  "bert": bert,
  "roberta": roberta,
  "xlm-roberta": xlmRoberta,
  "camembert": camembert,
  "distilbert": distilbert,
  "electra": electra,
  "modernbert": modernbert,
};

/** Reasons why other kinds of models cannot be read. */
const others: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^deberta/, "whose positions are relative"],
  [/^(m?t5|umt5|longt5|bart|mbart|pegasus|marian)$/, "which has a decoder besides its encoder"],
  [/^(gpt|llama|mistral|qwen|gemma|phi|opt$|bloom|falcon)/, "which reads from left to right alone"],
  [/^(albert)$/, "whose layers share their parameters"],
  [/^(longformer|big_bird|xlnet|funnel|reformer)$/, "whose attention is of another kind"],
];

/** Returns the family of a model. */
export function familyOf({ model_type: name = "bert" }: Pick<BertConfig, "model_type">): Family {
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  if (!family) throw new RangeError(`There is no family "${name}"`);
  return family;
}

/** @throws InputError if a config.json's "model_type" is of no family, with the reason where it is known. */
export function requireFamily(name: unknown, where: string, advice: string): void {
  if (name === undefined || typeof name === "string" && Object.hasOwn(families, name)) return;
  const reason = others.find(([names]) => names.test(String(name)))?.[1];
  throw new InputError(
    `Cannot use ${where} as "model_type" is not one of ${Object.keys(families).join(", ")}: found ${
      shown(JSON.stringify(name))
    }${reason ? `, ${reason}` : ""}; ${advice}`,
  );
}
