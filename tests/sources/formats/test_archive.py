"""Archives: unpacked, bounded, and never outside their folder."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from sources.adapter import InputFile, SourceError
from sources.archive import Rejected
from sources.inputs import input_files, is_data, open_units, unpacked
from sources.registry import adapter
from sources.stream import Bounds

LINES = "".join(f"第{i}行\n" for i in range(20_000)).encode()


def tar_of(files: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for entry in extra:
            archive.addfile(entry)
    return sink.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return sink.getvalue()


def unpack(
    tmp_path: Path,
    data: bytes,
    name: str = "a.tgz",
    bounds: Bounds = Bounds(),  # noqa: B008
) -> tuple[dict[str, bytes], list[Rejected]]:
    """Members by name and what was rejected."""
    path = tmp_path / name
    path.write_bytes(data)
    files, rejected = unpacked([InputFile(path, name)], tmp_path / "work", bounds)
    assert all((tmp_path / "work") in f.path.parents for f in files if f.name != name)
    return {file.name: file.path.read_bytes() for file in files}, rejected


MEMBERS = {"t/x.zh": LINES, "t/x.en": b"one\n", "t/深/empty": b""}
PACKED: dict[str, Callable[[], bytes]] = {
    "tar": lambda: tar_of(MEMBERS),
    "tar.gz": lambda: gzip.compress(tar_of(MEMBERS)),
    "tar.xz": lambda: lzma.compress(tar_of(MEMBERS)),
    "tar.zst": lambda: zstandard.compress(tar_of(MEMBERS)),
    "zip": lambda: zip_of(MEMBERS),
}


@pytest.mark.parametrize("kind", PACKED)
def test_members_by_name(tmp_path: Path, kind: str) -> None:
    got, rejected = unpack(tmp_path, PACKED[kind](), "data")
    assert got == {f"data/{name}": data for name, data in MEMBERS.items()}
    assert rejected == []


def test_unpacked_once(tmp_path: Path) -> None:
    data = PACKED["zip"]()
    unpack(tmp_path, data)
    (folder,) = list((tmp_path / "work").iterdir())
    before = folder.stat().st_mtime_ns, sorted(p.name for p in folder.iterdir())
    got, _ = unpack(tmp_path, data, "copy.zip")
    assert list(got) == [f"copy.zip/{name}" for name in sorted(MEMBERS)]
    assert (folder.stat().st_mtime_ns, sorted(p.name for p in folder.iterdir())) == before
    assert [p.name for p in (tmp_path / "work").iterdir()] == [folder.name]


def test_half_unpacked_folder_is_done_again(tmp_path: Path) -> None:
    data = PACKED["zip"]()
    unpack(tmp_path, data)
    (folder,) = (tmp_path / "work").iterdir()
    (folder / "index.json").unlink()
    assert len(unpack(tmp_path, data)[0]) == 3


@pytest.mark.parametrize("packer", [tar_of, zip_of])
@pytest.mark.parametrize("name", ["../../x", "/etc/x", "a/../../x", "..\\..\\x", "C:\\x"])
def test_paths_that_lead_out(
    tmp_path: Path, packer: Callable[[dict[str, bytes]], bytes], name: str
) -> None:
    got, rejected = unpack(tmp_path, packer({name: b"bad", "good": b"g"}))
    assert got == {"a.tgz/good": b"g"}
    assert [r.reason for r in rejected] == ["unsafe_path"]
    assert not (tmp_path / "x").exists() and not (tmp_path.parent / "x").exists()


def test_links_and_devices(tmp_path: Path) -> None:
    odd = []
    for name, kind in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("d", tarfile.CHRTYPE),
                       ("f", tarfile.FIFOTYPE)):  # fmt: skip
        entry = tarfile.TarInfo(name)
        entry.type = kind
        entry.linkname = "/etc/passwd"
        odd.append(entry)
    got, rejected = unpack(tmp_path, tar_of({"good": b"g"}, *odd))
    assert got == {"a.tgz/good": b"g"}
    assert [(r.name, r.reason) for r in rejected] == [
        (f"a.tgz/{n}", "unsafe_member") for n in "shdf"
    ]
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert unpack(tmp_path, sink.getvalue())[1][0].reason == "unsafe_member"


def test_repeated_member(tmp_path: Path) -> None:
    data = tar_of({"x": b"1\n"})[:1024] + tar_of({"x": b"2\n"})
    got, rejected = unpack(tmp_path, data)
    assert got == {"a.tgz/x": b"1\n"}
    assert rejected[0].reason == "repeated_member"


@pytest.mark.parametrize("packed", [zip_of, lambda files: gzip.compress(tar_of(files))])
def test_bomb(tmp_path: Path, packed: Callable[[dict[str, bytes]], bytes]) -> None:
    data = packed({"a": b"first\n", "bomb": bytes(30 << 20), "later": b"x"})
    got, rejected = unpack(tmp_path, data, bounds=Bounds(ratio=20, ratio_from=1 << 20))
    assert got == {"a.tgz/a": b"first\n"}
    assert "bomb" in [r.reason for r in rejected]
    stored = sum(p.stat().st_size for p in (tmp_path / "work").rglob("*") if p.is_file())
    assert stored < 4096


def test_bomb_inside_an_archive(tmp_path: Path) -> None:
    inner = zip_of({"x": bytes(20 << 20)})
    outer = zip_of({"inner.zip": inner, "note": b"n"})
    got, rejected = unpack(tmp_path, outer, bounds=Bounds(ratio=20, ratio_from=1 << 20))
    assert got == {"a.tgz/note": b"n"}
    assert [r.reason for r in rejected] == ["bomb"]


def test_archives_in_archives(tmp_path: Path) -> None:
    data = b"deep\n"
    for _ in range(3):
        data = zip_of({"x": data})
    got, rejected = unpack(tmp_path, data)
    assert got == {"a.tgz/x/x/x": b"deep\n"} and rejected == []
    got, rejected = unpack(tmp_path, zip_of({"x": data}))
    assert got == {} and [r.reason for r in rejected] == ["nested_too_deep"]


@pytest.mark.parametrize("pack", [gzip.compress, lambda data: data])
def test_cut_tar_gives_whole_lines(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = pack(tar_of({"first": b"1\n", "second": LINES, "third": b"3\n"}))
    got, rejected = unpack(tmp_path, data[: len(data) // 2])
    assert got["a.tgz/first"] == b"1\n"
    second = got["a.tgz/second"]
    assert LINES.startswith(second) and second.endswith(b"\n") and len(second) > 1000
    assert [(r.name, r.reason) for r in rejected] == [("a.tgz/second", "truncated")]


def test_cut_zip_and_damaged_member(tmp_path: Path) -> None:
    data = zip_of({"a": LINES, "b": b"fine\n"})
    got, rejected = unpack(tmp_path, data[: len(data) // 2])
    assert got == {} and rejected[0].name == "a.tgz" and rejected[0].reason == "truncated"
    broken = bytearray(data)
    broken[200] ^= 0xFF
    got, rejected = unpack(tmp_path, bytes(broken))
    assert got == {"a.tgz/b": b"fine\n"}
    assert [(r.name, r.reason) for r in rejected] == [("a.tgz/a", "corrupt")]


def test_encrypted_member(tmp_path: Path) -> None:
    data = bytearray(zip_of({"a": b"x"}))
    data[6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    _, rejected = unpack(tmp_path, bytes(data))
    assert rejected[0].reason == "encrypted"


def test_names_in_gbk(tmp_path: Path) -> None:
    data = zip_of({"AAAA.txt": b"x"}).replace(b"AAAA", "语料".encode("gbk"))
    assert list(unpack(tmp_path, data)[0]) == ["a.tgz/语料.txt"]
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        archive.addfile(tarfile.TarInfo("语料.txt"))
    assert list(unpack(tmp_path, sink.getvalue())[0]) == ["a.tgz/语料.txt"]


def test_split_archive(tmp_path: Path) -> None:
    data = gzip.compress(tar_of({"un.zh": LINES}))
    third = len(data) // 3 + 1
    files = []
    for i in range(3):
        path = tmp_path / f"UN.tar.gz.0{i}"
        path.write_bytes(data[i * third : (i + 1) * third])
        files.append(InputFile(path, path.name))
    got, rejected = unpacked(files[::-1], tmp_path / "work")
    assert [(f.name, f.path.read_bytes()) for f in got] == [("UN.tar.gz/un.zh", LINES)]
    assert rejected == []
    got, rejected = unpacked([files[0], files[2]], tmp_path / "work")
    assert next(r.reason for r in rejected) == "truncated" and "part 01" in rejected[0].detail


def test_numbered_files_that_are_no_parts(tmp_path: Path) -> None:
    for name in ("wiki.txt.01", "wiki.txt.02"):
        (tmp_path / name).write_text("字\n")
    got, _ = unpacked(input_files(tmp_path), tmp_path / "work")
    assert [file.name for file in got] == ["wiki.txt.01", "wiki.txt.02"]


def test_input_files(tmp_path: Path) -> None:
    for name in ("b/2.txt", "b/1.txt", "a.txt", "c.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    names = [file.name for file in input_files(tmp_path)]
    assert names == ["a.txt", "b/1.txt", "b/2.txt", "c.json"]
    assert [f.name for f in input_files(tmp_path / "**" / "*.txt")] == [
        "a.txt",
        "b/1.txt",
        "b/2.txt",
    ]
    assert [f.name for f in input_files(str(tmp_path / "b" / "[1]*"))] == ["1.txt"]
    assert [f.name for f in input_files(tmp_path / "c.json")] == ["c.json"]
    for absent in ("nothing", "*.parquet"):
        with pytest.raises(SourceError, match=r"nothing|parquet"):
            input_files(tmp_path / absent)


def test_names_that_are_no_data() -> None:
    for name in ("README", "README.md", "x/LICENSE", "LICENSE.txt", ".DS_Store", "__MACOSX/._x",
                 ".cache/huggingface/x.json", "dataset_info.json", "d/.gitattributes"):  # fmt: skip
        assert not is_data(name), name
    for name in ("readings.txt", "licensed.jsonl", "x/AA/wiki_00", "train.json", "zh.csv"):
        assert is_data(name), name


def test_open_units_accounts_for_every_file(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d" / "a.txt").write_text("字\n")
    (root / "README.md").write_text("about")
    (root / "z.tar").write_bytes(tar_of({"b.txt": b"x\n", "LICENSE": b"l", "../c": b"y"}))
    opened = open_units(adapter("text"), root, tmp_path / "work")
    assert [unit.name for unit in opened.units] == ["d/a.txt", "z.tar/b.txt"]
    assert [r.name for r in opened.rejected] == ["z.tar/../c"]
    assert [name for name, _ in opened.left_out] == ["README.md", "z.tar/LICENSE"]
    # A file that is named is read whatever its name.
    opened = open_units(adapter("text"), root / "README.md", tmp_path / "work")
    assert [unit.name for unit in opened.units] == ["README.md"]
    (root / "only").mkdir()
    (root / "only" / "README").write_text("x")
    with pytest.raises(SourceError, match=r"nothing at .* README"):
        open_units(adapter("text"), root / "only", tmp_path / "work")


def test_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(SourceError, match="no space left"):
        unpack(tmp_path, PACKED["zip"]())
    monkeypatch.undo()
    assert list((tmp_path / "work").iterdir()) == []
