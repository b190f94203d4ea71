"""The other side of train.ts: fine-tunes a BERT classifier with PyTorch and transformers' Trainer, as a whole command.

    python train.py TRAIN.csv DEV.csv TEST.csv MODEL_FOLDER TRUNCATION MAX_LENGTH EPOCHS RATE SEED [SEPARATOR]

TRUNCATION is head, tail, head+tail or hierarchical-mean. The Trainer groups texts by length, as it does by itself; AdamW
with a warm-up over a tenth of the steps and linear decay, layer-wise rates of .95, clipping, batches of 24, dropout .1, the
epoch with the lowest dev error, as in `deno task train`. Prints {"error": …} of the test texts. With a SEPARATOR a text
may have several labels: the epoch is the one with the largest micro F1 at thresholds that the dev texts choose, one for a
label with 20 of them and one for all others, and {"micro": …, "macro": …} are the F1 of the test texts.
"""

import contextlib
import csv
import json
import os
import sys
import tempfile

import numpy as np
import torch
from transformers import (
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainingArguments,
    get_linear_schedule_with_warmup,
    set_seed,
)

train_file, dev_file, test_file, folder, truncation = sys.argv[1:6]
length, epochs, rate, seed = int(sys.argv[6]), int(sys.argv[7]), float(sys.argv[8]), int(sys.argv[9])
separator = sys.argv[10] if len(sys.argv) > 10 else None
decay, batch_size, most_fractions = 0.95, 24, 8
torch.set_num_threads(len(os.sched_getaffinity(0)))
set_seed(seed)
csv.field_size_limit(10**9)
tokenizer = AutoTokenizer.from_pretrained(folder)
room = length - 2
cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id


