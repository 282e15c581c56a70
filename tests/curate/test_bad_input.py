"""What a build makes of the worst a folder can hold: on record or in one sentence, never lost."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.errors import CurateError
from curate.recipe import parsed
from tests.curate.corpus import RECIPE, built, sentence, write_corpus


def line(seed: int) -> str:
    return json.dumps({"text": sentence(seed)}, ensure_ascii=False) + "\n"


def fates(folder: Path) -> Counter[tuple[str, str, str | None]]:
    rows = pq.read_table(folder / "ledger").to_pylist()
    return Counter((row["file"], row["status"], row["reason"]) for row in rows)


def test_a_folder_of_horrors(tmp_path):
    root = tmp_path / "in"
    root.mkdir()
    (root / "a-empty.jsonl").touch()
    whole = gzip.compress("".join(line(i) for i in range(200)).encode(), mtime=0)
    (root / "b-cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (root / "c-bytes.jsonl").write_bytes(
        line(300).encode() + b'{"text": "\xff\xfe\xfa broken"}\n' + line(301).encode()
    )
    (root / "d-values.jsonl").write_text(
        '{"text": null}\n{"text": 12}\n{"text": ["a"]}\n{"other": "b"}\n[1, 2]\nNaN\n' + line(302)
    )
    (root / "e-pointer.jsonl").write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\nsize 149\n"
    )
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jsonl", b" " * (600 << 20))
    (root / "f-bomb.zip").write_bytes(bomb.getvalue())
    escape = io.BytesIO()
    with tarfile.open(fileobj=escape, mode="w") as tar:
        for name, text in (("../../x.jsonl", line(303)), ("good.jsonl", line(304))):
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    (root / "g-escape.tar").write_bytes(escape.getvalue())
    (root / "h-long.jsonl").write_text(
        json.dumps({"text": "".join(sentence(i) for i in range(180_000))}, ensure_ascii=False)
        + "\n"
        + line(305)
    )
    result = built(root, tmp_path / "out")
    seen = fates(result.folder)
    files = {file for file, _, _ in seen}
    assert "a-empty.jsonl" not in files
    cut = [key for key in seen if key[0] == "b-cut.jsonl.gz"]
    assert ("b-cut.jsonl.gz", "quarantined", "truncated") in cut
    assert seen["b-cut.jsonl.gz", "kept", None] > 50
    assert seen["c-bytes.jsonl", "kept", None] == 2
    assert seen["c-bytes.jsonl", "quarantined", "bad_utf8"] == 1
    assert (
        sum(n for (f, s, _), n in seen.items() if (f, s) == ("d-values.jsonl", "quarantined")) == 6
    )
    assert seen["d-values.jsonl", "kept", None] == 1
    assert seen["e-pointer.jsonl", "quarantined", "lfs_pointer"] == 1
    assert [s for f, s, _ in seen if f.startswith("f-bomb.zip")] == ["quarantined"]
    assert [s for f, s, _ in seen if "x.jsonl" in f] == ["quarantined"]
    assert seen["g-escape.tar/good.jsonl", "kept", None] == 1
    assert not (tmp_path / "x.jsonl").exists()
    long = [key for key in seen if key[0] == "h-long.jsonl"]
    assert sum(seen[key] for key in long) == 2 and ("h-long.jsonl", "kept", None) in long


def test_a_directory_called_like_a_file_is_read_as_a_directory(tmp_path):
    (tmp_path / "in" / "data.jsonl").mkdir(parents=True)
    (tmp_path / "in" / "data.jsonl" / "part.txt").write_text(line(1))
    result = built(tmp_path / "in" / "data.jsonl", tmp_path / "out")
    assert fates(result.folder) == {("part.txt", "kept", None): 1}


def test_a_worker_killed_is_one_sentence_and_resumes(tmp_path, monkeypatch):
    package = tmp_path / "lib"
    package.mkdir()
    (package / "deadly.py").write_text(
        "import os, pathlib, signal\n"
        "import pyarrow as pa\n"
        "from curate.measure.base import Measure\n"
        "class Deadly(Measure):\n"
        "    name = 'deadly'\n"
        "    columns = {'deadly': pa.int32()}\n"
        "    def measure(self, text):\n"
        "        if pathlib.Path(os.environ['DEADLY']).exists():\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return {'deadly': 0}\n"
    )
    monkeypatch.syspath_prepend(package)
    trigger = tmp_path / "trigger"
    trigger.touch()
    monkeypatch.setenv("DEADLY", str(trigger))
    write_corpus(tmp_path / "in", files=2)
    (tmp_path / "r.yaml").write_text(
        RECIPE.format(root=tmp_path / "in") + "measure: {'deadly:Deadly': {}}\n"
    )
    command = [
        *(sys.executable, "-m", "curate", "build", "corpus", str(tmp_path / "r.yaml")),
        *("--out", str(tmp_path / "out"), "--workers", "2"),
    ]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    dead = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert dead.returncode == 1
    assert "a worker process died" in dead.stderr and "Traceback" not in dead.stderr
    trigger.unlink()
    alive = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert alive.returncode == 0


def test_a_full_disk_is_one_sentence_and_resumes(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        write_corpus(tmp_path / "in", files=4, rows=800)
        with pytest.raises(CurateError, match="no space left"):
            built(tmp_path / "in", small)
        subprocess.run(["mount", "-o", "remount,size=64m", str(small)], check=True)
        assert built(tmp_path / "in", small).accounts["web"].read == 3200
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


def test_an_empty_source_is_a_finished_build_of_no_rows(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.jsonl").touch()
    result = built(tmp_path / "in", tmp_path / "out")
    assert result.summary()["rows_read"] == 0
    assert (result.folder / "manifest.json").exists()


def test_a_step_of_ones_own_that_raises_names_the_partition(tmp_path, monkeypatch):
    (tmp_path / "broken_step.py").write_text(
        "from curate.rewrite.base import Rewrite\n"
        "class Broken(Rewrite):\n"
        "    name = 'broken'\n"
        "    def rewrite(self, text):\n"
        "        raise ZeroDivisionError('half of nothing')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    write_corpus(tmp_path / "in", files=1)
    recipe = parsed(RECIPE.format(root=tmp_path / "in") + "rewrite: {'broken_step:Broken': {}}\n")
    with pytest.raises(CurateError, match=r"part-0\.jsonl.*half of nothing"):
        Build(recipe, Options(tmp_path / "out")).run()
