/** CamemBERT (Martin et al. 2020): RoBERTa for French, with other class names. */
import type { Family } from "./family.ts";
import { roberta } from "./roberta.ts";

/** CamemBERT. */
export const camembert: Family = { ...roberta, title: "CamemBERT", className: "Camembert" };
