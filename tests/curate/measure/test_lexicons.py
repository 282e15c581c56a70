"""Word lists: what is found by hand, against brute force, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import opencc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import RecipeError
from curate.measure.lexicons import CATEGORIES, Lexicons
from curate.measure.wordlist import LONGEST, compiled, folded, shipped, terms_in
from curate.scan import scan
from curate.textbatch import TextBatch


def found(text: str, *lists: list[str]) -> list[tuple[int, int]]:
    """(different terms, characters covered) of each list."""
    terms, covered = compiled(lists).found(TextBatch.from_strings(["", text, text]), len(lists))
    assert terms[:, 1].tolist() == terms[:, 2].tolist()
    return list(zip(terms[:, 1].tolist(), covered[:, 1].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0)),
        ("百家乐", (1, 3)),
        ("百家乐和百家乐", (1, 6)),
        ("百家樂", (1, 3)),
        ("百 家\u3000乐", (1, 3)),
        ("百家\n乐", (0, 0)),
        ("ＢＥＴ３６５", (1, 6)),
        ("Bet365在线", (1, 6)),
        ("abet365", (0, 0)),
        ("bet3651", (0, 0)),
        ("百家乐老虎机bet365", (3, 12)),
        # The longest term at a place, and no overlaps.
        ("老虎机游戏厅", (1, 6)),
        ("老虎机游戏", (1, 3)),
        ("老老虎机", (1, 3)),
        ("百家", (0, 0)),
        ("赌", (1, 1)),
    ],
)
def test_by_hand(text: str, expected: tuple[int, int]) -> None:
    terms = ["百家乐", "老虎机", "老虎机游戏厅", "bet365", "赌"]
    assert found(text, terms) == [expected]


def test_a_term_of_two_lists_belongs_to_the_first() -> None:
    assert found("开户送彩金", ["开户"], ["开户", "彩金"]) == [(1, 2), (1, 2)]


def brute_force(text: str, lists: list[list[str]]) -> list[tuple[int, int]]:
    owner: dict[str, int] = {}
    for i, terms in enumerate(lists):
        for term in terms:
            owner.setdefault(folded(term), i)
    met: list[set[str]] = [set() for _ in lists]
    covered = [0] * len(lists)
    for line in text.split("\n"):
        line = folded(line)
        i = 0
        while i < len(line):
            here = [term for term in owner if term and line.startswith(term, i)]
            if not here:
                i += 1
                continue
            term = max(here, key=len)
            met[owner[term]].add(term)
            covered[owner[term]] += len(term)
            i += len(term)
    return [(len(m), c) for m, c in zip(met, covered, strict=True)]


_WORDS = st.lists(st.text("天地人和\u3000", min_size=1, max_size=6), max_size=6)


@settings(max_examples=50)
@given(st.text("天地人和 \n\u3000", max_size=60), _WORDS, _WORDS)
def test_agrees_with_brute_force(text: str, first: list[str], second: list[str]) -> None:
    assert found(text, first, second) == brute_force(text, [first, second])


@pytest.mark.parametrize("category", [c for c in CATEGORIES if c != "own"])
def test_starter_lists_are_whole(category: str) -> None:
    terms = terms_in(shipped(category))
    assert len(terms) >= 90
    assert len({folded(term) for term in terms}) == len(terms)
    assert all(len(folded(term)) >= 2 for term in terms)
    traditional = opencc.OpenCC("s2t").convert("\n".join(terms)).split("\n")
    for spelling in (terms, traditional):
        rows, _ = compiled([terms]).found(TextBatch.from_strings(spelling), 1)
        assert (rows[0] > 0).all()


def measured(text: str, **options: str | bool) -> dict[str, float]:
    batch = TextBatch.from_strings([text])
    columns = Lexicons(**options).measure_batch(batch, scan(batch))
    assert list(columns) == list(Lexicons.columns)
    return {name: column[0].item() for name, column in columns.items() if column[0]}


def test_columns() -> None:
    row = measured("真人百家乐，老虎机！ 首页")
    assert row["gambling_terms"] == 2
    assert row["gambling_text"] == pytest.approx(8 / 12)
    assert row["boilerplate_text"] == pytest.approx(2 / 12)
    assert measured("今天下午开会。") == {}


def test_files_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("\ufeff# 注释\n\n开会\n  纪要 \n", encoding="utf-8")
    measure = Lexicons(own="own.txt", gambling=False).located(tmp_path)
    batch = TextBatch.from_strings(["开会纪要：百家乐"])
    columns = measure.measure_batch(batch, scan(batch))
    assert columns["own_terms"][0] == 2
    assert columns["gambling_terms"][0] == 0


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    for name, words in (("a.txt", "甲"), ("b.txt", "甲"), ("c.txt", "乙")):
        (tmp_path / name).write_text(words)
    a, b, c = (Lexicons(own=f"{n}.txt").located(tmp_path).fingerprint() for n in "abc")
    assert a == b != c
    assert str(tmp_path) not in str(a)


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"lexicons\.porn: there is no file"):
        Lexicons(porn="nowhere.txt").located(tmp_path)
    with pytest.raises(ValidationError, match="no starter list"):
        Lexicons(own=True)
    (tmp_path / "long.txt").write_text("字" * (LONGEST + 1))
    with pytest.raises(RecipeError, match="term 1: longer than"):
        terms_in(tmp_path / "long.txt")
    (tmp_path / "latin.txt").write_bytes("博彩".encode("gbk"))
    with pytest.raises(RecipeError, match="save it as UTF-8"):
        Lexicons(own="latin.txt").located(tmp_path)
