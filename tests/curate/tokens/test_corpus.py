"""Texts from builds and files, and samples that depend on nothing but row ids and the seed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.tokens.corpus import batches, build_corpus, corpus, file_corpus, sampled
from curate.tokens.tokenizer import TokenizerError


def build(folder: Path, rows: list[dict[str, str]], shards: int = 1) -> Path:
    """A build's folder with these rows, as far as a reader of data sees it."""
    (folder / "data").mkdir(parents=True)
    outputs = []
    for i in range(shards):
        name = f"data/{i:05d}.parquet"
        part = rows[i * len(rows) // shards : (i + 1) * len(rows) // shards]
        pq.write_table(pa.Table.from_pylist(part or rows[:0]), folder / name)
        outputs.append({"path": name, "rows": len(part), "sha256": f"{i}"})
    size = sum(len(r.get("text", "").encode()) for r in rows)
    manifest = {"outputs": outputs, "counts": {"bytes_kept": size}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


ROWS = [{"id": f"s/f#{i}", "source": "s", "text": f"第{i}行", "lang": "zh"} for i in range(2000)]


def ids(found) -> list[str]:
    return [i for batch in found for i in batch.column("id").to_pylist()]


def test_a_sample_depends_on_ids_and_seed_alone(tmp_path: Path):
    one = build_corpus(build(tmp_path / "a", ROWS))
    three = build_corpus(build(tmp_path / "b", ROWS, 3))
    megabytes = one.bytes / 4e6
    chosen = ids(sampled(one, megabytes, 1))
    assert chosen == ids(sampled(three, megabytes, 1))
    assert 400 < len(chosen) < 600
    assert len(set(chosen) & set(ids(sampled(one, megabytes, 2)))) < 0.5 * len(chosen)
    # A larger sample holds the smaller one.
    assert set(chosen) <= set(ids(sampled(one, 2 * megabytes, 1)))
    assert ids(sampled(one, 1000, 1)) == [r["id"] for r in ROWS]


def test_rows_of_instructions_are_their_fields(tmp_path: Path):
    rows = [
        {"id": "a", "source": "s", "instruction": "翻译", "input": "cat", "output": "猫"},
        {"id": "b", "source": "s", "instruction": "你好", "input": "", "output": "你好！"},
    ]
    [batch] = batches(build_corpus(build(tmp_path / "a", rows)))
    assert batch.column("text").to_pylist() == ["翻译\ncat\n猫", "你好\n你好！"]
    assert batch.column("lang").null_count == 2


def test_files(tmp_path: Path):
    (tmp_path / "a.txt").write_text("一行\n\n第二行\r\n")
    (tmp_path / "b.jsonl").write_text(
        '{"text": "x\\ny"}\n\n{"instruction": "问", "output": "答"}\n'
    )
    pq.write_table(pa.table({"text": ["p"]}), tmp_path / "c.parquet")
    (tmp_path / "d.bin").write_bytes(b"\0")
    found = list(batches(file_corpus([tmp_path])))
    texts = [t for batch in found for t in batch.column("text").to_pylist()]
    assert texts == ["一行", "第二行", "x\ny", "问\n答", "p"]
    assert found[0].column("source").to_pylist() == ["a.txt"] * 2
    assert corpus(tmp_path).fingerprint == file_corpus([tmp_path]).fingerprint


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"text": "x"}\n{"text": \n', "a.jsonl: line 2 is not JSON"),
        ("a.jsonl", '{"title": "x"}', "line 1 has no key text"),
        ("a.jsonl", "[1]", "line 1 has no key text"),
        ("a.parquet", "x", "not a readable Parquet file"),
        ("a.csv", "x", "not a .txt, .jsonl or .parquet file"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: str, words: str):
    (tmp_path / name).write_text(content)
    with pytest.raises(TokenizerError, match=words):
        list(batches(file_corpus([tmp_path / name])))


def test_builds_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(TokenizerError, match="not a finished build"):
        build_corpus(tmp_path)
    with pytest.raises(TokenizerError, match="kept no rows"):
        build_corpus(build(tmp_path / "empty", []))
    whole = build(tmp_path / "whole", ROWS[:3])
    (whole / "data/00000.parquet").unlink()
    with pytest.raises(TokenizerError, match="not there; rebuild"):
        build_corpus(whole)
    with pytest.raises(TokenizerError, match="no such file"):
        file_corpus([tmp_path / "absent.txt"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(TokenizerError, match="to read text from"):
        file_corpus([tmp_path / "nothing"])
    with pytest.raises(TokenizerError, match=r"not a build itself; it holds .*empty, .*whole"):
        corpus(tmp_path)
