"""Makes tests/golden/multi_label.json and multi_label.safetensors with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_multi_label.py

multi_label.json         BCEWithLogitsLoss of extreme and usual logits: each element's loss and gradient, and a weighted sum
multi_label.safetensors  the model and the batch of tests/golden/bert/tiny as a classifier of several labels a text: targets,
                         logits, loss and each gradient

Everything is computed in float64, so that the stored values carry no rounding but that of what is written.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import BertForSequenceClassification

HERE = Path(__file__).parent


def loss_values():
    rows = [[0.0, 1.5, -2.25], [90.0, -90.0, 30.0], [-90.0, 90.0, -30.0], [0.001, -0.5, 12.0]]
    targets = [[1.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.25, 1.0]]
    weights = [[0.5, 1.0, 2.0], [0.1, 0.2, 0.3], [1.0, 0.0, 1.0], [3.0, 1.0, 1.0]]
    logits = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    y, w = (torch.tensor(values, dtype=torch.float64) for values in (targets, weights))
    each = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none")
    (gradient,) = torch.autograd.grad(each.sum(), logits)
    weighted = torch.nn.functional.binary_cross_entropy_with_logits(logits, y, weight=w, reduction="sum")
    (weighted_gradient,) = torch.autograd.grad(weighted, logits)
    return {
        "logits": rows,
        "targets": targets,
        "weights": weights,
        "losses": each.tolist(),
        "gradient": gradient.tolist(),
        "weighted": weighted.item(),
        "weighted_gradient": weighted_gradient.tolist(),
    }


def model_values():
    batch = load_file(HERE / "bert" / "tiny.safetensors")
    model = BertForSequenceClassification.from_pretrained(
        HERE / "bert" / "tiny", problem_type="multi_label_classification", attn_implementation="eager"
    )
    model = model.double().eval()
    ids, mask, types = (batch[name].long() for name in ("ids", "mask", "type_ids"))
    targets = torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]], dtype=torch.float64)[: len(ids)]
    output = model(ids, attention_mask=mask, token_type_ids=types, labels=targets)
    output.loss.backward()
    values = {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters()}
    values |= {"labels": targets, "logits": output.logits.detach(), "loss": output.loss.detach()}
    return {name: value.float().contiguous() for name, value in values.items()}


(HERE / "multi_label.json").write_text(json.dumps(loss_values(), indent=1) + "\n")
save_file(model_values(), HERE / "multi_label.safetensors")
