"""Small partitions worked on together: what is written of each is what it is alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate import assembly, build, ingest
from curate.storage import read_arrow
from tests.curate.corpus import built as built_corpus
from tests.curate.corpus import fingerprints, write_corpus
from tests.curate.instructions.builds import built, different, recipe, row, write

STAGES = ("refine", "decide", "sketch", "comparison", "mixture")


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "TOGETHER", 1)
    monkeypatch.setattr(assembly, "_RUN_PARTITIONS", 1)


def intermediates(folder: Path) -> dict[Path, Any]:
    """Tables and bytes of the row steps' files, by name."""
    return {
        path.relative_to(folder): read_arrow(path) if path.suffix == ".arrow" else path.read_bytes()
        for stage in STAGES
        for path in (folder / ".work" / stage).glob("*")
        if path.suffix != ".json"
    }


def assert_same(one: Path, other: Path) -> None:
    assert fingerprints(one) == fingerprints(other)
    first, second = intermediates(one), intermediates(other)
    assert first.keys() == second.keys()
    assert all(
        first[name].equals(second[name])
        if hasattr(first[name], "equals")
        else first[name] == second[name]
        for name in first
    )


def test_a_corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(ingest, "PARTITION_ROWS", 7)
    write_corpus(tmp_path / "in")
    together = built_corpus(tmp_path / "in", tmp_path / "together").folder
    alone(monkeypatch)
    assert_same(together, built_corpus(tmp_path / "in", tmp_path / "alone").folder)


def test_instructions(tmp_path, monkeypatch):
    rows = [*different(30), row("谁在里面？", "我是ChatGPT。"), row("重复的问题？", "回答。")]
    for number in range(5):
        own = [*rows[number * 7 : number * 7 + 7], rows[-1], row("", "")]
        write(tmp_path / "in" / f"{number}.jsonl", own)
    # Wording that is shared within one file and not by the next.
    shared = "请把下面的句子改写得更正式一些：\n"
    write(
        tmp_path / "in" / "shared.jsonl",
        [row(f"{shared}{r['instruction']}", r["output"]) for r in different(120, 40)],
    )
    asked = recipe(tmp_path / "in", "mixture: {valid: 0.2}\n")
    together = built(tmp_path / "together", asked).folder
    alone(monkeypatch)
    assert_same(together, built(tmp_path / "alone", asked).folder)
