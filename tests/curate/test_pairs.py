"""Limits on pairs in a whole build: the right reason in the ledger, documents left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import curate.measure
import curate.measure.pair
from curate.build import Build, Options, Result
from curate.errors import RecipeError
from curate.measure.base import Measure
from curate.measure.pair.base import PairMeasure
from curate.recipe import ledger_columns, parsed
from curate.step import discovered
from tests.conftest import ROOT
from tests.curate.corpus import fingerprints, write_corpus

RECIPE = """
name: mixed
sources:
  - {{name: wmt18, label: pairs, path: {root}/pairs.jsonl}}
  - {{name: jsonl, label: web, path: {root}/web}}
dedup: false
"""
LIMITS = """
quality:
  en_damage_share: {max: 0}
  han_in_en: {max: 0.5}
  number_agreement: {min: 0.4}
  length_z: {min: -6, max: 6}
"""
PAIRS = {
    None: (
        "一九九八年，三十五位居民在镇上开了会。会议很长！他们同意了吗？",
        "In 1998, 35 residents held a meeting in town. It was long! Did they agree?",
    ),
    "quality.number_agreement.min": (
        "一九九八年，三十五位居民在镇上开了会。会议很长！他们同意了吗？",
        "In 1989, 53 residents held a meeting in town. It was long! Did they agree?",
    ),
    "quality.length_z.max": (
        "镇上的图书馆上个月重新开放，第一天就来了三百位居民，孩子们最喜欢靠窗的位置。" * 3,
        "The library is open again.",
    ),
    "quality.en_damage_share.max": ("图书馆重新开放了。", "The libr\ufffdry is open again."),
    "quality.han_in_en.max": ("图书馆重新开放了。", "图书馆重新开放了。"),
    "quality.copied_share.max": (
        "The library on the corner has opened again after the repairs.",
        "The library on the corner has opened again after the repairs.",
    ),
}


def write(root: Path) -> None:
    write_corpus(root / "web", files=2)
    with (root / "pairs.jsonl").open("w", encoding="utf-8") as file:
        for zh, en in PAIRS.values():
            file.write(json.dumps({"zh": zh, "en": en}, ensure_ascii=False) + "\n")


def built(root: Path, out: Path, extra: str = "") -> Result:
    return Build(parsed(RECIPE.format(root=root) + extra), Options(out)).run()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pairs")
    write(root)
    built(root, root / "out", LIMITS + "language: false\n")
    return root / "out" / "mixed"


def rows(folder: Path) -> list[dict]:
    return pq.read_table(folder / "ledger").to_pylist()


def test_planted_pairs_are_dropped_for_the_right_reason(folder):
    pairs = [row for row in rows(folder) if row["source"] == "pairs"]
    assert [row["reason"] for row in pairs] == list(PAIRS)
    for row in pairs[1:]:
        column = row["reason"].split(".")[1]
        assert row["stage"] == "decide" and row["measure"].startswith(f"{column}=")
        assert row["limit"].startswith(row["reason"].rpartition(".")[2])
    assert pairs[0]["numbers"] == 4 and pairs[0]["numbers_unmatched"] == 0
    assert pairs[0]["pair_score"] > 0.5


def test_documents_have_no_measures_of_pairs_and_no_limits_on_them(folder, tmp_path):
    documents = [row for row in rows(folder) if row["source"] == "web"]
    columns = ("length_z", "number_agreement", "pair_score", "lexicon_words", "en_damage_share")
    assert documents and all(row[column] is None for row in documents for column in columns)
    assert not any((row["reason"] or "").startswith("quality") for row in documents)
    root = folder.parent.parent
    off = "measure: {length: false, numbers: false, latin: false, pair_sentences: false,"
    built(
        root,
        tmp_path,
        f"{off} pair_lexicon: false, untranslated: false, pair_score: false}}\nlanguage: false\n",
    )
    without = [row for row in rows(tmp_path / "mixed") if row["source"] == "web"]
    assert "length_z" not in without[0]
    assert [{k: row[k] for k in without[0]} for row in documents] == without


def test_measures_of_pairs_cost_documents_nothing(tmp_path):
    write(tmp_path)
    first = built(tmp_path, tmp_path / "out")
    assert "measure pair_score" in first.clock
    web = "\n  - {{name: jsonl, label: web, path: {root}/web}}"
    recipe = RECIPE.replace("\n  - {{name: wmt18, label: pairs, path: {root}/pairs.jsonl}}", "")
    assert web in recipe
    alone = Build(parsed(recipe.format(root=tmp_path)), Options(tmp_path / "alone")).run()
    assert not {"measure pair_score", "measure length", "measure pair_lexicon"} & set(alone.clock)


def test_switching_a_measure_of_pairs_reads_no_document_again(tmp_path):
    write(tmp_path)
    built(tmp_path, tmp_path / "out")
    work = tmp_path / "out" / "mixed" / ".work" / "refine"
    before = {path.name for path in work.iterdir()}
    changed = built(tmp_path, tmp_path / "out", "measure: {pair_score: false}\n")
    after = {path.name for path in work.iterdir()}
    # One partition of pairs, and one of documents, which stays.
    assert len(before) == len(after) == 2 and len(before & after) == 1
    assert "pair_score" not in pq.read_schema(next((changed.folder / "ledger").iterdir())).names
    fresh = built(tmp_path, tmp_path / "fresh", "measure: {pair_score: false}\n")
    assert fingerprints(changed.folder) == fingerprints(fresh.folder)


def test_a_pair_column_misspelt_is_an_error_that_names_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'number_agreement'"):
        parsed(RECIPE.format(root=".") + "quality: {number_agrement: {min: 0.5}}\n")


def test_measures_of_texts_and_of_pairs_have_names_of_their_own():
    texts = discovered(curate.measure, Measure)
    pairs = discovered(curate.measure.pair, PairMeasure)
    assert len(pairs) == 8 and not texts.keys() & pairs.keys()
    kinds = [*texts.values(), *pairs.values()]
    columns = ledger_columns([kind.model_construct() for kind in kinds])
    assert len(columns) == len(set(columns))


def test_a_default_limit_goes_with_its_measure():
    recipe = parsed(RECIPE.format(root=".") + "measure: {length: false, untranslated: false}\n")
    assert set(recipe.quality) == {"characters"}
    usual = parsed(RECIPE.format(root="."))
    assert set(usual.quality) == {"characters", "length_z", "copied_share"}


PACKAGE = """
import pyarrow as pa
from curate.measure.pair.base import PairMeasure

