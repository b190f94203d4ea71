"""Makes the golden files in tests/golden/bert with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_bert.py

tiny/           a random BertForSequenceClassification (L 3, H 32, N 4, C 3) as transformers saves it
tiny.safetensors  a batch, and what the model makes of it: hidden states, pooler, logits, loss, each gradient
training.json   ten batches, and the ten losses on them for each optimizer and schedule
folders/        a still smaller model as other classes, types and times save it, and its values in float32

Everything is computed in float64, so that the stored values carry no rounding but that to float32.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForPreTraining, BertForSequenceClassification, BertModel, get_scheduler

HERE = Path(__file__).parent / "bert"
STEPS, WARMUP = 10, 3
SCHEDULES = {  # our names: transformers' name and options
    "constant": ("constant", {}),
    "constant-with-warmup": ("constant_with_warmup", {}),
    "cosine": ("cosine", {}),
    "cosine-with-restarts": ("cosine_with_restarts", {"num_cycles": 2}),
    "linear": ("linear", {}),
    "polynomial": ("polynomial", {}),
}
LEARNING_RATES = {"adamw": 1e-2, "bertadam": 5e-3}


def randomize(model, generator, deviation=0.2):
    """Weights large enough that attention is not uniform, and no bias or LayerNorm at its first value."""
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            if "LayerNorm.weight" in name:
                tensor.copy_(1 + 0.2 * noise)
            else:
                tensor.copy_(deviation * noise)
    return model.eval()


def draw_batch(generator, config, batch, length):
    """Ids with padding at the end, and segment types 0…0 1…1 0…0 as for a pair of texts."""
    ids = torch.randint(1, config.vocab_size, (batch, length), generator=generator)
    mask = torch.ones_like(ids)
    types = torch.zeros_like(ids)
    for row in range(batch):
        real = length if row == 0 else int(torch.randint(4, length, (1,), generator=generator))
        mask[row, real:] = 0
        ids[row, real:] = config.pad_token_id
        types[row, real // 2 : real] = 1
    labels = torch.randint(0, config.num_labels, (batch,), generator=generator)
    return ids, mask, types, labels


def forward(model, batch):
    ids, mask, types, labels = batch
    return model(ids, attention_mask=mask, token_type_ids=types, labels=labels, output_hidden_states=True)


def multiplier(name):
    """The six schedules of transformers, and BertAdam's own warm-up."""
    if name == "bertadam-linear":
        return lambda step: step / WARMUP if step / STEPS < WARMUP / STEPS else 1 - step / STEPS
    hugging_face, options = SCHEDULES[name]
    # polynomial's multiplier depends on the base rate, as its lr_end is absolute.
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LEARNING_RATES["bertadam"])
    schedule = get_scheduler(
        hugging_face, optimizer, num_warmup_steps=WARMUP, num_training_steps=STEPS, scheduler_specific_kwargs=options
    )
    return schedule.lr_lambdas[0]


def decays(name):
    return not (name.endswith("bias") or "LayerNorm" in name)


