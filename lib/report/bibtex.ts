/** Citations of the paper and of a report. */
import type { Report } from "./collect.ts";

const paper = `@inproceedings{sun2019finetune,
  author    = {Sun, Chi and Qiu, Xipeng and Xu, Yige and Huang, Xuanjing},
  title     = {How to Fine-Tune {BERT} for Text Classification?},
  booktitle = {Chinese Computational Linguistics (CCL 2019)},
  year      = {2019},
  doi       = {10.1007/978-3-030-32381-3_16},
  eprint    = {1905.05583},
  eprinttype = {arXiv}
}
`;

/** Writes BibTeX entries of the paper and of a report. */
export function bibtex({ scale, made, fingerprint, records }: Report): string {
  const date = made.toISOString().slice(0, 10);
  return `${paper}
@misc{bertlab-${date}-${fingerprint},
  author = {{bertlab contributors}},
  title  = {How to Fine-Tune {BERT} for Text Classification?, run again with bertlab},
  year   = {${date.slice(0, 4)}},
  note   = {Report of ${date} from ${records.length} runs at scale ${scale}, records ${fingerprint}}
}
`;
}
