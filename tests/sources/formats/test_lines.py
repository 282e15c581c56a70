"""Lines and documents of lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.lines import documents, lines
from sources.stream import Blocks

anything = settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
Seen = list[tuple[int, str]]


def seen(path: Path, block: int = 1 << 20, max_row: int = 1 << 20, docs: bool = False) -> Seen:
    """(row number, text or reason) of every line or document."""
    runs = lines(Blocks(path, block=block), max_row)
    if docs:
        runs = documents(runs, max_row)
    out: Seen = []
    for run in runs:
        texts = run.array().to_pylist()
        out += [
            (run.first + i, run.bad[i].reason if i in run.bad else text)
            for i, text in enumerate(texts)
        ]
    return out


@anything
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"))),
    end=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
    block=st.integers(1, 50),
)
def test_any_lines_read_back(
    tmp_path: Path, texts: list[str], end: str, closed: bool, block: int
) -> None:
    path = tmp_path / "x"
    data = end.join(texts) + (end if closed and texts else "")
    path.write_bytes(b"\xef\xbb\xbf" + data.encode() if block > 2 else data.encode())
    if path.read_bytes()[:2] == b"\x1f\x8b" or (block <= 2 and data.startswith("\ufeff")):
        return
    # An unterminated empty last line is no line.
    expected = texts[:-1] if not closed and texts and not texts[-1] else texts
    assert seen(path, block) == list(enumerate(expected, 1))


def test_only_line_feeds_end_lines(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("一\u2028二\x0b三\x0c四\x85五\r六\r\n七\r\r\n".encode())
    assert seen(path) == [(1, "一\u2028二\x0b三\x0c四\x85五\r六"), (2, "七\r")]


def test_bad_bytes_cost_their_line_only(tmp_path: Path) -> None:
    path = tmp_path / "x"
    cases = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe4\xb8", b"a\x80",
             b"\xe0\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80"]  # fmt: skip
    good = ["好", "é", "😀", "\ud7ff", "\U0010ffff", ""]
    rows = [pair for g, c in zip(good * 2, cases, strict=False) for pair in (g.encode(), c)]
    path.write_bytes(b"\n".join(rows) + b"\n")
    for i, text in seen(path):
        raw = rows[i - 1]
        assert text == ("bad_utf8" if raw in cases else raw.decode())
    assert len(seen(path)) == len(rows)


@pytest.mark.parametrize("block", [7, 100, 1 << 20])
@pytest.mark.parametrize("closed", [True, False])
def test_long_line(tmp_path: Path, block: int, closed: bool) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\n" + b"b" * 5000 + b"\nc\n" + b"d" * 900 + b"\n" * closed)
    last = "too_long"
    assert seen(path, block, max_row=800) == [(1, "a"), (2, "too_long"), (3, "c"), (4, last)]
    assert seen(path, block, max_row=5000)[1] == (2, "b" * 5000)


@anything
@given(
    docs=st.lists(
        st.lists(
            st.text(st.sampled_from("天地a。\u3000"), min_size=1).filter(lambda t: t.strip()),
            min_size=1,
        )
    ),
    gap=st.sampled_from(["\n", "\n\n", " \n", "\u3000\n\r\n"]),
    lead=st.sampled_from(["", "\n", "\n\n"]),
    closed=st.booleans(),
    block=st.integers(1, 40),
)
def test_documents_between_blank_lines(
    tmp_path: Path, docs: list[list[str]], gap: str, lead: str, closed: bool, block: int
) -> None:
    path = tmp_path / "x"
    text = lead + gap.join("\n".join(doc) + "\n" for doc in docs)
    path.write_bytes((text if closed else text.removesuffix("\n")).encode())
    joined = ["\n".join(doc) for doc in docs]
    assert seen(path, block, docs=True) == list(enumerate(joined, 1))


def test_document_with_a_bad_line_and_one_too_long(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a\n\xff\nb\n\nc\n\n" + b"dddd\n" * 100 + b"\ne\n")
    for block in (3, 64, 1 << 20):
        got = seen(path, block, max_row=60, docs=True)
        assert got == [(1, "bad_utf8"), (2, "c"), (3, "too_long"), (4, "e")]
