"""The converted form against SentencePiece, by hand and against transformers' converter."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from curate.tokens.fastform import fast_tokenizer, merges, tied_pieces, uncovered_pieces
from curate.tokens.sentencepiece import Model, Piece
from curate.tokens.tokenizer import TokenizerError


def model(pieces: list[tuple[str, float]]) -> Any:
    """A LLaMA-style model: unknown, BOS, EOS, bytes, then the pieces given."""
    result = Model()
    result.pieces.add(piece="<unk>", type=Piece.UNKNOWN)
    result.pieces.add(piece="<s>", type=Piece.CONTROL)
    result.pieces.add(piece="</s>", type=Piece.CONTROL)
    for byte in range(256):
        result.pieces.add(piece=f"<0x{byte:02X}>", type=Piece.BYTE)
    for piece, score in pieces:
        result.pieces.add(piece=piece, score=score, type=Piece.NORMAL)
    result.trainer_spec.model_type = 2
    result.trainer_spec.byte_fallback = True
    result.normalizer_spec.remove_extra_whitespaces = False
    return result


def both(proto: Any, text: str) -> tuple[list[str], list[str]]:
    fast = fast_tokenizer(proto)
    fast.encode_special_tokens = True
    processor = SentencePieceProcessor(model_proto=proto.SerializeToString())
    return processor.encode(text, return_type=str), fast.encode(
        text, add_special_tokens=False
    ).tokens


SMALL = [
    ("今天", -1.0), ("天气", -2.0), ("今天天", -3.0), ("<s", -4.0), ("s>", -5.0),
    *[(c, -100.0 - i) for i, c in enumerate("今天气▁<s>哈=")],
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        # 今天 scores best, so 天气 cannot take its 天.
        ("今天气", ["▁", "今天", "气"]),
        # 今天 and 天气 first; then nothing is left that makes 今天天.
        ("今天天气", ["▁", "今天", "天气"]),
        ("今天天", ["▁", "今天天"]),
        # Spelled tokens are characters: < and s> would make <s>, which is no normal piece.
        ("<s>", ["▁", "<s", ">"]),
        # The space of the tokenizer comes before a space too.
        (" 今", ["▁", "▁", "今"]),
        ("\n", ["▁", "<0x0A>"]),
    ],
)
def test_by_hand(text: str, pieces: list[str]):
    assert both(model(SMALL), text) == (pieces, pieces)


def test_merges_by_hand():
    assert merges(model(SMALL)) == [
        ("今", "天"), ("天", "气"), ("今天", "天"), ("<", "s"), ("s", ">"),
    ]  # fmt: skip


RUNS = [
    ("==", -1.0), ("====", -2.0), ("===", -3.0), ("▁▁", -1e9), ("▁▁▁", -1e9), ("▁▁▁▁", -1e9),
    ("哈哈", -4.0), ("哈哈哈", -5.0), ("▁=", -6.0),
    *[(c, -100.0 - i) for i, c in enumerate("今天气▁<s>哈=")],
]  # fmt: skip


@given(st.text(alphabet="哈= 今\n", max_size=40))
def test_runs_of_one_character(text: str):
    one, two = both(model(RUNS), text)
    assert one == two


def test_models_that_have_no_faithful_form_are_found():
    tied = model([("天气", 0.0), ("今天", 0.0), *SMALL[2:]])
    assert tied_pieces(tied) == 2
    # SentencePiece goes from the left; the other form knows one order of merges for all texts.
    assert both(tied, "今天气")[0] != both(tied, "今天气")[1]
    assert tied_pieces(model(SMALL)) == tied_pieces(model(RUNS)) == 0
    # 明天 is given by SentencePiece, though 明 is no piece.
    assert uncovered_pieces(model([*SMALL, ("明天", -9.0)])) == ["明天"]
    assert uncovered_pieces(model(SMALL)) == []


@given(st.text(alphabet=st.one_of(st.sampled_from("thecatson 0="), st.characters())))
def test_same_as_transformers_conversion(english: Any, text: str):
    converter = pytest.importorskip("transformers.convert_slow_tokenizer").SpmConverter
    vocabulary = {p.piece: i for i, p in enumerate(english.pieces)}
    other = converter.build_tokenizer_from_spm_proto(english, vocabulary)
    text = text.encode("utf-8", "ignore").decode()
    ours = fast_tokenizer(english)
    # Theirs knows nothing of special tokens; what text spells is text in both.
    ours.encode_special_tokens = True
    assert (
        ours.encode(text, add_special_tokens=False).ids
        == other.encode(text, add_special_tokens=False).ids
    )


def test_kinds_without_such_a_form():
    for change in ("suffix", "unmarked", "kind"):
        other = model(SMALL)
        other.trainer_spec.treat_whitespace_as_suffix = change == "suffix"
        other.normalizer_spec.escape_whitespaces = change != "unmarked"
        other.trainer_spec.model_type = 3 if change == "kind" else 2
        with pytest.raises(TokenizerError):
            fast_tokenizer(other)


def test_extra_spaces_are_removed_where_the_model_does():
    collapsing = model(SMALL)
    collapsing.normalizer_spec.remove_extra_whitespaces = True
    for text in ("  今  天 ", "今", " \n 今"):
        one, two = both(collapsing, text)
        assert one == two
