"""Makes tests/golden/torch: models of tests/golden/bert as PyTorch saves them, in its zip format and the one before.

    pip install torch transformers safetensors
    python tests/golden/make_torch_bin.py

f32, f16, bf16    the models of bert/folders of these names, by torch.save of their state dicts
old_names         bert/folders/old_names, with the decoder that shares the word embeddings' storage
views             tensors of every type that are views of storages, and in views.safetensors the same without views
script.zip.bin    a TorchScript archive, which is code
"""

import shutil
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
TARGET = HERE / "torch"


def save(state, name):
    torch.save(state, TARGET / f"{name}.zip.bin")
    torch.save(state, TARGET / f"{name}.legacy.bin", _use_new_zipfile_serialization=False)


def make_models():
    folders = HERE / "bert" / "folders"
    for name in ["f32", "f16", "bf16"]:
        save(OrderedDict(load_file(folders / name / "model.safetensors")), name)
    state = OrderedDict(load_file(folders / "old_names" / "model.safetensors"))
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"]
    save(state, "old_names")


def make_views():
    generator = torch.Generator().manual_seed(1)
    matrix = torch.randn(4, 6, generator=generator)
    cube = torch.randn(2, 3, 5, generator=generator)
    module = torch.nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    state = module.state_dict(prefix="linear.")  # with _metadata
    state |= {
        "matrix": matrix,
        "same": matrix,
        "transposed": matrix.t(),
        "rows": matrix[1:3],
        "columns": matrix[:, 1::2],
        "element": matrix[2, 3],
        "permuted": cube.permute(2, 0, 1),
        "one": cube[:, 1:2, :1],
        "parameter": torch.nn.Parameter(matrix[3]),
        "empty": torch.empty(0, 4),
        "scalar": torch.tensor(7.0),
        "half": matrix.half().t(),
        "brain": matrix.bfloat16()[:, 0],
        "double": cube.double()[1],
        "long": torch.tensor([[-1, 2**31 - 1], [5, -(2**31)]]).t(),
        "int": torch.arange(6, dtype=torch.int32)[::3],
    }
    save(state, "views")
    plain = {name: tensor.detach().double().float() if tensor.is_floating_point() else tensor.int()
             for name, tensor in state.items()}
    save_file({name: tensor.contiguous().clone() for name, tensor in plain.items()}, TARGET / "views.safetensors")


if __name__ == "__main__":
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    make_models()
    make_views()
    torch.jit.script(torch.nn.Linear(2, 2)).save(TARGET / "script.zip.bin")
