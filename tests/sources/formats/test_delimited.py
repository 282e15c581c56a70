"""CSV and TSV records."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.delimited import tables
from sources.stream import Blocks

anything = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(
    path: Path,
    data: bytes,
    width: int,
    delimiter: str = ",",
    quoting: bool = True,
    block: int = 1 << 20,
    max_row: int = 1 << 20,
    header: bool = False,
) -> list[Any]:
    """Records as lists, reasons in place of the bad ones; numbering checked."""
    path.write_bytes(data)
    out: list[Any] = []
    for table in tables(Blocks(path, block=block), delimiter, quoting, width, max_row, header):
        assert table.first == len(out) + 1
        columns = [table.column(i) for i in range(width)] if len(table._fields) else []
        texts = [column.array().to_pylist() for column in columns]
        for i in range(len(table)):
            bad = table.bad.get(i) or next((c.bad[i] for c in columns if i in c.bad), None)
            out.append(bad.reason if bad else [column[i] for column in texts])
    return out


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


@anything
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3)),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    ends=st.sampled_from(["\n", "\r\n"]),
    closed=st.booleans(),
    quoted=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block=st.integers(3, 60),
)
def test_whatever_the_csv_module_writes(
    tmp_path: Path, rows: list[list[str]], delimiter: str, ends: str, closed: bool, quoted: Any,
    block: int,
) -> None:  # fmt: skip
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=ends, quoting=quoted).writerows(rows)
    data = text.getvalue()
    if data.startswith("\ufeff"):
        return
    data = data if closed else data.removesuffix(ends)
    assert read(tmp_path / "x", data.encode(), 3, delimiter, block=block) == rows


@anything
@given(
    rows=st.lists(
        st.lists(st.text(st.sampled_from('"天 ,a\u2028')), min_size=2, max_size=2), min_size=1
    ),
    block=st.integers(3, 60),
)
def test_without_quoting_everything_is_literal(
    tmp_path: Path, rows: list[list[str]], block: int
) -> None:
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    assert read(tmp_path / "x", data, 2, "\t", False, block) == rows


BROKEN = {
    "lost quote": (b'a,b\nc,"d\ne,f\ng,h\n', [["a", "b"], "bad_quotes", ["e", "f"], ["g", "h"]]),
    "lost quote that finds a partner": (
        b'a,b\nc,"d\ne,f\ng","h"\ni,j\n',
        [["a", "b"], "bad_quotes", ["e", "f"], ['g"', "h"], ["i", "j"]],
    ),
    "text after a quote": (b'"a" b,c\nd,e\n', ["bad_quotes", ["d", "e"]]),
    "quote inside is a quote": (b'a "b",c\n', [['a "b"', "c"]]),
    "too few and too many": (b"a\na,b,c\na,b\n", ["wrong_columns", "wrong_columns", ["a", "b"]]),
    "blank line": (b"a,b\n\n \nc,d", [["a", "b"], "empty", "empty", ["c", "d"]]),
    "bad bytes": (b"a,\xff\nb,c\n", ["bad_utf8", ["b", "c"]]),
    "nothing": (b"", []),
    "only a quote": (b'"', ["bad_quotes"]),
}


@pytest.mark.parametrize("block", [1, 4, 1 << 20])
@pytest.mark.parametrize("name", BROKEN)
def test_broken(tmp_path: Path, name: str, block: int) -> None:
    data, expected = BROKEN[name]
    got = read(tmp_path / "x", data, 2, block=block)
    assert got == expected


def test_header_is_not_counted(tmp_path: Path) -> None:
    for block in (1, 1 << 20):
        assert read(tmp_path / "x", b"t,u\na,b\n", 2, header=True, block=block) == [["a", "b"]]


@pytest.mark.parametrize("block", [10, 1 << 20])
def test_long_records(tmp_path: Path, block: int) -> None:
    long = b"x" * 3000
    data = b"a,b\n" + long + b",c\nd,e\n" + b'"' + long + b"\n" + long + b'",f\ng,h\n'
    got = read(tmp_path / "x", data, 2, block=block, max_row=1000)
    assert got[:3] == [["a", "b"], "too_long", ["d", "e"]]
    assert got[-1] == ["g", "h"]
    assert all(isinstance(row, str) for row in got[3:-1])
    kept = read(tmp_path / "x", data, 2, block=block, max_row=10_000)
    assert kept[3] == [(long + b"\n" + long).decode(), "f"]
