"""Prints the logits that transformers computes with a model folder, as JSON.

    echo '{"ids": [[1, 2, 3]], "mask": [[1, 1, 1]]}' | python tests/golden/check_folder.py FOLDER [CLASS]

CLASS is AutoModelForSequenceClassification unless told otherwise, and "type_ids" may be given besides. The output is
{"logits": [[…]], "labels": […], "warnings": {…}}, with the names that the class gives its logits; the warnings are
what transformers found missing, unexpected or misshapen; all should be empty.
"""

import json
import sys

import torch
import transformers

transformers.logging.set_verbosity_error()
request = json.load(sys.stdin)
model_class = getattr(transformers, sys.argv[2] if len(sys.argv) > 2 else "AutoModelForSequenceClassification")
model, report = model_class.from_pretrained(sys.argv[1], local_files_only=True, output_loading_info=True)
model.eval()
inputs = {"input_ids": request["ids"], "attention_mask": request.get("mask"), "token_type_ids": request.get("type_ids")}
with torch.no_grad():
    output = model(**{name: torch.tensor(rows) for name, rows in inputs.items() if rows is not None})
labels = [model.config.id2label[index] for index in range(model.config.num_labels)]
warnings = {key: sorted(map(str, value)) for key, value in report.items() if isinstance(value, (list, set, dict))}
logits = {name: tensor.tolist() for name, tensor in output.items()}
print(json.dumps({**logits, "labels": labels, "warnings": warnings}))
