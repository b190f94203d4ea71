"""Makes the golden files in tests/golden/layers with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_layers.py

config.json         a tiny BERT (L 6, H 8)
values.safetensors  its weights, a batch, and for each choice of layers of the paper's Table 3 a classifier, and what
                    comes of it: logits, loss, each gradient; layers above the highest that is used have none

Everything is computed in float64, so that the stored values carry no rounding but that to float32.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent / "layers"
BATCH, T, CLASSES = 4, 8, 3


def feature(name, model, states):
    """Of the [CLS] states [B, H] of all layers, the lowest first."""
    if name == "last":
        return torch.tanh(model.pooler.dense(states[-1]))
    if name.startswith("layer "):
        return torch.tanh(model.pooler.dense(states[int(name.split()[1])]))
    group, how = name.rsplit(" ", 1)
    used = {"first 4": states[:4], "last 4": states[-4:], "all": states}[group]
    if how == "concat":
        return torch.cat(used, dim=-1)
    stacked = torch.stack(used)
    return stacked.mean(0) if how == "mean" else stacked.amax(0)


NAMES = [
    "last", "layer 0", "layer 1", "first 4 concat", "first 4 mean", "first 4 max",
    "last 4 concat", "last 4 mean", "last 4 max", "all concat",
]


def main():
    generator = torch.Generator().manual_seed(4)
    config = BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=6, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = BertModel(config)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(1 + 0.2 * noise if "LayerNorm.weight" in name else 0.3 * noise)
    values = {f"parameter.bert.{name}": tensor.detach().clone() for name, tensor in model.named_parameters()}
    model = model.double().eval()

    lengths = torch.tensor([T, 3, 6, 5])
    mask = (torch.arange(T) < lengths[:, None]).long()
    ids = torch.randint(1, config.vocab_size, (BATCH, T), generator=generator) * mask
    labels = torch.tensor([1, 0, 2, 1])
    for name in NAMES:
        model.zero_grad()
        states = [s[:, 0] for s in model(ids, attention_mask=mask, output_hidden_states=True).hidden_states[1:]]
        x = feature(name, model, states)
        classifier = {
            "classifier.weight": 0.5 * torch.randn(CLASSES, x.shape[1], generator=generator),
            "classifier.bias": 0.5 * torch.randn(CLASSES, generator=generator),
        }
        values |= {f"{name}/parameter.{part}": tensor for part, tensor in classifier.items()}
        weight, bias = (tensor.double().requires_grad_() for tensor in classifier.values())
        logits = x @ weight.T + bias
        loss = torch.nn.functional.cross_entropy(logits, labels)
        loss.backward()
        gradients = {f"bert.{n}": p.grad for n, p in model.named_parameters() if p.grad is not None}
        gradients |= {"classifier.weight": weight.grad, "classifier.bias": bias.grad}
        values |= {f"{name}/gradient.{n}": gradient.clone() for n, gradient in gradients.items()}
        values |= {f"{name}/logits": logits.detach(), f"{name}/loss": loss.detach()}
        print(f"{name}: loss {loss.item():.6f}, {len(gradients)} gradients")
    tensors = {name: value.float().contiguous() for name, value in values.items()}
    tensors |= {"ids": ids.int(), "mask": mask.int(), "labels": labels.int()}

    HERE.mkdir(exist_ok=True)
    save_file(tensors, HERE / "values.safetensors")
    (HERE / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n")


if __name__ == "__main__":
    main()
