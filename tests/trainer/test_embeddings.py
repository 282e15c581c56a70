"""Embeddings that follow the vocabulary, with rows worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from curate.tokens import huggingface  # noqa: E402
from curate.tokens.extend import extended  # noqa: E402
from curate.tokens.save import save  # noqa: E402
from curate.tokens.sentencepiece import SentencePieceTokenizer  # noqa: E402
from tests.curate.tokens.test_fastform import model  # noqa: E402
from trainer.embeddings import origins, resize_embeddings  # noqa: E402

BASE = model([("今天", -1.0), *[(c, -10.0 - i) for i, c in enumerate("▁今天气好a")]])
DONOR = model(
    [("天气", -1.0), ("今天天", -2.0), *[(c, -9.0 - i) for i, c in enumerate("今天气龘")]]
)
EXTENDED = extended(BASE, DONOR, special=("<pad>", "<|天气|>")).model


def tokenizer(proto: Any) -> SentencePieceTokenizer:
    return SentencePieceTokenizer(Path("small"), proto, 1)


def llama(rows: int, tied: bool, dtype: Any = None) -> Any:
    torch.manual_seed(3)
    config = transformers.LlamaConfig(
        vocab_size=rows, hidden_size=8, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=tied,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).to(dtype or torch.float32)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("multiple", [1, 64])
def test_rows_by_hand(tied: bool, multiple: int):
    base, new = tokenizer(BASE), tokenizer(EXTENDED)
    network = llama(len(BASE.pieces), tied)
    old_in = network.get_input_embeddings().weight.detach().clone()
    old_out = network.get_output_embeddings().weight.detach().clone()
    found = resize_embeddings(network, base, new, multiple)
    assert (found.copied, found.averaged) == (len(BASE.pieces), 5)
    size = -(-len(EXTENDED.pieces) // multiple) * multiple
    assert network.config.vocab_size == size
    assert network.config.pad_token_id == EXTENDED.trainer_spec.pad_id
    expected = {
        "天气": ["天", "气"],
        "今天天": ["今天", "天"],
        "龘": ["<0xE9>", "<0xBE>", "<0x98>"],
        "<|天气|>": ["<0x3C>", "<0x7C>", "天", "气", "<0x7C>", "<0x3E>"],
        "今天": ["今天"],
        "<0x0A>": ["<0x0A>"],
        "</s>": ["</s>"],
    }
    for old, weight in (
        (old_in, network.get_input_embeddings().weight),
        (old_out, network.get_output_embeddings().weight),
    ):
        assert weight.shape == (size, 8)
        for piece, parts in expected.items():
            mean = old[[base.id_of(p) for p in parts]].mean(0)
            assert torch.allclose(weight[new.id_of(piece)], mean, atol=1e-6), piece
        for row in range(len(EXTENDED.pieces), size):
            assert torch.allclose(weight[row], old.mean(0), atol=1e-6)
    same = network.get_output_embeddings().weight is network.get_input_embeddings().weight
    assert same == tied


def test_old_texts_keep_their_logits():
    base, new = tokenizer(BASE), tokenizer(EXTENDED)
    network = llama(len(BASE.pieces), tied=False).eval()
    ids = torch.from_numpy(base.encode_batch(["今天好 a"]).ids.astype(np.int64))[None]
    with torch.no_grad():
        before = network(ids).logits
        resize_embeddings(network, base, new)
        after = network(ids).logits
    assert torch.allclose(before, after[..., : before.shape[-1]], atol=1e-6)


def test_half_precision_is_summed_in_single():
    base, new = tokenizer(BASE), tokenizer(EXTENDED)
    network = llama(len(BASE.pieces), tied=False, dtype=torch.bfloat16)
    weight = network.get_input_embeddings().weight.detach().clone()
    resize_embeddings(network, base, new)
    result = network.get_input_embeddings().weight
    assert result.dtype == torch.bfloat16
    parts = [base.id_of(p) for p in ("<0xE9>", "<0xBE>", "<0x98>")]
    assert torch.equal(result[new.id_of("龘")], weight[parts].float().mean(0).to(torch.bfloat16))


def test_another_vocabulary_altogether_and_the_other_form(tmp_path: Path):
    """Ids may move: what counts is the piece."""
    other = model([("好气", -1.0), *[(c, -10.0 - i) for i, c in enumerate("气▁好")]])
    save(tmp_path / "base", BASE, {})
    one, two = tokenizer(BASE), huggingface.load(tmp_path / "base/tokenizer.json", 1)
    for base in (one, two):
        found = origins(base, tokenizer(other))
        rows = {
            other.pieces[i].piece: found.ids[found.offsets[i] : found.offsets[i + 1]].tolist()
            for i in range(len(other.pieces))
        }
        assert rows["气"] == [one.id_of("气")]
        assert rows["好气"] == [one.id_of("好"), one.id_of("气")]


def test_a_model_of_another_tokenizer_is_refused():
    base, new = tokenizer(BASE), tokenizer(EXTENDED)
    with pytest.raises(ValueError, match="was not trained with this tokenizer"):
        resize_embeddings(llama(len(BASE.pieces) - 1, tied=True), base, new)
    # More rows than ids is how models padded to a multiple look.
    padded = llama(len(BASE.pieces) + 7, tied=True)
    resize_embeddings(padded, base, new)
    assert padded.config.vocab_size == len(EXTENDED.pieces)
