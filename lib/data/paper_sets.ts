/** The paper's eight data sets (section 5.1, Table 1), with the places of their files and the texts in their fields. */
import {
  delimitedLayout,
  type PaperLayout,
  parquetLayout,
  questionLabels,
  reviewFolders,
} from "./paper_layouts.ts";
import { joined, unescaped, withoutBreaks, yahooAnswer, yahooQuestion } from "./paper_text.ts";

/** One of the paper's data sets. */
export interface PaperSet {
  /** The name in commands and records. */
  readonly name: string;
  /** The texts' language. */
  readonly language: "en" | "zh";
  /** The classes' names, in the order of the files' classes. */
  readonly labels: readonly string[];
  /** Numbers of texts in Table 1. */
  readonly printed: { readonly train: number; readonly test: number };
  /** Origin and terms of use. */
  readonly source: string;
  /** A note for readers of results on it. */
  readonly note: string;
  /** Names of its folder in a data directory, besides `name`; case does not matter, "_" and "-" are the same. */
  readonly folders: readonly string[];
  /** The repository on the hub and the layout of its files; a folder may have these files too. */
  readonly hub?: { readonly id: string; readonly layout: PaperLayout };
  /** Address to fetch its files from by hand, if they are not on the hub. */
  readonly home?: string;
  /** Other layouts that the files in a folder may have. */
  readonly layouts: readonly PaperLayout[];
  /** Returns the text in the fields of a row, or the first of a pair. */
  text(fields: readonly string[]): string;
  /** Returns the second text of a pair, if the paper's code gives BERT pairs. */
  pair?(fields: readonly string[]): string;
}

const zhang = "built by Zhang, Zhao and LeCun (2015)";

/** The layout of Zhang, Zhao and LeCun (2015). */
const zhangLayout = (...fields: string[]) => delimitedLayout({ delimiter: ",", fields, firstClass: 1 });

const reviewText = ([review = ""]: readonly string[]) => unescaped(review);

const imdb: PaperSet = {
  name: "imdb",
  language: "en",
  labels: ["negative", "positive"],
  printed: { train: 25_000, test: 25_000 },
  source: "Large Movie Review Dataset (Maas et al. 2011)",
  note: "the paper's data set, without line breaks in HTML: the authors' files had none",
  folders: ["aclImdb", "IMDB_data"],
  hub: { id: "stanfordnlp/imdb", layout: parquetLayout({ label: "label", fields: ["text"] }) },
  layouts: [
    reviewFolders,
    delimitedLayout({ delimiter: "\t", fields: ["review"], firstClass: 0 }),
  ],
  text: ([review = ""]) => withoutBreaks(review),
};

const yelpPolarity: PaperSet = {
  name: "yelp-polarity",
  language: "en",
  labels: ["negative", "positive"],
  printed: { train: 560_000, test: 38_000 },
  source: `Yelp reviews of 2015, ${zhang}; under Yelp's data set terms`,
  note: "the paper's data set",
  folders: ["yelp_review_polarity_csv", "yelp_polarity"],
  hub: { id: "fancyzhx/yelp_polarity", layout: parquetLayout({ label: "label", fields: ["text"] }) },
  layouts: [zhangLayout("review")],
  text: reviewText,
};

const yelpFull: PaperSet = {
  name: "yelp-full",
  language: "en",
  labels: ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"],
  printed: { train: 650_000, test: 50_000 },
  source: `Yelp reviews of 2015, ${zhang}; under Yelp's data set terms`,
  note: "the paper's data set",
  folders: ["yelp_review_full_csv", "yelp_review_full"],
  hub: { id: "Yelp/yelp_review_full", layout: parquetLayout({ label: "label", fields: ["text"] }) },
  layouts: [zhangLayout("review")],
  text: reviewText,
};

