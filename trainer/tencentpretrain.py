"""Checkpoints of TencentPretrain, read and written.

Its LLaMA models keep the rotary pairs (0, 1), (2, 3), ... of Meta's release next to each other;
transformers keeps all first members before all second ones. So the rows of the query and key
matrices are in another order, head by head; those of the key matrix by key/value heads.
Files are torch pickles: only tensors are read from them (`weights_only`).
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from curate.errors import RecipeError
from curate.storage import opened_for_writing, write_json

INDEX = ".index.json"

WHOLE = {
    "embedding.word.embedding.weight": "model.embed_tokens.weight",
    "encoder.layer_norm.weight": "model.norm.weight",
    "target.lm.output_layer.weight": "lm_head.weight",
}
"""Names outside the blocks, theirs to transformers'."""

BLOCK = {
    "self_attn.linear_layers.0.weight": "self_attn.q_proj.weight",
    "self_attn.linear_layers.1.weight": "self_attn.k_proj.weight",
    "self_attn.linear_layers.2.weight": "self_attn.v_proj.weight",
    "self_attn.final_linear.weight": "self_attn.o_proj.weight",
    "feed_forward.linear_gate.weight": "mlp.gate_proj.weight",
    "feed_forward.linear_1.weight": "mlp.up_proj.weight",
    "feed_forward.linear_2.weight": "mlp.down_proj.weight",
    "layer_norm_1.weight": "input_layernorm.weight",
    "layer_norm_2.weight": "post_attention_layernorm.weight",
}
"""Names within a block."""


def names(layers: int) -> dict[str, str]:
    """All names of a model of so many blocks, theirs to transformers'."""
    found = dict(WHOLE)
    for i in range(layers):
        for theirs, ours in BLOCK.items():
            found[f"encoder.transformer.{i}.{theirs}"] = f"model.layers.{i}.{ours}"
    return found


