"""Makes the golden files in tests/golden/multitask with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_multitask.py

start.safetensors  a random BERT with pooler (L 1, H 16, N 2) and a classifier for each of two tasks, of 2 and 3 classes
end.safetensors    the same after ten steps of AdamW, each on a batch of one task
training.json      the model's config.json, the batches in their order with their tasks, and the ten losses

A parameter that a batch's loss does not depend on has no gradient: torch.optim.AdamW leaves it and its moments as they
are, and counts its steps apart. Everything is computed in float64; the stored values carry no rounding but that to
float32.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from make_bert import decays, draw_batch, randomize
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent / "multitask"
CLASSES = {"first": 2, "second": 3}
ORDER = ["first", "second", "second", "first", "second", "first", "first", "second", "second", "second"]
LEARNING_RATE = 5e-3
BATCH, LENGTH = 4, 10


class MultiTaskBert(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bert = BertModel(config)
        self.classifier = torch.nn.ModuleDict(
            {task: torch.nn.Linear(config.hidden_size, classes) for task, classes in CLASSES.items()}
        )

    def forward(self, task, ids, mask, labels):
        pooled = self.bert(ids, attention_mask=mask).pooler_output
        return torch.nn.functional.cross_entropy(self.classifier[task](pooled), labels)


def draw(generator, config, task):
    """A batch with labels of one task."""
    ids, mask, _, _ = draw_batch(generator, config, BATCH, LENGTH)
    labels = torch.randint(0, CLASSES[task], (BATCH,), generator=generator)
    return {"ids": ids, "mask": mask, "labels": labels}


def save(model, name):
    save_file({n: p.detach().float().contiguous() for n, p in model.named_parameters()}, HERE / f"{name}.safetensors")


def main():
    generator = torch.Generator().manual_seed(5)
    config = BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=12, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = randomize(MultiTaskBert(config), generator).double()
    # What is stored in float32 is what training starts from.
    model.load_state_dict({name: tensor.float().double() for name, tensor in model.state_dict().items()})
    save(model, "start")

    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n)], "weight_decay": 0.01},
        {"params": [p for n, p in named if not decays(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    batches, losses = [draw(generator, config, task) for task in ORDER], []
    for task, batch in zip(ORDER, batches):
        optimizer.zero_grad(set_to_none=True)
        loss = model(task, **batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    save(model, "end")
    steps = {n: int(optimizer.state[p]["step"]) for n, p in named if n.startswith("classifier")}
    made = {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "learning_rate": LEARNING_RATE,
        "config": {key: value for key, value in config.to_diff_dict().items() if key != "transformers_version"},
        "batches": [
            {"task": task, **{key: tensor.tolist() for key, tensor in batch.items()}}
            for task, batch in zip(ORDER, batches)
        ],
        "losses": losses,
    }
    (HERE / "training.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print("steps of each classifier", steps)
    print(" ".join(f"{loss:.4f}" for loss in losses))


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    main()