def train_adamw(model, batches, name):
    named = list(model.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n)], "weight_decay": 0.01},
        {"params": [p for n, p in named if not decays(n)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATES["adamw"], betas=(0.9, 0.999), eps=1e-8)
    hugging_face, options = SCHEDULES[name]
    schedule = get_scheduler(
        hugging_face, optimizer, num_warmup_steps=WARMUP, num_training_steps=STEPS, scheduler_specific_kwargs=options
    )
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = forward(model, batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return losses


def train_bertadam(model, batches, name):
    """pytorch-pretrained-bert's BertAdam: clipping by parameter, no bias correction, decay inside the update."""
    rate = multiplier(name)
    moments = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in model.named_parameters()}
    losses = []
    for step, batch in enumerate(batches):
        model.zero_grad()
        loss = forward(model, batch).loss
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for n, p in model.named_parameters():
                torch.nn.utils.clip_grad_norm_(p, 1.0)
                m, v = moments[n]
                m.mul_(0.9).add_(p.grad, alpha=0.1)
                v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                update = m / (v.sqrt() + 1e-6)
                if decays(n):
                    update += 0.01 * p
                p -= LEARNING_RATES["bertadam"] * rate(step) * update
    return losses


def make_tiny():
    generator = torch.Generator().manual_seed(1)
    config = BertConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label={0: "bad", 1: "fair", 2: "good"}, label2id={"bad": 0, "fair": 1, "good": 2},
        attn_implementation="eager",
    )
    randomize(BertForSequenceClassification(config), generator).save_pretrained(HERE / "tiny")

    def load():
        return BertForSequenceClassification.from_pretrained(HERE / "tiny", attn_implementation="eager").double()

    model = load()
    batch = draw_batch(generator, config, 4, 16)
    output = forward(model, batch)
    output.loss.backward()
    pooled = model.bert.pooler(output.hidden_states[-1])
    values = {f"hidden_states.{i}": state for i, state in enumerate(output.hidden_states)}
    values |= {"pooled": pooled, "logits": output.logits, "loss": output.loss}
    values |= {f"gradient.{name}": p.grad for name, p in model.named_parameters()}
    ids, mask, types, labels = batch
    values["logits.no_types"] = model(ids, attention_mask=mask).logits
    for act in ["gelu_new", "relu"]:
        other = BertForSequenceClassification.from_pretrained(HERE / "tiny", hidden_act=act).double()
        values[f"logits.{act}"] = other(ids, attention_mask=mask, token_type_ids=types).logits
    tensors = {name: value.detach().float().contiguous() for name, value in values.items()}
    tensors |= {"ids": ids.int(), "mask": mask.int(), "type_ids": types.int(), "labels": labels.int()}
    save_file(tensors, HERE / "tiny.safetensors")

    batches = [draw_batch(generator, config, 4, 16) for _ in range(STEPS)]
    runs = [
        {"optimizer": optimizer, "schedule": name, "learning_rate": LEARNING_RATES[optimizer],
         "losses": train(load(), batches, name)}
        for optimizer, train, names in [
            ("adamw", train_adamw, [*SCHEDULES]),
            ("bertadam", train_bertadam, [*SCHEDULES, "bertadam-linear"]),
        ]
        for name in names
    ]
    keys = ["ids", "mask", "type_ids", "labels"]
    made = {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "total_steps": STEPS, "warmup_steps": WARMUP, "cycles": 2,
        "adamw": {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.01, "clip": "global norm 1"},
        "bertadam": {"betas": [0.9, 0.999], "eps": 1e-6, "weight_decay": 0.01, "clip": "norm 1 by parameter"},
        "batches": [dict(zip(keys, (tensor.tolist() for tensor in batch))) for batch in batches],
        "runs": runs,
    }
    (HERE / "training.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")
    for run in runs:
        print(run["optimizer"], run["schedule"], " ".join(f"{loss:.4f}" for loss in run["losses"]))


def old_names(name):
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def make_folders():
    """The same encoder weights as several classes and years save them."""
    generator = torch.Generator().manual_seed(2)
    root = HERE / "folders"
    config = BertConfig(
        vocab_size=40, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=12, num_labels=2, attn_implementation="eager",
    )
    model = randomize(BertForSequenceClassification(config), generator, 0.5)
    model.save_pretrained(root / "f32")
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    BertForSequenceClassification.from_pretrained(root / "f32", dtype=torch.float16).save_pretrained(root / "f16")
    BertForSequenceClassification.from_pretrained(root / "f32", dtype=torch.bfloat16).save_pretrained(root / "bf16")
    encoder = BertModel(config, add_pooling_layer=False)
    encoder.load_state_dict({n.removeprefix("bert."): t for n, t in weights.items()}, strict=False)
    encoder.save_pretrained(root / "encoder_only")

    # As bert-base-uncased was published: heads of pre-training, gamma and beta, position ids, no model_type.
    pretraining = randomize(BertForPreTraining(config), generator)
    pretraining.load_state_dict(weights, strict=False)
    pretraining.save_pretrained(root / "old_names")
    path = root / "old_names" / "model.safetensors"
    tensors = {old_names(name): tensor for name, tensor in load_file(path).items()}
    tensors["bert.embeddings.position_ids"] = torch.arange(12)[None]
    save_file(tensors, path, {"format": "pt"})
    kept = json.loads((path.parent / "config.json").read_text())
    for key in ["model_type", "layer_norm_eps", "pad_token_id", "position_embedding_type"]:
        kept.pop(key, None)
    (path.parent / "config.json").write_text(json.dumps(kept, indent=2) + "\n")

    batch = draw_batch(generator, config, 3, 9)
    output = forward(model.double(), batch)
    values = {f"f32.{name}": tensor for name, tensor in weights.items()}
    values |= {f"f16.{name}": tensor.half().float() for name, tensor in weights.items()}
    values |= {f"bf16.{name}": tensor.bfloat16().float() for name, tensor in weights.items()}
    values |= dict(zip(["ids", "mask", "type_ids", "labels"], (tensor.int() for tensor in batch)))
    save_file(values | {"logits": output.logits.detach().float()}, HERE / "folders.safetensors")
    # Numbers at the edges of half precision: zeros, subnormals, the largest, infinities, not a number.
    edges = torch.tensor([0.0, -0.0, 6e-8, -6.09e-5, 6.1e-5, 1 / 3, -2.5, 65504.0, 3e38, float("inf"), -float("inf"), float("nan")])
    half, brain = edges.half(), edges.bfloat16()
    save_file(
        {"f16": half, "f16.f32": half.float(), "bf16": brain, "bf16.f32": brain.float(),
         "i64": torch.tensor([[-1, 2**31 - 1]])},
        HERE / "types.safetensors",
    )


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    make_tiny()
    make_folders()
