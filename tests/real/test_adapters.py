"""The adapters on the real samples: every row there, counted independently."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sources.inputs import open_units
from sources.registry import adapter

Got = dict[str, Counter[str]]


def read(folder: Path, workdir: Path, name: str, path: str, **options: Any) -> Got:
    """Rows of every unit by fate: `kept` or the reason."""
    reader = adapter(name, options)
    opened = open_units(reader, folder / path, workdir)
    assert opened.rejected == []
    got: Got = {}
    for unit in opened.units:
        fates = got[unit.name] = Counter()
        for batch in reader.read(unit):
            assert batch.schema == reader.row_type.schema
            batch.validate(full=True)
            fates.update(reason or "kept" for reason in batch.column("quarantine").to_pylist())
    return got


def lines(path: Path) -> int:
    data = path.read_bytes()
    return data.count(b"\n") + (not data.endswith(b"\n"))


def records(folder: Path, path: str) -> int:
    with (folder / "INVENTORY.tsv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["path"] == path:
                return int(row["records"])
    raise AssertionError(f"{path} is not in the inventory")


def test_wmt18(real_data: Path, tmp_path: Path) -> None:
    got = read(real_data, tmp_path, "wmt18", "wmt18")
    here = real_data / "wmt18"
    with (here / "damo_mt_testsets_zh2en_news_wmt18.csv").open(encoding="utf-8", newline="") as f:
        shuffled = sum(1 for _ in csv.reader(f)) - 1
    assert {name: fates["kept"] for name, fates in got.items() if fates["kept"]} == {
        "damo_mt_testsets_zh2en_news_wmt18.csv": shuffled,
        "news-commentary-v13-en-zh_sampled.txt": lines(
            here / "news-commentary-v13-en-zh_sampled.txt"
        ),
        "newstest2017-zhen": records(real_data, "wmt18/newstest2017-zhen.zh"),
        "newstest2018-zhen": records(real_data, "wmt18/newstest2018-zhen.zh"),
        "training-parallel-nc-v13/news-commentary-v13.zh-en": 1000,
    }
    alone = {name: fates for name, fates in got.items() if not fates["kept"]}
    assert alone == {
        "xgmj_plaintext/newstest2017-zhen-src.zh.sgm": {"one_sided": 2001},
        "xgmj_plaintext/newstest2018-zhen-src.zh.sgm": {"one_sided": 3981},
    }


def test_other_pairs(real_data: Path, tmp_path: Path) -> None:
    assert read(real_data, tmp_path, "wmt18", "un_pc") == {"UNv1.0.devset": {"kept": 4000}}
    assert read(real_data, tmp_path, "wmt18", "iwslt2017") == {
        f"IWSLT17.TED.{name}.zh-en.xml": {
            "kept": records(real_data, f"iwslt2017/IWSLT17.TED.{name}.zh-en.zh.xml")
        }
        for name in ("dev2010", "tst2010", "tst2011", "tst2012")
    }
    (fates,) = read(real_data, tmp_path, "wmt18", "ted_parallel").values()
    rows = (real_data / "ted_parallel" / "parallel_corpus_en_zh.txt").read_text("utf-8").split("\n")
    half = sum(1 for row in rows if row and not all(side.strip() for side in row.split("\t")))
    assert fates == {"kept": 15896 - half, "empty": half}
    (fates,) = read(real_data, tmp_path, "wmt18", "news_commentary").values()
    assert fates == {"kept": 8000}
    # A line with something after its object; the inventory counts whole records.
    (fates,) = read(real_data, tmp_path, "wmt18", "translation2019zh").values()
    assert fates == {"kept": 670, "bad_json": 1}


def test_cluecorpus(real_data: Path, tmp_path: Path) -> None:
    (fates,) = read(real_data, tmp_path, "cluecorpus2020", "cluecorpus_small").values()
    assert fates == {"kept": 2500}
    assert read(real_data, tmp_path, "cluecorpus2020", "wiki_zh") == {"AA/wiki_00": {"kept": 64}}


def test_csl(real_data: Path, tmp_path: Path) -> None:
    got = read(real_data, tmp_path, "csl", "csl")
    assert got.pop("csl_camera_readly.tsv") == {"kept": 1993}
    assert got == {
        name: {"benchmark_task": records(real_data, f"csl/{name}")}
        for name in got
        if name.startswith("benchmark/")
    }
    assert len(got) == 5


def test_generic(real_data: Path, tmp_path: Path) -> None:
    for name in ("csv", "hub"):
        (fates,) = read(real_data, tmp_path, name, "reviews").values()
        assert fates == {"kept": 11987}
    (fates,) = read(real_data, tmp_path, "jsonl", "quirks").values()
    assert fates == {"lfs_pointer": 1}
    # One object with lists of dialogues: no text field, and said so.
    (fates,) = read(real_data, tmp_path, "jsonl", "lccc").values()
    assert fates == {"missing_field": 1}


@pytest.mark.parametrize("source", ["alpaca", "alpaca_zh/hikariming", "cot/formatted_cot_data"])
def test_arrays(real_data: Path, tmp_path: Path, source: str) -> None:
    got = read(real_data, tmp_path, "jsonl", source, text=["instruction", "input", "output"])
    for name, fates in got.items():
        text = (real_data / source / name).read_text("utf-8")
        if name.endswith("jsonl"):
            assert fates.total() == lines(real_data / source / name)
        elif "未完成" in name:
            # A comma before the closing bracket, which Python's json refuses as a whole.
            with pytest.raises(ValueError, match="line 14007"):
                json.loads(text)
            assert fates == {"kept": text.count('"instruction"'), "bad_json": 1}
        else:
            assert fates.total() == fates["kept"] == len(json.loads(text))
