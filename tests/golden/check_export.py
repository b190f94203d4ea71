"""Runs the Python snippets of exported folders' README.md on texts, and prints their logits as JSON.

    echo '["a text", "another"]' | python tests/golden/check_export.py FOLDER...
    echo '[["a text", "its pair"]]' | python tests/golden/check_export.py FOLDER...

The output has for each folder {"onnxruntime": [[…]], "transformers": [[…]], "pipeline": [{label: score}]}, those of them
that its README has; without torch and transformers only the first. Where onnx is installed, its checker goes through
onnx/model.onnx as well.
"""

import json
import os
import re
import sys

try:
    import onnx
except ImportError:
    onnx = None

try:
    import torch
    import transformers
except ImportError:
    transformers = None


def with_text(call, text):
    """A snippet's example with another text, or another pair."""
    if isinstance(text, str):
        return call.replace('"A text."', repr(text))
    return call.replace('"A text.", "Its pair."', ", ".join(map(repr, text)))


def run(folder, texts):
    found = {}
    os.chdir(os.path.dirname(folder))
    if onnx:
        onnx.checker.check_model(onnx.load(f"{folder}/onnx/model.onnx"), full_check=True)
    with open(f"{folder}/README.md", encoding="utf-8") as card:
        snippets = re.findall(r"```python\n(.*?)```", card.read(), re.DOTALL)
    for snippet in snippets:
        if not transformers and re.search("^(import|from) (torch|transformers)", snippet, re.MULTILINE):
            continue
        names = {}
        code, example = snippet.rstrip().rsplit("\n", 1)
        exec(code, names)
        call = example.removeprefix("print(").removesuffix(")")
        results = [eval(with_text(call, text), names) for text in texts]
        if "classify" in names:
            results = [result[0] if isinstance(result[0], list) else result for result in results]
            found["pipeline"] = [{each["label"]: each["score"] for each in result} for result in results]
        else:
            found["onnxruntime" if "onnxruntime" in names else "transformers"] = results
    return found


if transformers:
    transformers.logging.set_verbosity_error()
texts = json.load(sys.stdin)
print(json.dumps([run(os.path.abspath(folder), texts) for folder in sys.argv[1:]]))
