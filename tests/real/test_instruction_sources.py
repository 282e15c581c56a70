"""The instruction sets on the real samples: every row there, counted independently."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from curate.instructions.choices import drawn_choices
from curate.instructions.tasks import ready_tasks, task_rows
from sources.inputs import open_units
from sources.registry import adapter


@dataclass
class Got:
    """What an adapter made of a folder."""

    rows: Counter[str] = field(default_factory=Counter)
    """Of every file."""
    fates: Counter[str] = field(default_factory=Counter)
    """`kept` or the reason."""
    dialogue: Counter[str] = field(default_factory=Counter)
    """How hidden turns were found, or why not."""
    turns: Counter[int] = field(default_factory=Counter)
    """Conversations by number of earlier turns."""


def read(folder: Path, workdir: Path, name: str, path: str) -> Got:
    reader = adapter(name)
    opened = open_units(reader, folder / path, workdir)
    assert opened.rejected == []
    got = Got()
    for unit in opened.units:
        last = 0
        for batch in reader.read(unit):
            assert batch.schema == reader.row_type.schema
            batch.validate(full=True)
            numbers = batch.column("row").to_pylist()
            assert numbers == list(range(last + 1, last + 1 + len(numbers)))
            last += len(numbers)
            got.fates.update(why or "kept" for why in batch.column("quarantine").to_pylist())
            got.turns.update(map(len, batch.column("history").to_pylist()))
            for meta in batch.column("meta").to_pylist():
                if meta and '"dialogue":' in meta:
                    got.dialogue[json.loads(meta)["dialogue"]] += 1
        inside = f"{path}/{unit.name}" if (folder / path).is_dir() else path
        got.rows[inside] = last
    return got


def inventory(folder: Path) -> dict[str, int]:
    with (folder / "INVENTORY.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {row["path"]: int(row["records"]) for row in rows if row["records"].isdigit()}


def not_counted(folder: Path) -> dict[str, int]:
    """Rows that the inventory does not count: it counts line feeds in lines, whole records in
    arrays, lines in tables.
    """
    extra = {
        path: 1
        for path in inventory(folder)
        if path.split("/")[0] in ("belle", "firefly")
        and not (folder / path).read_bytes().endswith(b"\n")
        and path.endswith(".jsonl")
    }
    # A comma before the closing bracket: what should follow it is a row that says so.
    [broken] = (p for p in inventory(folder) if "hikariming/" in p and "未完成" in p)
    table = folder / "sharegpt_zh/dev_sft.csv"
    with table.open(encoding="utf-8", newline="") as file:
        records = sum(1 for _ in csv.reader(file)) - 1
    return {**extra, broken: 1, "sharegpt_zh/dev_sft.csv": records - 1949}


SETS = {
    "alpaca": ("alpaca", {"kept": 47175}),
    "alpaca_zh": ("alpaca", {"kept": 57432, "bad_json": 1, "empty": 1}),
    "alpaca_gpt4_zh": ("alpaca", {"kept": 800}),
    "belle": ("belle", {"kept": 888}),
    "pclue": ("pclue", {"kept": 1563, "unlabelled": 1}),
    "cot": ("cot", {"kept": 23616}),
    # What else lies there: pretraining text and answers in pairs of better and worse.
    "firefly": ("firefly", {"kept": 23, "missing_field": 61}),
    # And prompts without answers.
    "moss": ("moss", {"kept": 900, "missing_field": 620}),
    "sharegpt_zh": ("sharegpt", {"kept": 994, "empty_turn": 1, "unfinished": 5}),
    "coig_cqia": ("coig_cqia", {"kept": 13702}),
    "oasst_zh": ("oasst_zh", {"kept": 612}),
    "linly_instructions/README_samples.jsonl": ("linly", {"kept": 23}),
}


@pytest.mark.parametrize("path", SETS)
def test_every_row_is_accounted_for(
    real_data: Path, tmp_path: Path, path: str, record_property
) -> None:
    name, fates = SETS[path]
    got = read(real_data, tmp_path, name, path)
    extra = not_counted(real_data)
    counted = inventory(real_data)
    prefix = path if path.endswith(".jsonl") else f"{path}/"
    files = {file for file in counted if file.startswith(prefix)}
    assert set(got.rows) == files
    for file, rows in got.rows.items():
        assert rows == counted[file] + extra.get(file, 0), file
    assert got.fates == fates
    record_property("dialogue", dict(got.dialogue))
    record_property("turns", {str(number): count for number, count in got.turns.items()})


def test_dialogues(real_data: Path, tmp_path: Path) -> None:
    """Turns against those that the files themselves hold."""
    moss = read(real_data, tmp_path, "moss", "moss/conversations")
    files = sorted((real_data / "moss/conversations").rglob("*.json"))
    assert moss.turns == Counter(json.loads(f.read_text("utf-8"))["num_turns"] - 1 for f in files)
    path = real_data / "sharegpt_zh/sharegpt_zh_1K_format.jsonl"
    talks = [json.loads(line)["conversations"] for line in path.open(encoding="utf-8")]
    whole = [t for t in talks if t[-1]["from"] == "gpt" and all(m["value"].strip() for m in t)]
    sharegpt = read(real_data, tmp_path, "sharegpt", "sharegpt_zh")
    assert len(whole) == 794
    assert sharegpt.turns - Counter({0: 206}) == Counter(len(t) // 2 - 1 for t in whole)
    assert sharegpt.dialogue == {"s_tags": 200}
    linly = read(real_data, tmp_path, "linly", "linly_instructions/README_samples.jsonl")
    assert linly.dialogue == {"inline": 3}
    assert linly.turns == {0: 20, 1: 1, 2: 2}
    # Sets in which nothing is hidden, and nothing is found.
    for name in ("alpaca", "cot", "coig_cqia"):
        assert read(real_data, tmp_path, "instructions", name).dialogue == {}


def test_choices_of_pclue(real_data: Path) -> None:
    reader = adapter("pclue")
    opened = open_units(reader, real_data / "pclue", real_data)
    fates: Counter[str | None] = Counter()
    for unit in opened.units:
        table = pa.Table.from_batches(list(reader.read(unit)))
        ids = [f"pclue/{unit.name}#{row}" for row in table["row"].to_pylist()]
        made = drawn_choices(table, lambda at, ids=ids: [ids[i] for i in at.to_pylist()])
        fates.update(made.fate.to_pylist())
        for before, after, output, meta, fate in zip(
            table["instruction"].to_pylist(),
            made.rows["instruction"].to_pylist(),
            made.rows["output"].to_pylist(),
            made.rows["meta"].to_pylist(),
            made.fate.to_pylist(),
            strict=True,
        ):
            if fate == "drawn":
                options = json.loads(meta)["answer_choices"]
                assert output in options and len(set(options)) == len(options) <= 8
                assert all(option in after for option in options)
            else:
                assert before == after
        assert made.rows["output"].equals(table["output"])
    assert fates == {"drawn": 1418, None: 141, "not_listed": 3, "unclear": 2}


def test_tasks_of_csl(real_data: Path) -> None:
    reader = adapter("csl")
    (unit,) = open_units(reader, real_data / "csl/csl_camera_readly.tsv", real_data).units
    table = pa.Table.from_batches(list(reader.read(unit)))
    ids = [f"csl/{unit.name}#{row}" for row in table["row"].to_pylist()]
    made = task_rows(table, ids, ready_tasks("papers"))
    assert made.origin.tolist() == list(range(1993))
    used = Counter(json.loads(meta)["task"] for meta in made.rows["meta"].to_pylist())
    assert len(used) == 22 and min(used.values()) > 50
