"""Record files: what is written is read back, and damage is noticed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from curate.dedup.records import RecordFile, write_records, write_runs
from curate.errors import CurateError

PAIR = np.dtype([("a", "<u8"), ("b", "<u4")])


def two_sections(path: Path) -> tuple[np.ndarray, np.ndarray]:
    words = np.arange(10, dtype=np.uint64)
    pairs = np.zeros(3, PAIR)
    pairs["b"] = [7, 8, 9]
    sections = [(words, np.array([0, 4, 4, 10])), (pairs, np.array([0, 3]))]
    write_records(path, sections)
    return words, pairs


def test_buckets_read_back(tmp_path: Path) -> None:
    words, pairs = two_sections(tmp_path / "f")
    file = RecordFile(tmp_path / "f")
    assert file.read(0, "<u8").tolist() == words.tolist()
    assert file.read(0, "<u8", 0, 1).tolist() == [0, 1, 2, 3]
    assert file.read(0, "<u8", 1, 2).tolist() == []
    assert file.read(0, "<u8", 2, 3).tolist() == [4, 5, 6, 7, 8, 9]
    assert (file.read(1, PAIR) == pairs).all()
    assert (file.mapped(1, PAIR) == pairs).all()


def test_runs_read_back(tmp_path: Path) -> None:
    runs = [np.arange(n, dtype=np.uint64) for n in (3, 0, 5)]
    write_runs(tmp_path / "f", np.dtype("<u8"), iter(runs))
    file = RecordFile(tmp_path / "f")
    assert file.offsets[0].tolist() == [0, 3, 3, 8]
    assert file.read(0, "<u8", 2, 3).tolist() == [0, 1, 2, 3, 4]
    write_runs(tmp_path / "empty", np.dtype("<u8"), iter([]))
    assert len(RecordFile(tmp_path / "empty").mapped(0, "<u8")) == 0


@pytest.mark.parametrize("cut", [0, 1, 7, 31, 40, 100, -1, -8, -25])
def test_a_cut_file_is_noticed(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "f"
    two_sections(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(CurateError, match="damaged"):
        RecordFile(path)


def test_a_file_of_another_kind_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(CurateError, match="damaged"):
        RecordFile(path)
