"""Training: LLaMA's treatment of digits, spaces and bytes; the same bytes again; clear refusals."""

from __future__ import annotations

import pytest
from sentencepiece import SentencePieceProcessor

from curate.progress import Silent
from curate.tokens.sentencepiece import Piece
from curate.tokens.tokenizer import TokenizerError
from curate.tokens.train import LINE, Training, lines, required_characters, trained_model
from tests.curate.tokens.conftest import CHINESE, ENGLISH, mixed

TEXTS = mixed((*ENGLISH, *CHINESE), 80)
SIZES = {"bpe": 450, "unigram": 370}


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_equal_inputs_give_equal_bytes(kind):
    options = Training(SIZES[kind], kind, coverage=1.0)
    first, second = (trained_model(TEXTS, options).SerializeToString() for _ in range(2))
    assert first == second
    assert trained_model(TEXTS[1:], options).SerializeToString() != first


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_trained_as_llama_is(kind):
    model = trained_model(TEXTS, Training(SIZES[kind], kind, coverage=1.0))
    assert len(model.pieces) == SIZES[kind]
    assert [p.piece for p in model.pieces[:3]] == ["<unk>", "<s>", "</s>"]
    assert [p.type for p in model.pieces[3:259]] == [Piece.BYTE] * 256
    for piece in model.pieces[259:]:
        assert piece.type == Piece.NORMAL
        assert len(piece.piece) == 1 or not any(c.isdigit() for c in piece.piece)
    processor = SentencePieceProcessor(model_proto=model.SerializeToString())
    for text in (*CHINESE, *ENGLISH, "１２ ，《》  \t x", "𠮷\0", "ﬁ①Ａ"):
        assert processor.decode(processor.encode(text)) == text
    # Indentation is a piece, as allow_whitespace_only_pieces asks.
    assert any(set(p.piece) == {"▁"} and len(p.piece) > 1 for p in model.pieces) or kind != "bpe"


def test_rare_characters_become_bytes_below_the_coverage():
    texts = [*["的" * 500] * 4, "龘"]
    assert "龘" in {p.piece for p in trained_model(texts, Training(263, coverage=1.0)).pieces}
    options = Training(262, coverage=0.999)
    assert "龘" not in {p.piece for p in trained_model(texts, options).pieces}


def test_characters_of_the_standards():
    simplified, both = required_characters("simplified"), required_characters("both")
    assert len(simplified) == 6763
    assert both.startswith(simplified)
    assert len(set(both)) == len(both) == 8836
    traditional = {
        c for c in both if 0xA440 <= int(c.encode("big5", "replace").hex(), 16) <= 0xC67E
    }
    assert len(traditional) == 5401
    assert {"龙", "龍", "的", "鬱", "郁"} <= set(both)
    assert required_characters("sample") == ""
    model = trained_model(["的" * 50], Training(7100, characters="simplified", exact=False))
    assert {"龙", "鼾"} <= {p.piece for p in model.pieces}


def test_special_tokens_are_control_pieces():
    model = trained_model(TEXTS, Training(450, special=("<|im_start|>", "<pad>"), coverage=1.0))
    marks = {p.piece for p in model.pieces if p.type == Piece.CONTROL}
    assert marks == {"<s>", "</s>", "<|im_start|>", "<pad>"}
    assert model.pieces[model.trainer_spec.pad_id].piece == "<pad>"
    processor = SentencePieceProcessor(model_proto=model.SerializeToString())
    assert not set(processor.encode("<|im_start|><pad>")) & {
        i for i, p in enumerate(model.pieces) if p.type == Piece.CONTROL
    }


def test_long_lines_are_cut_and_line_ends_are_no_pieces():
    cut = list(lines(["a" * (2 * LINE + 1), "b\n\nc"]))
    assert [len(c) for c in cut] == [LINE, LINE, 1, 1, 1]


@pytest.mark.parametrize(
    ("texts", "size", "words"),
    [
        (TEXTS, 270, "too small: .* need 3.. pieces"),
        (TEXTS, 90_000, "more than the sample can fill"),
        ([], 400, "holds no text"),
        ([""], 400, "holds no text"),
    ],
)
def test_refusals_say_what_to_do(texts, size, words):
    with pytest.raises(TokenizerError, match=words):
        trained_model(texts, Training(size, coverage=1.0))


def test_progress_counts_pieces():
    class Counting(Silent):
        done = 0

        def advance(self, amount, total=None):
            self.done += amount

    counting = Counting()
    trained_model(TEXTS, Training(500, coverage=1.0), counting)
    # The trainer says so every hundred merges.
    assert counting.done == 100
