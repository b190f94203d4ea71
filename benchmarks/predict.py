"""A peer of predict.ts: labels a CSV's texts with Python's tokenizers and ONNX Runtime on an exported model.

    python predict.py EXPORT_FOLDER INPUT.csv OUTPUT.csv MAX_LENGTH

Texts are sorted by length and computed in batches of 32, cut to the first MAX_LENGTH wordpieces.
"""

import csv
import os
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder, source, output, length = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
csv.field_size_limit(10**9)
with open(source, newline="", encoding="utf-8") as lines:
    texts = [row["text"] for row in csv.DictReader(lines)]
tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
tokenizer.enable_truncation(length)
tokenizer.no_padding()
ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = len(os.sched_getaffinity(0))
session = onnxruntime.InferenceSession(os.path.join(folder, "onnx", "model.onnx"), options)
order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
labels = np.zeros(len(ids), dtype=np.int64)
for start in range(0, len(order), 32):
    part = order[start : start + 32]
    longest = max(len(ids[i]) for i in part)
    input_ids = np.zeros((len(part), longest), dtype=np.int64)
    mask = np.zeros_like(input_ids)
    for row, i in enumerate(part):
        input_ids[row, : len(ids[i])] = ids[i]
        mask[row, : len(ids[i])] = 1
    feeds = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(input_ids)}
    labels[part] = session.run(None, feeds)[0].argmax(-1)
with open(output, "w", newline="", encoding="utf-8") as lines:
    writer = csv.writer(lines)
    writer.writerow(["text", "label"])
    writer.writerows(zip(texts, labels))