def read(file):
    with open(file, newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def pieces(ids):
    if truncation.startswith("hierarchical"):
        count = min(most_fractions, max(1, -(-len(ids) // room)))
        return [ids[k * room : (k + 1) * room] for k in range(count)]
    if len(ids) <= room or truncation == "head":
        return [ids[:room]]
    first = round(room * 128 / 510)
    return [ids[-room:] if truncation == "tail" else ids[:first] + ids[first - room :]]


def label_of(cell):
    return labels.index(cell) if separator is None else [float(label in cell.split(separator)) for label in labels]


def encoded(rows):
    all_ids = tokenizer([row["text"] for row in rows], add_special_tokens=False)["input_ids"]
    examples = []
    for row, ids in zip(rows, all_ids):
        fractions = [[cls, *piece, sep] for piece in pieces(ids)]
        examples.append(
            {
                "fractions": fractions,
                "labels": label_of(row["label"]),
                "input_ids": sum(fractions, []),  # the Trainer groups by its length
            }
        )
    return examples


def collate(examples):
    fractions = [fraction for example in examples for fraction in example["fractions"]]
    longest = max(map(len, fractions))
    batch = {
        "input_ids": torch.tensor([ids + [0] * (longest - len(ids)) for ids in fractions]),
        "attention_mask": torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in fractions]),
        "labels": torch.tensor([example["labels"] for example in examples]),
    }
    if truncation.startswith("hierarchical"):
        batch["owners"] = torch.tensor([b for b, each in enumerate(examples) for _ in each["fractions"]])
    return batch


class Hierarchical(torch.nn.Module):
    """The mean of the fractions' [CLS] states, then BERT's pooler and classifier."""

    def __init__(self, classes):
        super().__init__()
        self.bert = AutoModel.from_pretrained(folder)
        self.config = self.bert.config
        self.dropout = torch.nn.Dropout(0.1)
        self.classifier = torch.nn.Linear(self.config.hidden_size, classes)
        torch.nn.init.normal_(self.classifier.weight, std=0.02)
        torch.nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids, attention_mask, owners, labels):
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state[:, 0]
        texts = labels.shape[0]
        sums = torch.zeros(texts, states.shape[1]).index_add(0, owners, states)
        counts = torch.zeros(texts).index_add(0, owners, torch.ones(len(owners)))
        pooled = self.bert.pooler((sums / counts[:, None])[:, None])
        logits = self.classifier(self.dropout(pooled))
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class LayerwiseTrainer(Trainer):
    def create_optimizer(self, model=None):
        layers = self.model.config.num_hidden_layers

        def group(name, parameter):
            below_top = layers if ".embeddings." in name else 0
            if ".layer." in name:
                below_top = layers - 1 - int(name.split(".layer.")[1].split(".")[0])
            decayed = 0.0 if name.endswith("bias") or "LayerNorm" in name else 0.01
            return {"params": [parameter], "lr": rate * decay**below_top, "weight_decay": decayed}

        self.optimizer = torch.optim.AdamW([group(*named) for named in self.model.named_parameters()], fused=True)
        return self.optimizer

    def create_scheduler(self, num_training_steps, optimizer=None):
        self.lr_scheduler = get_linear_schedule_with_warmup(
            self.optimizer, round(0.1 * num_training_steps), num_training_steps
        )
        return self.lr_scheduler


def f1_of(found, truth, axis=None):
    return 2 * (found * truth).sum(axis) / np.maximum(1, found.sum(axis) + truth.sum(axis))


def best_threshold(scores, truth):
    order = np.argsort(-scores)
    sorted_scores, right = scores[order], np.cumsum(truth[order])
    f1 = 2 * right / (np.arange(1, len(order) + 1) + truth.sum())
    following = np.append(sorted_scores[1:], 0)
    f1[following == sorted_scores] = 0
    best = f1.argmax()
    return (sorted_scores[best] + following[best]) / 2 if f1[best] > 0 else 0.5


def thresholds_of(scores, truth):
    common = best_threshold(scores.ravel(), truth.ravel())
    rare = np.minimum(truth.sum(0), len(truth) - truth.sum(0)) < 20
    return [common if rare[c] else best_threshold(scores[:, c], truth[:, c]) for c in range(len(rare))]


def error(predicted):
    if separator is not None:
        scores, truth = 1 / (1 + np.exp(-predicted.predictions.astype(float))), predicted.label_ids
        return {"error": 1 - f1_of(scores >= thresholds_of(scores, truth), truth)}
    return {"error": float(np.mean(np.argmax(predicted.predictions, -1) != predicted.label_ids))}


rows = [read(file) for file in (train_file, dev_file, test_file)]
cells = {row["label"] for row in rows[0]}
labels = sorted(cells if separator is None else {label for cell in cells for label in cell.split(separator)} - {""})
train, dev, test = map(encoded, rows)
model = (
    Hierarchical(len(labels))
    if truncation.startswith("hierarchical")
    else AutoModelForSequenceClassification.from_pretrained(
        folder,
        num_labels=len(labels),
        problem_type=None if separator is None else "multi_label_classification",
    )
)
if separator is not None:  # as `deno task train` starts: at the labels' shares
    counts = torch.tensor([example["labels"] for example in train]).sum(0)
    model.classifier.bias.data = torch.log((counts + 0.5) / (len(train) - counts + 0.5))
with tempfile.TemporaryDirectory() as output, contextlib.redirect_stdout(sys.stderr):
    arguments = TrainingArguments(
        output_dir=output,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size,
        num_train_epochs=epochs,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        max_grad_norm=1.0,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="error",
        greater_is_better=False,
        disable_tqdm=True,
        report_to=[],
        seed=seed,
        use_cpu=True,
        label_names=["labels"],
    )
    trainer = LayerwiseTrainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=dev,
        data_collator=collate,
        compute_metrics=error,
    )
    trainer.train()
    if separator is None:
        found = {"error": trainer.evaluate(test)["eval_error"]}
    else:
        parts = [trainer.predict(part) for part in (dev, test)]
        (chosen_by, its), (tested, truth) = [(1 / (1 + np.exp(-p.predictions)), p.label_ids) for p in parts]
        given = tested >= np.array(thresholds_of(chosen_by, its))
        found = {"micro": float(f1_of(given, truth)), "macro": float(f1_of(given, truth, 0).mean())}
print(json.dumps(found))
