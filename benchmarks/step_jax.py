"""The training step of step.ts written in JAX, as StableHLO text on the standard output.

Started with L H B T. The step is BertForSequenceClassification's (two classes, dropout .1 everywhere, GELU by erf),
its gradients, clipping to norm 1, and AdamW; parameters and moments are donated. Its arguments: parameters, first and
second moments, ids, mask, labels, the dropout key and the number of the step.
"""

import sys

import jax
import jax.numpy as jnp

layers, hidden, batch, tokens = map(int, sys.argv[1:5])
heads, inner, vocabulary, rate = max(1, hidden // 64), 4 * hidden, 30_522, 0.1


def dense(outputs, inputs):
    return {"weight": jnp.zeros((outputs, inputs)), "bias": jnp.zeros((outputs,))}


def norm_parameters():
    return {"weight": jnp.zeros((hidden,)), "bias": jnp.zeros((hidden,))}


parameters = {
    "words": jnp.zeros((vocabulary, hidden)),
    "positions": jnp.zeros((512, hidden)),
    "types": jnp.zeros((2, hidden)),
    "norm": norm_parameters(),
    "layers": [
        {
            **{name: dense(hidden, hidden) for name in ("query", "key", "value", "output")},
            "attention_norm": norm_parameters(),
            "up": dense(inner, hidden),
            "down": dense(hidden, inner),
            "norm": norm_parameters(),
        }
        for _ in range(layers)
    ],
    "pooler": dense(hidden, hidden),
    "classifier": dense(2, hidden),
}


def linear(p, x):
    return x @ p["weight"].T + p["bias"]


def norm(p, x):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) * jax.lax.rsqrt(variance + 1e-12) * p["weight"] + p["bias"]


def loss(p, ids, mask, labels, key):
    keys = iter(jax.random.split(key, 2 + 3 * layers))

    def dropout(x):
        return jnp.where(jax.random.bernoulli(next(keys), 1 - rate, x.shape), x / (1 - rate), 0)

    def split(x):
        return x.reshape(batch, tokens, heads, hidden // heads).transpose(0, 2, 1, 3)

    bias = (1 - mask[:, None, None, :]) * -1e9
    x = dropout(norm(p["norm"], p["words"][ids] + p["positions"][:tokens] + p["types"][0]))
    for layer in p["layers"]:
        q, k, v = (split(linear(layer[name], x)) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 1, 3, 2) / (hidden // heads) ** 0.5 + bias
        context = dropout(jax.nn.softmax(scores, -1)) @ v
        context = context.transpose(0, 2, 1, 3).reshape(batch, tokens, hidden)
        x = norm(layer["attention_norm"], x + dropout(linear(layer["output"], context)))
        up = jax.nn.gelu(linear(layer["up"], x), approximate=False)
        x = norm(layer["norm"], x + dropout(linear(layer["down"], up)))
    pooled = dropout(jnp.tanh(linear(p["pooler"], x[:, 0])))
    logits = jax.nn.log_softmax(linear(p["classifier"], pooled), -1)
    return -jnp.take_along_axis(logits, labels[:, None], 1).mean()


def step(p, m, v, ids, mask, labels, key, count):
    value, gradients = jax.value_and_grad(loss)(p, ids, mask, labels, key)
    size = jnp.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradients)))
    factor = jnp.minimum(1, 1 / (size + 1e-6))
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * factor * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * (factor * g) ** 2, v, gradients)
    first, second = 1 - 0.9**count, 1 - 0.999**count
    p = jax.tree.map(
        lambda p, m, v: p * (1 - 2e-5 * 0.01) - 2e-5 * (m / first) / (jnp.sqrt(v / second) + 1e-8), p, m, v
    )
    return p, m, v, value


lowered = jax.jit(step, donate_argnums=(0, 1, 2), keep_unused=True).lower(
    parameters,
    parameters,
    parameters,
    jnp.zeros((batch, tokens), jnp.int32),
    jnp.ones((batch, tokens)),
    jnp.zeros((batch,), jnp.int32),
    jax.random.PRNGKey(1),
    jnp.float32(1),
)
print(lowered.as_text())
