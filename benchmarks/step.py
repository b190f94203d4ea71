"""The other side of step.ts: one training step of Hugging Face's BERT, or of another family, in PyTorch for each line of
input.

Started with L H B T threads and a family; answers each line with the milliseconds of one step (forward, backward, clipping to
norm 1, fused AdamW), dropout .1.
"""

import sys
import time

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

layers, hidden, batch, tokens, threads = map(int, sys.argv[1:6])
torch.manual_seed(1)
torch.set_num_threads(threads)
family = sys.argv[6] if len(sys.argv) > 6 else "bert"
sizes = {"roberta": dict(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5)}
config = AutoConfig.for_model(
    family,
    num_hidden_layers=layers,
    hidden_size=hidden,
    num_attention_heads=max(1, hidden // 64),
    intermediate_size=3 * hidden // 2 if family == "modernbert" else 4 * hidden,
    **sizes.get(family, {}),
)
model = AutoModelForSequenceClassification.from_config(config).train()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=True)
ids = torch.randint(0, config.vocab_size, (batch, tokens))
mask = torch.ones_like(ids)
labels = torch.randint(0, 2, (batch,))


def step():
    start = time.perf_counter()
    optimizer.zero_grad()
    loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    loss.item()
    return 1000 * (time.perf_counter() - start)


step()
print(f"ready torch {torch.__version__}", flush=True)
for _ in sys.stdin:
    print(step(), flush=True)
