"""Extension: old ids stay, text without Chinese is untouched, every new piece can occur."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from curate.tokens.extend import chinese_runs, extended, is_chinese, learnt_donor
from curate.tokens.fastform import fast_tokenizer, tied_pieces
from curate.tokens.sentencepiece import Piece
from curate.tokens.tokenizer import TokenizerError
from tests.curate.tokens.conftest import CHINESE, ENGLISH, mixed
from tests.curate.tokens.test_fastform import model

MIXED = st.text(alphabet=st.sampled_from("".join(CHINESE) + "the cat\n=<s>1 𠮷"), max_size=40)


@pytest.fixture(scope="module")
def result(english: Any, chinese: Any) -> Any:
    return extended(english, chinese, special=("<|im_start|>", "<pad>"))


def test_old_pieces_stay_and_new_ones_follow(english: Any, result: Any):
    n = len(english.pieces)
    assert list(result.model.pieces[:n]) == list(english.pieces)
    added = [p.piece for p in result.model.pieces[n:]]
    assert added == [*result.added, "<|im_start|>", "<pad>"]
    assert {"公园", "我", "们"} <= set(result.added)
    assert [p.type for p in result.model.pieces[-2:]] == [Piece.CONTROL] * 2
    assert result.model.trainer_spec.pad_id == len(result.model.pieces) - 1
    assert result.model.trainer_spec.vocab_size == len(result.model.pieces)
    assert tied_pieces(result.model) == 0


def test_every_piece_of_the_donor_is_accounted_for(chinese: Any, result: Any):
    normal = [p.piece for p in chinese.pieces if p.type == Piece.NORMAL]
    left = [p for pieces in result.left_out.values() for p in pieces]
    assert sorted(normal) == sorted(left + result.added)


def test_every_new_piece_is_given_by_its_own_text(result: Any):
    inner = type(result.model)()
    inner.CopyFrom(result.model)
    inner.normalizer_spec.add_dummy_prefix = False
    processor = SentencePieceProcessor(model_proto=inner.SerializeToString())
    for piece in result.added:
        assert processor.encode(piece.replace("▁", " "), return_type=str) == [piece]


@given(st.text())
def test_text_without_chinese_encodes_as_before(english: Any, result: Any, text: str):
    text = "".join(c for c in text.encode("utf-8", "ignore").decode() if not is_chinese(c))
    before = SentencePieceProcessor(model_proto=english.SerializeToString())
    after = SentencePieceProcessor(model_proto=result.model.SerializeToString())
    assert before.encode(text) == after.encode(text)


@given(MIXED)
def test_both_forms_give_the_same_ids_and_the_text_back(result: Any, text: str):
    processor = SentencePieceProcessor(model_proto=result.model.SerializeToString())
    fast = fast_tokenizer(result.model)
    fast.encode_special_tokens = True
    ids = processor.encode(text)
    assert fast.encode(text, add_special_tokens=False).ids == ids
    assert processor.decode(ids) == text == fast.decode(ids, skip_special_tokens=False)


BASE = [("▁", -1.0), ("a", -2.0), ("天", -3.0)]


def test_by_hand():
    donor = model(
        [
            ("今天", -1.0), ("天气", -2.0), ("越来越", -3.0), ("今天气", -4.0),
            ("5月", -5.0), ("ab", -6.0), ("天下", -7.0),
            *[(c, -20.0 - i) for i, c in enumerate("今气越来月b5天")],
        ]
    )  # fmt: skip
    found = extended(model(BASE), donor)
    # 下 is no character of either; 越来 and 来越 are no pieces, so nothing leads to 越来越; a digit
    # stays one token; 今天 takes the 天 of 今天气, and 今天 + 气 make it.
    assert found.added == ["今", "气", "越", "来", "月", "今天", "天气", "今天气"]
    assert found.left_out == {
        "in_base": ["天"],
        "not_chinese": ["5月", "ab", "b", "5"],
        "uncovered": ["天下"],
        "unreachable": ["越来越"],
        "over_size": [],
    }
    assert [p.score for p in found.model.pieces[-3:]] == [-9.0, -10.0, -11.0]
    # Cutting 今天 or 天气 would cut 今天气 off.
    smaller = extended(model(BASE), donor, size=3 + 256 + 3 + 5 + 2)
    assert smaller.added[5:] == ["今天", "天气"]
    everything = extended(model(BASE), donor, choice="all")
    assert {"5月", "ab", "b", "5"} <= set(everything.added)


def test_a_piece_whose_parts_rank_lower_waits_for_them():
    donor = model([("今天气", -1.0), ("天气", -2.0), ("今", -9.0), ("气", -9.5)])
    # With room for one, 今天气 alone could not be made.
    one = extended(model(BASE), donor, size=3 + 256 + 3 + 2 + 1)
    assert one.added == ["今", "气", "天气"]
    assert extended(model(BASE), donor).added == ["今", "气", "今天气", "天气"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("unigram", "not a LLaMA-style model"),
        ("no bytes", "not a LLaMA-style model"),
        ("normalised", "rewrites text before encoding"),
        ("tied", "share their score"),
    ],
)
def test_bases_that_cannot_be_extended(chinese: Any, change: str, words: str):
    base = model([*BASE, ("aa", -5.0), ("a▁", -5.0 if change == "tied" else -6.0)])
    if change == "unigram":
        base.trainer_spec.model_type = 1
    base.trainer_spec.byte_fallback = change != "no bytes"
    if change == "normalised":
        base.normalizer_spec.precompiled_charsmap = b"x"
    with pytest.raises(TokenizerError, match=words):
        extended(base, chinese)


def test_sizes_that_do_not_suit(english: Any, chinese: Any):
    with pytest.raises(TokenizerError, match=r"too small.*give --size \d+ or more"):
        extended(english, chinese, size=len(english.pieces) + 2)
    with pytest.raises(TokenizerError, match="nothing to add"):
        extended(english, english)


def test_a_donor_is_learnt_from_chinese_alone(english: Any):
    texts = mixed((*ENGLISH, *CHINESE), 80)
    donor = learnt_donor(texts, 100, coverage=1.0)
    found = extended(english, donor, size=len(english.pieces) + 100)
    assert len(found.added) == 100
    assert all(is_chinese(p) for p in found.added)
    assert "公园" in found.added


def test_runs_of_chinese():
    assert list(chinese_runs(["Hello，世界 2018年 “好”!"])) == ["，世界", "年", "“好”"]
