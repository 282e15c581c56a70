"""llama2.c checkpoints: refused where damaged; read right in tests/real."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.tokens.llama2c import read_llama2c_tokenizer  # noqa: E402
from curate.tokens.tokenizer import TokenizerError  # noqa: E402
from trainer.llama2c import read_llama2c  # noqa: E402

DIM, HIDDEN, LAYERS, HEADS, KV, VOCABULARY, LENGTH = 8, 12, 2, 2, 1, 5, 4


def checkpoint(vocabulary: int) -> bytes:
    """A checkpoint whose numbers count up from 0."""
    kv = DIM // HEADS * KV
    n = VOCABULARY * DIM + LAYERS * (2 * DIM + 2 * DIM * DIM + 2 * kv * DIM + 3 * HIDDEN * DIM)
    n += DIM + LENGTH * (DIM // HEADS) + (VOCABULARY * DIM if vocabulary < 0 else 0)
    header = struct.pack("<7i", DIM, HIDDEN, LAYERS, HEADS, KV, vocabulary, LENGTH)
    return header + torch.arange(n, dtype=torch.float32).numpy().tobytes()


@pytest.mark.parametrize("vocabulary", [VOCABULARY, -VOCABULARY])
def test_tensors_are_where_the_layout_says(tmp_path: Path, vocabulary: int):
    (tmp_path / "a.bin").write_bytes(checkpoint(vocabulary))
    state = read_llama2c(tmp_path / "a.bin").state_dict()
    assert state["model.embed_tokens.weight"][0].tolist() == list(range(DIM))
    start = VOCABULARY * DIM
    assert state["model.layers.1.input_layernorm.weight"][0] == start + DIM
    q = start + LAYERS * DIM
    # Head 0 has rows 0, 2 (first of each pair), then 1, 3 (second); head 1 follows.
    rows = (state["model.layers.0.self_attn.q_proj.weight"][:, 0] - q) / DIM
    assert rows.tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    head = state["lm_head.weight"]
    assert torch.equal(head, state["model.embed_tokens.weight"]) == (vocabulary > 0)


@pytest.mark.parametrize("damage", ["short", "long", "zeros", "empty"])
def test_damaged_checkpoints(tmp_path: Path, damage: str):
    whole = checkpoint(VOCABULARY)
    data = {"short": whole[:-4], "long": whole + b"\0" * 4, "zeros": bytes(100), "empty": b""}
    (tmp_path / "a.bin").write_bytes(data[damage])
    with pytest.raises(ValueError, match=r"a\.bin"):
        read_llama2c(tmp_path / "a.bin")


def test_damaged_tokenizers(tmp_path: Path):
    piece = struct.pack("<fi", -1.0, 3) + "天".encode()
    for data in (b"", struct.pack("<i", 3) + piece, struct.pack("<i", 3) + piece * 300 + b"\1"):
        (tmp_path / "t.bin").write_bytes(data)
        with pytest.raises(TokenizerError, match=r"not a llama2\.c tokenizer"):
            read_llama2c_tokenizer(tmp_path / "t.bin")
    (tmp_path / "t.bin").write_bytes(struct.pack("<i", 3) + piece * 300)
    assert read_llama2c_tokenizer(tmp_path / "t.bin").pieces[299].piece == "天"
