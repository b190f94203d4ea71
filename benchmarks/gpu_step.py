"""The other side of gpu_run.ts: the same training step in PyTorch and transformers on a GPU (or where there is none on
the CPU), timed. Started with a JSON of the case; writes one line, `result` and a JSON.

A step is forward, backward, clipping to norm 1 and the fused AdamW without decay of biases and LayerNorm; its loss and
norm are read. bf16 is autocast's, attention is SDPA.
"""

import json
import sys
import time

import torch
from transformers import BertConfig, BertForSequenceClassification

case = json.loads(sys.argv[1])
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(1)
config = BertConfig(
    vocab_size=case["vocabulary"],
    num_hidden_layers=case["layers"],
    hidden_size=case["hidden"],
    num_attention_heads=case["heads"],
    intermediate_size=case["intermediate"],
    attention_probs_dropout_prob=case["attentionDropout"],
    num_labels=2,
    attn_implementation="sdpa",
)
with torch.device(device):
    model = BertForSequenceClassification(config).train()
plain = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
others = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
groups = [{"params": others, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=2e-5, fused=True)
parameters = plain + others
shape = (case["batchSize"], case["maxLength"])
ids = torch.randint(0, case["vocabulary"], shape, device=device)
mask = torch.ones_like(ids)
labels = torch.randint(0, 2, shape[:1], device=device)
called = torch.compile(model, dynamic=False) if case["compiled"] else model


def step():
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device, dtype=torch.bfloat16, enabled=case["precision"] == "bf16"):
        loss = called(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    optimizer.step()
    return loss, norm


def wait():
    if device == "cuda":
        torch.cuda.synchronize()


start = time.perf_counter()
losses = [step()[0].item()]
first = time.perf_counter() - start
for _ in range(2):
    losses.append(step()[0].item())
times = []
start = time.perf_counter()
while len(times) < 5 or (time.perf_counter() - start < case["seconds"] and len(times) < 100):
    at = time.perf_counter()
    loss, norm = step()
    losses.append(loss.item())
    norm.item()
    times.append(1000 * (time.perf_counter() - at))
wait()
at = time.perf_counter()
for _ in range(len(times)):
    step()
wait()
result = {
    "torch": torch.__version__,
    "device_name": torch.cuda.get_device_name() if device == "cuda" else "cpu",
    "texts": case["batchSize"],
    "firstSeconds": first,
    "median": sorted(times)[len(times) // 2],
    "best": min(times),
    "device": 1000 * (time.perf_counter() - at) / len(times),
    "bytes": torch.cuda.max_memory_allocated() if device == "cuda" else None,
    "losses": [*losses[:3], losses[-1]],
}
print("result " + json.dumps(result), flush=True)