def to_halves(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from neighbouring pairs to halves."""
    out, width = weight.shape
    return weight.view(heads, out // heads // 2, 2, width).transpose(1, 2).reshape(out, width)


def to_pairs(weight: Tensor, heads: int) -> Tensor:
    """Rows of each head from halves to neighbouring pairs: undoes `to_halves`."""
    out, width = weight.shape
    return weight.view(heads, 2, out // heads // 2, width).transpose(1, 2).reshape(out, width)


def read(weights: Path, config: Path, eps: float) -> LlamaForCausalLM:
    """The model in float32.

    weights: a `.bin` file, or an index (`*.index.json`) of several beside it. config: the model's
    configuration there, JSON. eps: of RMSNorm, which it does not hold: 1e-6 for the first LLaMA's
    models, 1e-5 for Llama 2's.
    Raises RecipeError where files are missing, hold more than tensors, or do not fit.
    """
    facts = _facts(config)
    state = _state(weights)
    layers, heads = int(facts["layers_num"]), int(facts["heads_num"])
    kv_heads = int(facts.get("local_kv_heads_num", heads))
    known = names(layers)
    missing = sorted(set(known) - set(state))
    if missing == ["target.lm.output_layer.weight"]:
        missing = []
    unknown = sorted(set(state) - set(known))
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"has {unknown[0]}, which a LLaMA model lacks"
        raise RecipeError(f"{weights} {what}; is it of {config}?")
    tied = "target.lm.output_layer.weight" not in state
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(state["embedding.word.embedding.weight"]),
            hidden_size=int(facts["hidden_size"]),
            intermediate_size=int(facts["feedforward_size"]),
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=int(facts.get("max_seq_length", 2048)),
            rms_norm_eps=eps,
            tie_word_embeddings=tied,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    converted = {}
    for theirs, ours in known.items():
        if theirs not in state:
            continue
        value = state[theirs].float()
        if ours.endswith("q_proj.weight"):
            value = to_halves(value, heads)
        elif ours.endswith("k_proj.weight"):
            value = to_halves(value, kv_heads)
        converted[ours] = value
    try:
        model.load_state_dict(converted, strict=not tied)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RecipeError(f"{weights} does not fit {config}: {reason}") from None
    model.tie_weights()
    model.train(False)
    return model


def _facts(config: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"there is no configuration {config}") from None
    except (OSError, ValueError):
        raise RecipeError(f"{config} is not a model's configuration in JSON") from None
    needed = ("layers_num", "heads_num", "hidden_size", "feedforward_size")
    for key in needed:
        if not isinstance(facts, dict) or not isinstance(facts.get(key), int):
            raise RecipeError(f"{config} has no {key}; it is no configuration of TencentPretrain")
    if facts.get("layernorm", "rms") != "rms" or facts.get("feed_forward", "gated") != "gated":
        raise RecipeError(f"{config} is of a model that is no LLaMA (norms, feed-forward part)")
    return facts


def _state(weights: Path) -> dict[str, Tensor]:
    if not weights.is_file():
        raise RecipeError(f"there are no weights {weights}")
    files = [weights]
    if weights.name.endswith(INDEX):
        try:
            listed = json.loads(weights.read_text(encoding="utf-8"))["weight_map"].values()
        except (ValueError, KeyError, AttributeError):
            raise RecipeError(f"{weights} is no index of weights") from None
        # Names only: an index must not lead out of its folder.
        files = [weights.parent / Path(name).name for name in sorted(set(map(str, listed)))]
    state: dict[str, Tensor] = {}
    for file in files:
        try:
            part = torch.load(file, map_location="cpu", weights_only=True)
        except FileNotFoundError:
            raise RecipeError(f"{weights} names {file.name}, which is missing") from None
        except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
            reason = str(error).splitlines()[0][:150]
            raise RecipeError(f"{file} is damaged or holds more than tensors: {reason}") from None
        if not isinstance(part, dict) or not all(isinstance(v, Tensor) for v in part.values()):
            raise RecipeError(f"{file} holds something else than named tensors")
        state |= part
    return state


def write(model: Any, folder: Path, dtype: torch.dtype = torch.float16) -> Path:
    """Writes `tencentpretrain_model.bin` and `config.json`; returns the weights' path.

    Raises RecipeError for a model that is no Llama, or has biases.
    """
    facts = model.config
    kind = getattr(facts, "model_type", "")
    if kind != "llama" or facts.attention_bias or facts.mlp_bias:
        raise RecipeError(f"TencentPretrain has LLaMA models; {type(model).__name__} is none")
    rope = facts.rope_parameters or {}
    if rope.get("rope_type", "default") != "default" or rope.get("rope_theta") != 10000.0:
        raise RecipeError(
            f"TencentPretrain turns with a base of 10,000 and no scaling; this model has {rope}"
        )
    heads, kv_heads = facts.num_attention_heads, facts.num_key_value_heads
    source = model.state_dict()
    state = {}
    for theirs, ours in names(facts.num_hidden_layers).items():
        # Tied or not, they want an output matrix.
        value = source.get(ours, source["model.embed_tokens.weight"]).detach().cpu()
        if ours.endswith("q_proj.weight"):
            value = to_pairs(value, heads)
        elif ours.endswith("k_proj.weight"):
            value = to_pairs(value, kv_heads)
        state[theirs] = value.to(dtype).clone()
    path = folder / "tencentpretrain_model.bin"
    with opened_for_writing(path) as file:
        torch.save(state, file)
    config = {
        "emb_size": facts.hidden_size,
        "feedforward_size": facts.intermediate_size,
        "hidden_size": facts.hidden_size,
        "hidden_act": "silu",
        "heads_num": heads,
        "layers_num": facts.num_hidden_layers,
        "dropout": 0.0,
        "data_processor": "lm",
        "max_seq_length": facts.max_position_embeddings,
        "embedding": ["word"],
        "remove_transformer_bias": True,
        "remove_embedding_layernorm": True,
        "rotary_position_embedding": True,
        "encoder": "transformer",
        "feed_forward": "gated",
        "mask": "causal",
        "layernorm_positioning": "pre",
        "layernorm": "rms",
        "target": ["lm"],
    }
    if kv_heads != heads:
        config["local_kv_heads_num"] = kv_heads
    write_json(folder / "config.json", config)
    return path