class Lines(PairMeasure):
    name = "line_agreement"
    columns = {"line_gap": pa.int32()}
    most: int = 10
    def measure(self, zh, en):
        return {"line_gap": min(self.most, abs(zh.count("\\n") - en.count("\\n")))}
"""


def test_a_recipe_names_a_measure_of_pairs_of_ones_own(tmp_path, monkeypatch):
    package = tmp_path / "lib" / "my_pairs"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    (tmp_path / "pairs.jsonl").write_text(
        '{"zh": "一行\\n两行", "en": "One line\\ntwo lines"}\n{"zh": "一行\\n两行", "en": "One"}\n'
    )
    text = f"name: own\nsources: [{{name: wmt18, path: {tmp_path}/pairs.jsonl}}]\n"
    extra = "measure: {'my_pairs:Lines': {most: 5}}\nquality: {line_gap: {max: 0}}\n"
    Build(parsed(text + extra), Options(tmp_path / "out")).run()
    found = pq.read_table(tmp_path / "out" / "own" / "ledger").to_pylist()
    assert [row["line_gap"] for row in found] == [0, 1]
    assert [row["reason"] for row in found] == [None, "quality.line_gap.max"]


def test_the_ledger_shows_one_source_with_many_targets(tmp_path):
    import duckdb

    page = (ROOT / "docs" / "parallel.md").read_text(encoding="utf-8")
    [query] = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    sides = [("好的。", "Good."), ("好 的。", "All right."), ("开会。", "Good."), ("走吧。", "Go.")]
    with (tmp_path / "pairs.jsonl").open("w", encoding="utf-8") as file:
        for zh, en in [*sides, sides[0]]:
            file.write(json.dumps({"zh": zh, "en": en}, ensure_ascii=False) + "\n")
    text = f"name: own\nsources: [{{name: wmt18, path: {tmp_path}/pairs.jsonl}}]\n"
    Build(parsed(text + "measure: {side_hashes: true}\n"), Options(tmp_path / "out")).run()
    query = query.replace("builds/NAME", f"{tmp_path}/out/own")
    found = duckdb.sql(query).fetchall()
    # 好的。 has two targets; the fifth row is an exact duplicate of the first and counts no more.
    assert [(n, [i[-1] for i in ids]) for _, n, ids in found] == [(2, ["1", "2"])]
