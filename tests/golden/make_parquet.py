"""Writes parquet/: a few rows of each of the paper's data sets, in the schemas and under the paths that the hub has.

rows.json beside them holds the same rows: class (from 0) and fields. Run in this folder: python make_parquet.py
(needs pyarrow and duckdb).
"""

import json
import pathlib

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = pathlib.Path(__file__).parent / "parquet"

# name: (path below the repository with {} for the split, label column, class names, text columns)
SETS = {
    "imdb": ("plain_text/{}-00000-of-00001.parquet", "label", ["neg", "pos"], ["text"]),
    "yelp-polarity": ("plain_text/{}-00000-of-00001.parquet", "label", ["1", "2"], ["text"]),
    "yelp-full": (
        "yelp_review_full/{}-00000-of-00001.parquet",
        "label",
        ["1 star", "2 star", "3 stars", "4 stars", "5 stars"],
        ["text"],
    ),
    "trec": ("default/{}/0000.parquet", "coarse_label", ["ABBR", "ENTY", "DESC", "HUM", "LOC", "NUM"], ["text"]),
    "yahoo-answers": (
        "yahoo_answers_topics/{}-0000%d-of-00002.parquet",
        "topic",
        [f"topic {i}" for i in range(10)],
        ["question_title", "question_content", "best_answer"],
    ),
    "ag-news": ("data/{}-00000-of-00001.parquet", "label", ["World", "Sports", "Business", "Sci/Tech"], ["text"]),
    "dbpedia": (
        "dbpedia_14/{}-00000-of-00001.parquet",
        "label",
        [f"class {i}" for i in range(14)],
        ["title", "content"],
    ),
}

# The first rows show what a reader must get right; the others only make up the number.
FIRST = {
    "imdb": [
        [1, "A joy.<br /><br />Every scene of it."],
        [0, '"Dull" is the word for it, and 9<10.'],
    ],
    "yelp-polarity": [
        [0, "Cold food.\\n\\nThe waiter said \\\"\"sorry\\\"\", twice."],
        [1, "Lovely, \\\"as always\\\"."],
    ],
    "yelp-full": [
        [0, "Never again.\\nNever."],
        [4, "Café of the year! 5 of 5"],
    ],
    "trec": [
        [2, "How did serfdom develop in and then leave Russia ?"],
        [4, "What sister city does it have ?"],
        [0, "What is the full form of .com ?"],
    ],
    "yahoo-answers": [
        [1, "why is the sky blue?", "asked by\\nmy son", "Light scatters.\\nThe blue part most."],
        [9, "who won?", "", "Nobody, \\\"officially\\\"."],
    ],
    "ag-news": [
        [2, "Oil up Oil prices rose on Friday to\\new heights."],
        [3, "A new chip Faster, said its maker - again."],
    ],
    "dbpedia": [
        [0, "E. D. Abbott Ltd", " Abbott of Farnham was a coachbuilder."],
        [13, "The \"Red\" Book", " A novel, in two parts."],
    ],
}


def rows_of(name, split):
    _, _, classes, columns = SETS[name]
    count = 20 if split == "train" else 4
    filler = [
        [i % len(classes)] + [f"{split} {i} {column}" for column in columns]
        for i in range(count - len(FIRST[name]))
    ]
    return FIRST[name] + filler if split == "train" else filler + FIRST[name]


def table_of(name, rows):
    _, label, classes, columns = SETS[name]
    arrays, fields, features = [], [], {}
    if name == "yahoo-answers":
        fields.append(pa.field("id", pa.int32()))
        arrays.append(pa.array(range(len(rows)), pa.int32()))
        features["id"] = {"dtype": "int32", "_type": "Value"}
    ordered = columns + [label] if name in ("imdb", "ag-news", "yelp-polarity") else [label] + columns
    for column in ordered:
        if column == label:
            fields.append(pa.field(column, pa.int64()))
            arrays.append(pa.array([row[0] for row in rows], pa.int64()))
            features[column] = {"names": classes, "_type": "ClassLabel"}
        else:
            place = columns.index(column) + 1
            fields.append(pa.field(column, pa.string()))
            arrays.append(pa.array([row[place] for row in rows], pa.string()))
            features[column] = {"dtype": "string", "_type": "Value"}
    if name == "trec":
        fields.append(pa.field("fine_label", pa.int64()))
        arrays.append(pa.array([0 for _ in rows], pa.int64()))
        features["fine_label"] = {"names": ["ABBR:abb"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.table(arrays, schema=pa.schema(fields, metadata=metadata))


def write(table, path, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)


everything = {}
for name, (place, *_) in SETS.items():
    everything[name] = {}
    for split in ("train", "test"):
        rows = everything[name][split] = rows_of(name, split)
        if "%d" in place:
            half = len(rows) // 2
            for shard, part in enumerate((rows[:half], rows[half:])):
                write(table_of(name, part), FOLDER / name / (place.format(split) % shard), row_group_size=4)
        else:
            write(table_of(name, rows), FOLDER / name / place.format(split), row_group_size=8)

# What files may hold besides: other codecs and encodings, pages of the second version, nulls, nothing.
codecs = pa.table({"text": [f"text {i % 3} 汉" for i in range(300)], "label": list(range(300))})
write(codecs, FOLDER / "codecs" / "zstd.parquet", compression="zstd", row_group_size=100, data_page_version="2.0")
write(codecs, FOLDER / "codecs" / "gzip.parquet", compression="gzip", use_dictionary=False)
write(codecs, FOLDER / "codecs" / "brotli.parquet", compression="brotli", data_page_size=64, write_page_index=True)


def plain(name, **encodings):
    """The same rows in pages that are not compressed."""
    path = FOLDER / "codecs" / name
    write(codecs, path, compression="none", use_dictionary=False, column_encoding=encodings)


plain("delta.parquet", text="DELTA_BYTE_ARRAY", label="DELTA_BINARY_PACKED")
plain("lengths.parquet", text="DELTA_LENGTH_BYTE_ARRAY", label="BYTE_STREAM_SPLIT")
# DuckDB fills up a run of packed values by more than the format's seven.
duckdb.sql(f"copy codecs to '{FOLDER / 'codecs' / 'duckdb.parquet'}' (format parquet, codec 'snappy')")
lists = pa.table({"text": [["a", "b"], [], None, ["c", None]], "label": [0, 1, 2, 3]})
write(lists, FOLDER / "codecs" / "list.parquet")
write(pa.table({"text": ["a", None], "label": [0, 1]}), FOLDER / "codecs" / "null.parquet")
write(codecs.slice(0, 0), FOLDER / "codecs" / "empty.parquet")

(FOLDER / "rows.json").write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
