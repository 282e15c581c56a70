"""Packed rows beside their documents run alone: logits and gradients, for three kinds of model."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from trainer import attention  # noqa: E402
from trainer.attention import Packing  # noqa: E402

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "attention_dropout": 0.0,
}

KINDS = {
    "llama": lambda: transformers.LlamaConfig(**SIZES),
    "llama-one-head-each": lambda: transformers.LlamaConfig(**{**SIZES, "num_key_value_heads": 4}),
    "qwen2": lambda: transformers.Qwen2Config(**SIZES),
    "mistral": lambda: transformers.MistralConfig(**SIZES, sliding_window=None),
    "mistral-window": lambda: transformers.MistralConfig(**SIZES, sliding_window=5),
}


def models(kind: str) -> tuple[Any, Any]:
    """The model with packed attention, and the same weights with transformers' own."""
    attention.register()
    torch.manual_seed(0)
    config = KINDS[kind]()
    ours = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="packed")
    theirs = transformers.AutoModelForCausalLM.from_config(
        KINDS[kind](), attn_implementation="eager"
    )
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def batch(lengths: list[list[int]]) -> tuple[Any, Any, Packing]:
    """(tokens, positions, packing) of rows with segments of these lengths."""
    width = sum(lengths[0])
    assert all(sum(row) == width for row in lengths)
    flat = [n for row in lengths for n in row]
    tokens = torch.randint(0, 97, (len(lengths), width), generator=torch.manual_seed(1))
    positions = torch.cat([torch.arange(n) for n in flat]).view(len(lengths), width)
    ends = torch.tensor([0, *torch.tensor(flat).cumsum(0).tolist()], dtype=torch.int32)
    return tokens, positions, Packing(ends, max(flat))


def alone(model: Any, tokens: Any, packing: Packing) -> Any:
    """Logits of each segment run as a batch of its own, put back in place."""
    flat = tokens.view(-1)
    bounds = packing.boundaries.tolist()
    parts = [model(input_ids=flat[a:b][None]).logits[0] for a, b in pairwise(bounds)]
    return torch.cat(parts).view(*tokens.shape, -1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run", [1, 256])
@pytest.mark.parametrize("lengths", [[[3, 1, 20, 16], [40]], [[7, 7, 7, 1, 18], [1, 30, 9]]])
def test_a_packed_row_equals_its_documents_alone(monkeypatch, kind, run, lengths):
    monkeypatch.setattr(attention, "RUN", run)
    ours, theirs = models(kind)
    tokens, positions, packing = batch(lengths)
    weights = torch.randn(*tokens.shape, 97, generator=torch.manual_seed(2))

    got = ours(input_ids=tokens, position_ids=positions, packing=packing).logits
    want = alone(theirs, tokens, packing)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)
    (got * weights).sum().backward()
    (want * weights).sum().backward()
    named = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(
            parameter.grad,
            named[name].grad,
            atol=1e-5,
            rtol=1e-4,
            msg=lambda m, n=name: f"{n}: {m}",
        )


def test_the_equality_is_one_that_can_fail():
    """Without packing the documents of a row see each other, and logits differ visibly."""
    ours, theirs = models("llama")
    tokens, positions, packing = batch([[10, 30]])
    leaking = ours(input_ids=tokens, position_ids=positions).logits
    assert (leaking - alone(theirs, tokens, packing)).abs().max() > 1e-3


def test_a_token_of_one_document_changes_no_other():
    ours, _ = models("qwen2")
    tokens, positions, packing = batch([[10, 30]])
    before = ours(input_ids=tokens, position_ids=positions, packing=packing).logits
    tokens[0, 3] = (tokens[0, 3] + 1) % 97
    after = ours(input_ids=tokens, position_ids=positions, packing=packing).logits
    changed = (before != after).any(-1)[0].nonzero().flatten().tolist()
    assert changed == list(range(3, 10))


@pytest.mark.parametrize("window", [None, 5])
def test_the_masks_of_flex_attention_are_the_same(window):
    """FlexAttention itself needs a GPU to be worth it; its mask is checked here, eagerly."""
    generator = torch.manual_seed(3)
    q, k, v = (torch.randn(1, h, 40, 16, generator=generator) for h in (4, 2, 2))
    _, _, packing = batch([[3, 1, 20, 16]])
    got = attention._flex(q, k, v, packing, None, window)
    want = attention._by_blocks(q, k, v, packing, 0.0, None, window)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "mistral-window"])
def test_generation_with_a_cache_is_transformers_own(kind):
    ours, theirs = models(kind)
    prompt = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12]])
    one, two = (
        model.eval().generate(prompt, max_new_tokens=8, do_sample=False, pad_token_id=0)
        for model in (ours, theirs)
    )
    assert one.tolist() == two.tolist()
