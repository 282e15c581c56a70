"""What a file is, by content."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sources.sniff import content, has_header

ZH = "今天的会议讨论了三个问题，城市交通需要更多的公共汽车。"


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": ["一"]}), sink)
    return sink.getvalue()


def tar() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"), io.BytesIO())
    return sink.getvalue()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("x", "y")
    return sink.getvalue()


CASES: dict[str, tuple[bytes | str, str]] = {
    "nothing": ("", "empty"),
    "line": (ZH, "text"),
    "lines": (f"{ZH}\n{ZH}\n" * 3, "text"),
    "lines of json": ('{"text": "一"}\n{"text": "二"}\n', "jsonl"),
    "one line of json": ('{"text": "一"}', "jsonl"),
    "json lines, the first broken": ('{"text": "一\n{"text": "二"}\n{"text": "三"}\n', "jsonl"),
    "json lines, junk first": ('junk\n{"text": "二"}\n{"text": "三"}\n', "jsonl"),
    "blank line first": ('\n\n{"text": "二"}\n', "jsonl"),
    "a giant first line": ('{"text": "' + "长" * 400_000, "jsonl"),
    "lines of arrays": ("[1, 2]\n[3, 4]\n", "jsonl"),
    "array": ('[{"text": "一"}, {"text": "二"}]', "json_array"),
    "array over lines": ('[\n  {\n    "text": "一"\n  },\n', "json_array"),
    "array, broken": ('[{"text": 一}', "json_array"),
    "array of strings": ('["一", "二"]', "json_array"),
    "array of lists": ('[["一", "二"], ["三"]]', "json_array"),
    "empty array": ("[]\n", "json_array"),
    "objects over lines": ('{\n "text": "一"\n}\n{\n "text": "二"\n}\n', "json_objects"),
    "text in brackets": (f"[编辑] {ZH}\n[1] {ZH}\n", "text"),
    "text in quotes and brackets": (f'["{ZH}"]他说。\n{ZH}\n', "text"),
    "text in braces": ("{{Infobox}}\n" + ZH, "text"),
    "tabs": ("Hello.\t你好。\nBye.\t再见。\n", "tsv"),
    "commas": ("0,1\n你好,Hello\n再见,Bye\n", "csv"),
    "semicolons": ("a;b\n一;二\n", "csv"),
    "quoted commas and lines": ('id,text\n1,"一,\n二"\n2,三\n', "csv"),
    "sgml": ('<srcset setid="x" srclang="zh">\n<doc docid="a">\n<seg id="1">一</seg>', "sgml"),
    "xml": ('<?xml version="1.0"?>\n<mteval>\n<refset>\n<doc docid="a">', "sgml"),
    "parquet": (parquet(), "parquet"),
    "tar": (tar(), "tar"),
    "zip": (zipped(), "zip"),
}


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_format(tmp_path: Path, name: str, pack: bool) -> None:
    data, expected = CASES[name]
    data = data.encode() if isinstance(data, str) else data
    path = tmp_path / "misleading.pdf"
    path.write_bytes(gzip.compress(data) if pack else data)
    found = content(path)
    assert (found.format, found.compression) == (expected, "gzip" if pack else None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_format_and_encoding_together(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "x"
    path.write_bytes((f'{{"text": "{ZH}"}}\n' * 3).encode(encoding))
    found = content(path)
    assert found.format == "jsonl"
    assert found.sample.decode().startswith('{"text"')


BAD = {
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n",
    "html_page": b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>",
    "not_text_file": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "not_a_file": b"",
}


@pytest.mark.parametrize("reason", BAD)
def test_no_data(tmp_path: Path, reason: str) -> None:
    path = tmp_path / "x"
    if reason == "not_a_file":
        path.mkdir()
    else:
        path.write_bytes(BAD[reason])
    problem = content(path).problem
    assert problem is not None and problem.reason == reason
    if reason == "lfs_pointer":
        assert "git lfs pull" in problem.detail and "1234" in problem.detail


def test_random_bytes_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes((i * 97 + i // 7) % 256 for i in range(5000)))
    problem = content(path).problem
    assert problem is not None and problem.reason == "not_text_file"


def test_encoding_that_shows_late_in_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"plain ascii line\n" * 40_000 + (ZH + "\n").encode("gb18030") * 20_000)
    assert content(path).encoding == "gb18030"


def test_headers() -> None:
    assert has_header([["0", "1"], ["你好", "Hello"]])
    assert has_header([["label", "review"], ["1", "很快，好吃"]])
    assert has_header([["标题", "正文"], ["一", "二"]])
    assert not has_header([["你好", "Hello"], ["再见", "Bye"]])
    assert not has_header([["1", "很快，好吃"], ["0", "不好吃，太慢"]])
    assert not has_header([["a", "a"], ["一", "二"]])
    assert not has_header([])
