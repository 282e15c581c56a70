"""Reads weights in the format of llama2.c: small real Llama models for tests and first steps.

The layout is that of llama2.c's `export.py`, version 0: seven int32 (dim, hidden_dim, layers,
heads, key/value heads, vocabulary, sequence length), then float32 tensors, those of all layers
together. A negative vocabulary size says that the output matrix is stored too; otherwise it is the
input embedding.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

EPSILON = 1e-5
"""Of RMSNorm, fixed in llama2.c."""


def read_llama2c(path: Path) -> LlamaForCausalLM:
    """The model in float32. Raises ValueError where the file is no such checkpoint."""
    data = path.read_bytes()
    header = np.frombuffer(data[:28], np.int32)
    if len(header) < 7 or not 0 < header[0] <= 1 << 16 or not 0 < header[2] <= 1 << 10:
        raise ValueError(f"{path}: not a llama2.c checkpoint of version 0")
    dim, hidden, layers, heads, kv_heads, vocabulary, length = (int(n) for n in header)
    tied, vocabulary = vocabulary > 0, abs(vocabulary)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=dim,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        max_position_embeddings=length,
        rms_norm_eps=EPSILON,
        tie_word_embeddings=tied,
        bos_token_id=1,
        eos_token_id=2,
    )
    per_head = dim // heads
    kv = kv_heads * per_head
    shapes = [
        ("embed", (vocabulary, dim)),
        ("attention_norm", (layers, dim)),
        ("q", (layers, dim, dim)),
        ("k", (layers, kv, dim)),
        ("v", (layers, kv, dim)),
        ("o", (layers, dim, dim)),
        ("ffn_norm", (layers, dim)),
        ("gate", (layers, hidden, dim)),
        ("down", (layers, dim, hidden)),
        ("up", (layers, hidden, dim)),
        ("norm", (dim,)),
        ("cosines", (length, per_head // 2)),  # follow from the configuration
        ("sines", (length, per_head // 2)),
        *([] if tied else [("head", (vocabulary, dim))]),
    ]
    expected = 28 + 4 * sum(int(np.prod(shape)) for _, shape in shapes)
    if len(data) != expected:
        raise ValueError(f"{path}: {len(data):,} bytes, but its header promises {expected:,}")
    at = 28
    found: dict[str, torch.Tensor] = {}
    for name, shape in shapes:
        count = int(np.prod(shape))
        values = np.frombuffer(data, np.float32, count, at).reshape(shape)
        found[name] = torch.from_numpy(values.copy())
        at += 4 * count
    model = LlamaForCausalLM(config)
    model.load_state_dict(_state(found, layers, heads, kv_heads), strict=tied is False)
    model.tie_weights()
    model.train(False)
    return model


def _state(
    found: dict[str, torch.Tensor], layers: int, heads: int, kv_heads: int
) -> dict[str, Any]:
    """Tensors by transformers' names."""
    state = {"model.embed_tokens.weight": found["embed"], "model.norm.weight": found["norm"]}
    state["lm_head.weight"] = found.get("head", found["embed"])
    for i in range(layers):
        layer = f"model.layers.{i}"
        state |= {
            f"{layer}.input_layernorm.weight": found["attention_norm"][i],
            f"{layer}.self_attn.q_proj.weight": _halves(found["q"][i], heads),
            f"{layer}.self_attn.k_proj.weight": _halves(found["k"][i], kv_heads),
            f"{layer}.self_attn.v_proj.weight": found["v"][i],
            f"{layer}.self_attn.o_proj.weight": found["o"][i],
            f"{layer}.post_attention_layernorm.weight": found["ffn_norm"][i],
            f"{layer}.mlp.gate_proj.weight": found["gate"][i],
            f"{layer}.mlp.down_proj.weight": found["down"][i],
            f"{layer}.mlp.up_proj.weight": found["up"][i],
        }
    return state


def _halves(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from rotary pairs (0, 1), (2, 3), ... to halves, as transformers' are."""
    rows, columns = weight.shape
    return weight.view(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)
