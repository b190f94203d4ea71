"""Writes schedules.json: the multipliers of transformers' schedules at every step, and BertAdam's warmup_linear.

Run in this folder: python make_schedules.py (needs torch and transformers 5.23).
"""

import json

import torch
import transformers
from transformers import optimization

BASE = 2e-5
makers = {
    "constant": lambda o, n, w, **_: optimization.get_constant_schedule(o),
    "constant-with-warmup": lambda o, n, w, **_: optimization.get_constant_schedule_with_warmup(o, w),
    "cosine": lambda o, n, w, cycles=0.5, **_: optimization.get_cosine_schedule_with_warmup(o, w, n, cycles),
    "cosine-with-restarts": lambda o, n, w, cycles=1, **_: (
        optimization.get_cosine_with_hard_restarts_schedule_with_warmup(o, w, n, cycles)
    ),
    "linear": lambda o, n, w, **_: optimization.get_linear_schedule_with_warmup(o, w, n),
    "polynomial": lambda o, n, w, power=1.0, endRate=1e-7, **_: (
        optimization.get_polynomial_decay_schedule_with_warmup(o, w, n, endRate, power)
    ),
}
options = {
    "constant": [{}],
    "constant-with-warmup": [{}],
    "cosine": [{}, {"cycles": 1.5}],
    "cosine-with-restarts": [{}, {"cycles": 3}],
    "linear": [{}],
    "polynomial": [{}, {"power": 2, "endRate": 1e-6}],
}

cases = []
for total, warmup in [(40, 4), (37, 0), (5, 2)]:
    for name, variants in options.items():
        for variant in variants:
            optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)
            rule = makers[name](optimizer, total, warmup, **variant).lr_lambdas[0]
            cases.append({
                "name": name,
                "options": {"totalSteps": total, "warmupSteps": warmup, "baseRate": BASE, **variant},
                "multipliers": [float(rule(step)) for step in range(total + 3)],
            })
    # pytorch_pretrained_bert 0.4, optimization.py: warmup_linear(x, warmup) = x / warmup if x < warmup else 1.0 - x
    share = warmup / total
    xs = [step / total for step in range(total + 1)]
    cases.append({
        "name": "bertadam-linear",
        "options": {"totalSteps": total, "warmupSteps": warmup},
        "multipliers": [x / share if x < share else 1.0 - x for x in xs],
    })

with open("schedules.json", "w") as file:
    json.dump({"transformers": transformers.__version__, "cases": cases}, file)
    file.write("\n")
