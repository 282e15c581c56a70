"""Files that carry their own checksum."""

from __future__ import annotations

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from manifests.seal import seal_holds, sealed

JSON = st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.lists(st.booleans()))


@given(JSON)
def test_what_was_sealed_holds_and_reads_as_it_was(value):
    value.pop("checksum", None)
    raw = sealed(value)
    assert seal_holds(raw) is True
    read = json.loads(raw)
    assert read.pop("checksum").startswith("sha256:")
    assert read == value


@given(JSON, st.data())
def test_no_bit_can_be_flipped(value, data):
    raw = bytearray(sealed(value))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert seal_holds(bytes(raw)) is not True


def test_the_checksum_can_be_checked_by_hand():
    raw = sealed({"a": "中"})
    digits = json.loads(raw)["checksum"].removeprefix("sha256:")
    assert hashlib.sha256(raw.replace(digits.encode(), b"0" * 64)).hexdigest() == digits


def test_sealing_again_changes_nothing():
    raw = sealed({"a": 1})
    assert sealed(json.loads(raw)) == raw


def test_a_file_without_a_seal():
    assert seal_holds(b"{}\n") is None
    assert seal_holds(b"") is None
