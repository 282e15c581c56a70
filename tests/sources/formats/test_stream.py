"""Packed and encoded files as blocks of UTF-8."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sources.stream import Blocks, Bounds, Packed, undecodable

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
TEXT = "".join(f"第{i}行：一二三四五六七八九十{i * 7919 % 10007}\n" for i in range(30_000)).encode()


@pytest.mark.parametrize("packer", PACKERS)
def test_reads_back(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(PACKERS[packer](TEXT))
    blocks = Blocks(path)
    assert b"".join(blocks) == TEXT
    assert blocks.fault is None


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
def test_members_one_after_another_and_padding(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "x"
    pack = PACKERS[packer]
    path.write_bytes(pack(TEXT) + pack(b"") + b"\0" * 700_000 + pack(TEXT) + b"\0" * 16)
    blocks = Blocks(path)
    assert b"".join(blocks) == TEXT + TEXT
    assert blocks.fault is None


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
def test_cut_file_gives_what_is_there_and_says_so(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "x"
    packed = PACKERS[packer](TEXT * 3)
    path.write_bytes(packed[: len(packed) // 2])
    blocks = Blocks(path)
    got = b"".join(blocks)
    # bzip2 and xz hand out whole blocks only.
    assert (TEXT * 3).startswith(got)
    assert got or packer in ("bzip2", "xz")
    assert blocks.fault is not None
    assert blocks.fault.reason == "truncated"
    assert str(len(packed) // 2) in blocks.fault.detail


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
def test_damaged_file_does_not_raise(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "x"
    packed = bytearray(PACKERS[packer](TEXT))
    for i in range(len(packed) // 2, len(packed) // 2 + 64):
        packed[i] ^= 0xA5
    path.write_bytes(bytes(packed))
    blocks = Blocks(path)
    b"".join(blocks)
    assert blocks.fault is not None
    assert blocks.fault.reason in ("corrupt", "truncated")


@pytest.mark.parametrize("packer", [name for name in PACKERS if name != "plain"])
def test_bomb_stops_at_the_bound(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACKERS[packer](bytes(64 << 20)))
    blocks = Blocks(path, bounds=Bounds(ratio=50, ratio_from=1 << 20))
    got = sum(map(len, blocks))
    assert blocks.fault is not None and blocks.fault.reason == "bomb"
    # Not more than a step beyond the bound, or beyond one zstd call.
    assert got < 40 << 20


def test_parts_are_joined(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    parts = (tmp_path / "a", tmp_path / "b", tmp_path / "c")
    for i, part in enumerate(parts):
        part.write_bytes(packed[i * 1000 : (i + 1) * 1000 if i < 2 else None])
    with Packed(parts) as source:
        assert source.read(len(TEXT) + 1) == TEXT
        assert source.fault is None


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="gb18030", exclude_categories=["Cs"])),
    block=st.integers(1, 9),
    encoding=st.sampled_from(["gb18030", "utf-16-le", "utf-16-be", "utf-8", "utf-32-le"]),
)
def test_encodings_in_blocks_of_any_size(
    tmp_path: Path, text: str, block: int, encoding: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbf" * (encoding == "utf-8") + text.encode(encoding))
    expected = text if encoding == "utf-8" else text.removeprefix("\ufeff")
    if path.read_bytes()[:2] == b"\x1f\x8b" or (encoding == "utf-8" and block < 3):
        return
    read = b"".join(Blocks(path, encoding, block=block)).decode()
    assert read in (expected, text)


def test_byte_order_mark_is_removed_in_blocks_too(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("\ufeff中文".encode("utf-16-le"))
    assert b"".join(Blocks(path, "utf-16-le")) == "中文".encode()


def test_undecodable_bytes_are_found_by_row(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("好的\n坏".encode("gb18030") + b"\xff\xff\n" + "好\n".encode("gb18030"))
    first, second, third, _ = b"".join(Blocks(path, "gb18030")).split(b"\n")
    assert undecodable(first, "gb18030") is None
    bad = undecodable(second, "gb18030")
    assert bad is not None
    assert bad == ("bad_encoding", "not gb18030 after 1 characters of the row")
    assert undecodable(third, "gb18030") is None
    bad = undecodable("好".encode() + b"\xe4\xb8x")
    assert bad is not None and bad.reason == "bad_utf8" and "byte 3" in bad.detail
