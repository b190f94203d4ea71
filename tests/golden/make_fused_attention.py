"""JAX's cuDNN attention as StableHLO: what lib/graph/stablehlo/fused_attention.ts must emit.

    pip install jax==0.10.2
    python tests/golden/make_fused_attention.py

Writes fused_attention.json: for the forward call and for the gradient's its target, configuration, layouts and types.
Nothing is run, so neither CUDA nor a GPU is needed.
"""

import json
import os
import pathlib
import re

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
from jax._src.cudnn import fused_attention_stablehlo as fused

fused.check_cudnn_version = lambda: 91000
fused.check_compute_capability = lambda capability: True

BATCH, TOKENS, HEADS, SIZE = 2, 6, 4, 8
CALL = re.compile(
    r"stablehlo.custom_call @(\S+?)\(.*?\) \{api_version = 2 : i32, backend_config = \"(.*?)\", "
    r"operand_layouts = (\[.*?\]), result_layouts = (\[.*\])\} : (.*)"
)


def attention_and_gradient(query, key, value, queries, keys, dy):
    def attention(query, key, value):
        return fused.dot_product_attention(
            query,
            key,
            value,
            q_seqlen=queries,
            kv_seqlen=keys,
            mask_type=fused.MaskType.PADDING,
            scale=1 / SIZE**0.5,
        )

    y, gradient = jax.vjp(attention, query, key, value)
    return y, gradient(dy)


x = jax.ShapeDtypeStruct((BATCH, TOKENS, HEADS, SIZE), jnp.bfloat16)
lengths = jax.ShapeDtypeStruct((BATCH,), jnp.int32)
traced = jax.jit(attention_and_gradient).trace(x, x, x, lengths, lengths, x)
text = traced.lower(lowering_platforms=("cuda",)).as_text()
calls = [
    {
        "target": target,
        "configuration": json.loads(configuration.replace("\\22", '"')),
        "operand_layouts": operands,
        "result_layouts": results,
        "types": types,
    }
    for target, configuration, operands, results, types in CALL.findall(text)
]
path = pathlib.Path(__file__).with_name("fused_attention.json")
path.write_text(json.dumps({"jax": jax.__version__, "calls": calls}, indent=1) + "\n")
