"""TextBatch against Python's own strings and codecs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.textbatch import TextBatch

# Every length of UTF-8, its borders, and both sides of the surrogates.
ALPHABET = "aZ\n\0\x7f\x80é\u07ff\u0800中，\ud7ff\ue000\uffff\U00010000😀\U0010ffff"
texts = st.lists(st.text(st.sampled_from(ALPHABET) | st.characters(exclude_categories=["Cs"])))


@given(texts)
def test_strings_survive_arrow_and_back(values: list[str]) -> None:
    array = pa.array(values, pa.large_string())
    batch = TextBatch.from_arrow(array)
    assert batch.points.tolist() == [ord(c) for text in values for c in text]
    assert batch.offsets.tolist() == [sum(map(len, values[:i])) for i in range(len(values) + 1)]
    assert batch.to_arrow().equals(array)
    batch.to_arrow().validate(full=True)
    assert batch.strings() == values
    assert TextBatch.from_strings(values).strings() == values


@given(texts, st.integers(0, 5), st.integers(0, 5))
def test_slices_of_arrow_arrays(values: list[str], start: int, size: int) -> None:
    array = pa.array(values, pa.string()).slice(start, size)
    assert TextBatch.from_arrow(array).strings() == values[start : start + size]


def test_nulls_are_empty_texts() -> None:
    assert TextBatch.from_arrow(pa.array([None, "中", None])).strings() == ["", "中", ""]
    assert TextBatch.from_arrow(pa.array([None], pa.string())).strings() == [""]


def unchecked(*values: bytes) -> pa.Array:
    """An Arrow string array of any bytes, as a file of someone else's may hold it."""
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.large_string(), len(values), buffers)


# Pieces of which most bad sequences can be made: leads, continuations, overlong, surrogates.
PIECES = [
    b"a",
    b"abcd",
    b"\x80",
    b"\xbf",
    b"\xc0",
    b"\xc3",
    b"\xe4",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
]
PIECES += [
    b"\xf4\x90\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xf0\x9f\x98\x80",
    b"\xff",
    "中".encode(),
    b"\xb8",
]
junk = st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join) | st.binary(max_size=12)


@given(st.lists(junk, min_size=1, max_size=4))
def test_invalid_utf8_is_refused_and_named(values: list[bytes]) -> None:
    def readable(data: bytes) -> bool:
        try:
            data.decode()
        except UnicodeDecodeError:
            return False
        return True

    bad = [i for i, value in enumerate(values) if not readable(value)]
    if bad:
        with pytest.raises(ValueError, match=f"text {bad[0]} of"):
            TextBatch.from_arrow(unchecked(*values))
    else:
        batch = TextBatch.from_arrow(unchecked(*values))
        assert batch.strings() == [value.decode() for value in values]


def test_a_character_cut_by_a_text_s_end_is_not_read_from_the_next() -> None:
    with pytest.raises(ValueError, match="text 0 of"):
        TextBatch.from_arrow(unchecked("中".encode()[:2], b"\xad"))


def test_lone_surrogates_are_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        TextBatch.from_strings(["\ud800"])


@given(texts, st.data())
def test_taken_and_replaced(values: list[str], data: st.DataObject) -> None:
    batch = TextBatch.from_strings(values)
    some = st.lists(st.integers(0, max(0, len(values) - 1)), max_size=len(values) and 9)
    indices = data.draw(some)
    assert batch.taken(np.array(indices, np.int64)).strings() == [values[i] for i in indices]
    changes = {i: f"新{i}" for i in indices}
    assert batch.replaced(changes).strings() == [changes.get(i, t) for i, t in enumerate(values)]
    assert batch.strings() == values