const trec: PaperSet = {
  name: "trec",
  language: "en",
  labels: ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"],
  printed: { train: 5452, test: 500 },
  source: "TREC questions (Li and Roth 2002; Hovy et al. 2001)",
  note: "the paper's data set, its six coarse classes",
  folders: ["TREC_data"],
  hub: { id: "CogComp/trec", layout: parquetLayout({ label: "coarse_label", fields: ["text"] }) },
  layouts: [
    questionLabels,
    delimitedLayout({ delimiter: "\t", fields: ["question"] }),
  ],
  text: ([question = ""]) => question.trim(),
};

const yahooAnswers: PaperSet = {
  name: "yahoo-answers",
  language: "en",
  labels: [
    "Society & Culture",
    "Science & Mathematics",
    "Health",
    "Education & Reference",
    "Computers & Internet",
    "Sports",
    "Business & Finance",
    "Entertainment & Music",
    "Family & Relationships",
    "Politics & Government",
  ],
  printed: { train: 1_400_000, test: 60_000 },
  source: `Yahoo! Answers of 2007, ${zhang}; for research only`,
  note: "the paper's data set; pairs of a question and its answer",
  folders: ["yahoo_answers_csv", "yahoo_answers_topics"],
  hub: {
    id: "community-datasets/yahoo_answers_topics",
    layout: parquetLayout({ label: "topic", fields: ["question_title", "question_content", "best_answer"] }),
  },
  layouts: [
    zhangLayout("question title", "question content", "best answer"),
  ],
  text: yahooQuestion,
  pair: yahooAnswer,
};

/** AG's News. A single backslash stands for a line break there, not `\n`; it stays, as in the paper's code. */
const agNews: PaperSet = {
  name: "ag-news",
  language: "en",
  labels: ["World", "Sports", "Business", "Sci/Tech"],
  printed: { train: 120_000, test: 7600 },
  source: `AG's corpus of news articles (Gulli 2004), ${zhang}; for research only`,
  note: "the paper's data set",
  folders: ["ag_news_csv", "ag_news", "AG_data"],
  hub: {
    id: "fancyzhx/ag_news",
    layout: parquetLayout({
      label: "label",
      fields: ["text"],
      note: 'the hub joins title and description by a space, the paper\'s code by " - "',
    }),
  },
  layouts: [
    zhangLayout("title", "description"),
  ],
  text: (fields) => joined(fields, " - "),
};

const dbpedia: PaperSet = {
  name: "dbpedia",
  language: "en",
  labels: [
    "Company",
    "EducationalInstitution",
    "Artist",
    "Athlete",
    "OfficeHolder",
    "MeanOfTransportation",
    "Building",
    "NaturalPlace",
    "Village",
    "Animal",
    "Plant",
    "Album",
    "Film",
    "WrittenWork",
  ],
  printed: { train: 560_000, test: 70_000 },
  source: `DBpedia 2014 (CC BY-SA 3.0), ${zhang}`,
  note: "the paper's data set",
  folders: ["dbpedia_csv", "dbpedia_14", "Dbpedia_data"],
  hub: { id: "fancyzhx/dbpedia_14", layout: parquetLayout({ label: "label", fields: ["title", "content"] }) },
  layouts: [zhangLayout("title", "content")],
  text: (fields) => joined(fields, " "),
};

const sogou: PaperSet = {
  name: "sogou",
  language: "zh",
  labels: ["sports", "house", "business", "entertainment", "women", "technology"],
  printed: { train: 54_000, test: 6000 },
  source: "SogouCA and SogouCS news (Sogou Lab), by the six channels that the paper takes from the URL",
  note:
    "the paper's six classes; its own selection of articles is in a folder that its authors' repository links",
  folders: ["sogou_news"],
  home: "https://drive.google.com/drive/folders/1Rbi0tnvsQrsHvT_353pMdIbRwDlLhfwM",
  layouts: [zhangLayout("title", "content")],
  text: (fields) => joined(fields.map(unescaped), " "),
};

/** The paper's data sets, in the order of Table 1. */
export const paperSets: readonly PaperSet[] = [
  imdb,
  yelpPolarity,
  yelpFull,
  trec,
  yahooAnswers,
  agNews,
  dbpedia,
  sogou,
];
