"""Prints the logits that transformers computes with a model folder, as JSON.

    echo '{"ids": [[1, 2, 3]], "mask": [[1, 1, 1]]}' | python tests/golden/check_folder.py FOLDER

"type_ids" may be given besides. The output is {"logits": [[…]], "labels": […], "warnings": {…}}, where the warnings
are what transformers found missing, unexpected or misshapen; all should be empty.
"""

import json
import sys

import torch
from transformers import AutoModelForSequenceClassification, logging

logging.set_verbosity_error()
request = json.load(sys.stdin)
model, report = AutoModelForSequenceClassification.from_pretrained(
    sys.argv[1], local_files_only=True, output_loading_info=True
)
model.eval()
inputs = {"input_ids": request["ids"], "attention_mask": request.get("mask"), "token_type_ids": request.get("type_ids")}
with torch.no_grad():
    logits = model(**{name: torch.tensor(rows) for name, rows in inputs.items() if rows is not None}).logits
labels = [model.config.id2label[index] for index in range(model.config.num_labels)]
warnings = {key: sorted(map(str, value)) for key, value in report.items() if isinstance(value, (list, set, dict))}
print(json.dumps({"logits": logits.tolist(), "labels": labels, "warnings": warnings}))
