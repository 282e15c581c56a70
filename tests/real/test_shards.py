"""Packing of real corpora and real instructions with real tokenizers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.recipe import parsed
from curate.tokens.encode import PieceEncoder
from curate.tokens.example import BadExample, Example, example
from curate.tokens.format.reader import Shards
from curate.tokens.format.verify import verified
from curate.tokens.prompts import FORMATS, Part
from curate.tokens.tokenizer import load_tokenizer
from curate.tokens.trace import traced
from tests.conftest import ROOT
from tests.curate.tokens.packing_files import packed


@pytest.fixture(scope="module")
def build(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    text = (ROOT / "tests/real/corpus.yaml").read_text()
    recipe = parsed(text.replace("../../.cache/real", str(real_data)), "tests/real/corpus.yaml")
    out = tmp_path_factory.mktemp("builds")
    return Build(recipe, Options(out, workers=2, limit=1000)).run().folder


def test_rows_of_a_real_corpus_are_full_and_hold_every_token(build, real_data, tmp_path):
    path = real_data / "tokenizers/chinese_llama2/tokenizer.model"
    result = packed(tmp_path / "s", path, [build], workers=2, seq_length=1024)
    assert result.index.splits["train"].fill >= 0.999
    assert result.unknown == 0 and result.index.counts["tokens_dropped"] == 0
    assert verified(tmp_path / "s").problems == ()
    tokenizer = load_tokenizer(path)
    shards = Shards(tmp_path / "s")
    wanted = dict(
        zip(*(pq.read_table(build / "data")[c].to_pylist() for c in ("id", "text")), strict=True)
    )
    pieces: dict[str, list[tuple[int, list[int]]]] = {}
    for row in range(len(shards)):
        tokens = shards.tokens(row)
        for s in shards.segments(row):
            name = shards.document(s.document).id
            pieces.setdefault(name, []).append((s.offset, tokens[s.begin : s.end].tolist()))
    assert set(pieces) == set(wanted)
    for name, parts in pieces.items():
        bos, *ids, eos = (i for _, ids in sorted(parts) for i in ids)
        assert (bos, eos) == (tokenizer.bos_id, tokenizer.eos_id)
        assert tokenizer.decode(ids) == wanted[name], name
    found = traced(shards, 0, 0)
    manifest = json.loads((build / "manifest.json").read_text())
    assert found["licence"] == manifest["sources"][found["source"]]["licence"]
    assert found["inputs"]


def rows(real_data: Path) -> Iterator[dict]:
    """Instructions of the samples whose fields are those of the schema or stand for them."""
    files = [
        *sorted((real_data / "alpaca_zh").rglob("*.json")),
        real_data / "alpaca_gpt4_zh/alpaca_zh_demo.json",
        real_data / "oasst_zh/oaast_sft_zh.json",
    ]
    for path in files:
        if "未完成" in path.name:
            continue  # not JSON, as the inventory says
        for row in json.loads(path.read_bytes()):
            fields = ("instruction", "input", "output")
            if "zh_instruction" in row:
                row = {field: row[f"zh_{field}"] for field in fields}
            yield row
    for line in (real_data / "belle/dev1K.json").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


@pytest.fixture(scope="module")
def examples(real_data: Path) -> list[Example]:
    found = []
    for row in rows(real_data):
        try:
            found.append(example(row))
        except BadExample as error:
            assert error.reason == "empty_output"
    assert len(found) > 50_000 and max(len(e.turns) for e in found) > 1
    return found


@pytest.mark.parametrize("name", list(FORMATS))
def test_what_is_learnt_is_the_answer_for_every_real_row(examples, real_data, name):
    tokenizer = load_tokenizer(real_data / "tokenizers/chinese_llama2/tokenizer.model")
    # Each format sees every fourth row, and together they see every row.
    chosen = examples[list(FORMATS).index(name) :: len(FORMATS)]
    pieces = [FORMATS[name](e) for e in chosen]
    found = PieceEncoder(tokenizer).encode(pieces, "last")
    for i, wanted in enumerate(chosen):
        a, b = found.offsets[i : i + 2]
        learnt = np.flatnonzero(found.mask[a:b])
        assert np.array_equal(learnt, np.arange(learnt[0], learnt[-1] + 1))
        ids = found.ids[a:b][learnt]
        end = "<|im_end|>" if name == "chatml" else ""
        if not end:
            assert ids[-1] == tokenizer.eos_id
        fresh = any(p.fresh for p in pieces[i] if p.part is Part.ANSWER)
        assert tokenizer.decode(ids, inner=not fresh) == wanted.turns[-1].answer + end


def test_real_instructions_are_packed_and_none_is_cut(real_data, tmp_path):
    path = tmp_path / "zh.jsonl"
    lines = [json.dumps(row, ensure_ascii=False) for row in islice(rows(real_data), 5000)]
    path.write_text("\n".join(lines), encoding="utf-8")
    tokenizer = real_data / "tokenizers/chinese_llama2/tokenizer.model"
    index = packed(tmp_path / "s", tokenizer, [path], seq_length=256).index
    assert index.counts["documents_in"] == 5000
    assert index.dropped["too_long"] > 0
    dropped = pq.read_table(tmp_path / "s/dropped.parquet").to_pylist()
    assert len(dropped) == sum(index.dropped.values()) == index.counts["documents_dropped"]
    assert all(row["tokens"] > 256 for row in dropped if row["reason"] == "too_long")
    # Nothing is short enough to fill the last gap of a row; the wider it is, the less that matters.
    again = packed(tmp_path / "t", tokenizer, [path], seq_length=4096)
    assert again.tokenised == 0 and again.index.splits["train"].fill >= 0.99
