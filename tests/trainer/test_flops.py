"""Operations of a token and peaks of devices, against figures worked out by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from trainer.flops import flops_per_token, mean_attended, multiplied, peak_flops  # noqa: E402

SIZES = {
    "vocab_size": 100,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
# q and o 16 x 16, k and v 8 x 16, three of 32 x 16, two norms; the last norm; 100 x 16 of output.
BLOCK = 2 * 256 + 2 * 128 + 3 * 512 + 2 * 16
N = 3 * BLOCK + 16 + 1600


@pytest.mark.parametrize("tied", [False, True])
def test_operations_of_a_token(tied):
    facts = transformers.LlamaConfig(**SIZES, tie_word_embeddings=tied)
    assert multiplied(facts) == N
    assert flops_per_token(facts, 10.0) == 6 * N + 12 * 3 * 16 * 10
    assert flops_per_token(facts, 10.0, trained=500) == 6 * 500 + 4 * (N - 500) + 12 * 3 * 16 * 10


def test_heads_wider_than_the_model_divided_by_them():
    facts = transformers.Qwen3Config(**SIZES, head_dim=8)
    assert flops_per_token(facts, 1.0) - flops_per_token(facts, 0.0) == 12 * 3 * 4 * 8


@pytest.mark.parametrize(
    ("lengths", "window", "wanted"),
    [
        ([1], None, 1.0),
        ([4], None, 2.5),
        # 1 + (1 + 2 + 3) tokens seen by four.
        ([1, 3], None, 7 / 4),
        # 1, 2, 2, 2.
        ([4], 2, 7 / 4),
        ([2, 4], 3, (3 + 1 + 2 + 3 + 3) / 6),
        ([], None, 0.0),
    ],
)
def test_tokens_seen(lengths, window, wanted):
    assert mean_attended(lengths, window) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("name", "dtype", "wanted"),
    [
        ("NVIDIA H100 80GB HBM3", torch.bfloat16, 989.4e12),
        ("NVIDIA H100 PCIe", torch.bfloat16, 756e12),
        ("NVIDIA H200", torch.bfloat16, 989.4e12),
        ("NVIDIA H20", torch.bfloat16, 148e12),
        ("NVIDIA A100-SXM4-80GB", torch.float32, 19.5e12),
        ("NVIDIA A10", torch.float16, 125e12),
        ("NVIDIA A10G", torch.float16, 70e12),
        ("NVIDIA L4", torch.bfloat16, 121e12),
        ("NVIDIA GeForce RTX 4090", torch.bfloat16, 165.2e12),
        ("Tesla T4", torch.float16, 65e12),
        ("AMD EPYC", torch.float32, None),
    ],
)
def test_peaks(name, dtype, wanted):
    assert peak_flops(name, dtype) == wanted
