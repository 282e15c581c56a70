"""Differences of texts, character by character."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from curate.textdiff import Piece, differences

SHORT = st.text(alphabet="中文字a 。\n\u200b", max_size=30)


@given(SHORT, SHORT)
def test_the_pieces_make_both_texts(before, after):
    pieces = differences(before, after)
    assert "".join(p.text for p in pieces if p.kind != "added") == before
    assert "".join(p.text for p in pieces if p.kind != "removed") == after
    assert all(p.text for p in pieces)
    assert all(a.kind != b.kind for a, b in itertools.pairwise(pieces))


def test_what_changed_and_nothing_else_is_marked():
    assert differences("參考資料：臺灣", "参考资料：台湾") == [
        Piece("removed", "參"),
        Piece("added", "参"),
        Piece("same", "考"),
        Piece("removed", "資"),
        Piece("added", "资"),
        Piece("same", "料："),
        Piece("removed", "臺灣"),
        Piece("added", "台湾"),
    ]


def test_equal_texts_are_one_piece_and_empty_ones_none():
    assert differences("好", "好") == [Piece("same", "好")]
    assert differences("", "") == []


def test_long_texts_are_compared_by_lines_first():
    # By characters this would not end.
    lines = [f"第{i}行：" + "长" * 60 + "\n" for i in range(5000)]
    before = "".join(lines)
    changed = ["改" + line if i in (10, 4900) else line for i, line in enumerate(lines)]
    after = "".join(changed)
    pieces = differences(before, after)
    assert [p.text for p in pieces if p.kind == "added"] == ["改", "改"]
    assert not [p for p in pieces if p.kind == "removed"]
