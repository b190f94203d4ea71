"""The other side of train.ts: fine-tunes a BERT classifier with PyTorch and transformers, as a whole command.

    python train.py TRAIN.csv DEV.csv TEST.csv MODEL_FOLDER head|tail|head+tail LAYER_DECAY EPOCHS RATE

AdamW on layer-wise rates, warm-up and linear decay, clipping, batches of 24 padded to their longest text, dropout .1,
the epoch with the lowest dev error, as in `deno task train`. Prints {"error": …} of the test texts.
"""

import csv
import json
import os
import random
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, get_linear_schedule_with_warmup

train_file, dev_file, test_file, folder, truncation = sys.argv[1:6]
decay, epochs, rate = float(sys.argv[6]), int(sys.argv[7]), float(sys.argv[8])
length, batch_size = 512, 24
torch.set_num_threads(len(os.sched_getaffinity(0)))
torch.manual_seed(1)
random.seed(1)
csv.field_size_limit(10**9)

tokenizer = AutoTokenizer.from_pretrained(folder)


def read(file):
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def cut(ids):
    room = length - 2
    if len(ids) <= room or truncation == "head":
        return ids[:room]
    return ids[-room:] if truncation == "tail" else ids[:128] + ids[128 - room :]


def encoded(rows):
    ids = tokenizer([row["text"] for row in rows], add_special_tokens=False)["input_ids"]
    sep, cls = tokenizer.sep_token_id, tokenizer.cls_token_id
    return [([cls, *cut(each), sep], labels.index(row["label"])) for each, row in zip(ids, rows)]


def batches(examples):
    for start in range(0, len(examples), batch_size):
        part = examples[start : start + batch_size]
        longest = max(len(ids) for ids, _ in part)
        ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in part])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in part])
        yield ids, mask, torch.tensor([label for _, label in part])


def error(examples):
    model.eval()
    wrong = 0
    with torch.no_grad():
        for ids, mask, classes in batches(sorted(examples, key=lambda example: len(example[0]))):
            wrong += (model(input_ids=ids, attention_mask=mask).logits.argmax(-1) != classes).sum().item()
    return wrong / len(examples)


rows = [read(file) for file in (train_file, dev_file, test_file)]
labels = sorted({row["label"] for row in rows[0]})
train, dev, test = map(encoded, rows)
model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(labels))
layers = model.config.num_hidden_layers


def group(name, parameter):
    below_top = layers if ".embeddings." in name else 0
    if ".layer." in name:
        below_top = layers - 1 - int(name.split(".layer.")[1].split(".")[0])
    decayed = 0.0 if name.endswith("bias") or "LayerNorm" in name else 0.01
    return {"params": [parameter], "lr": rate * decay**below_top, "weight_decay": decayed}


optimizer = torch.optim.AdamW([group(*named) for named in model.named_parameters()], fused=True)
steps = epochs * -(-len(train) // batch_size)
schedule = get_linear_schedule_with_warmup(optimizer, round(0.1 * steps), steps)
best, kept = 2.0, None
for _ in range(epochs):
    model.train()
    random.shuffle(train)
    for ids, mask, classes in batches(train):
        optimizer.zero_grad()
        model(input_ids=ids, attention_mask=mask, labels=classes).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    found = error(dev)
    if found < best:
        best, kept = found, {name: value.clone() for name, value in model.state_dict().items()}
model.load_state_dict(kept)
print(json.dumps({"error": error(test)}))
