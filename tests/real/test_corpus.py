"""The whole build on every corpus source of the real samples."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options, Result
from curate.recipe import Recipe, parsed
from tests.conftest import ROOT
from tests.curate.corpus import fingerprints

DEFAULT = "../../.cache/real"


def recipe(real_data: Path) -> Recipe:
    text = (ROOT / "tests/real/corpus.yaml").read_text()
    return parsed(text.replace(DEFAULT, str(real_data)), "tests/real/corpus.yaml")


@pytest.fixture(scope="module")
def result(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("real")
    return Build(recipe(real_data), Options(out, workers=2)).run()


def test_every_row_of_every_source_is_accounted_for(result):
    rows = pq.read_table(result.folder / "ledger", columns=["id", "status"])
    assert rows.num_rows == sum(a.read for a in result.accounts.values()) > 60_000
    ids = rows["id"].to_pylist()
    assert ids == sorted(ids) and len(set(ids)) == len(ids)


def test_rows_read_are_those_of_the_inventory(result, real_data):
    records = {}
    with (real_data / "INVENTORY.tsv").open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            records[row["path"]] = row["records"]
    read = {label: account.read for label, account in result.accounts.items()}
    for label, path in {
        "csl": "csl/csl_camera_readly.tsv",
        "cluecorpus-small": "cluecorpus_small/CLUECorpusSmall_sampled.txt",
        "news-commentary": "news_commentary/train_10k.jsonl",
        "un": "un_pc/UNv1.0.devset.zh",
        "wiki": "wiki_zh/AA/wiki_00",
        "ted": "ted_parallel/parallel_corpus_en_zh.txt",
    }.items():
        assert read[label] == int(records[path]), label


def test_what_the_same_pairs_in_other_wrappings_become(result):
    # The CSV and TSV hold pairs that better-ranked sources hold too.
    for label in ("wmt18-csv", "wmt18-tsv"):
        account = result.accounts[label]
        assert account.duplicates >= 0.99 * account.read


def test_few_rows_of_clean_sources_are_lost_to_the_language_limits(result):
    lost = sum(
        n
        for account in result.accounts.values()
        for reason, n in account.reasons.get("decide", {}).items()
        if reason.startswith("language")
    )
    assert 10 <= lost <= 40


def test_known_defects_are_on_record(result):
    assert result.accounts["lfs-pointer"].reasons == {"ingest": {"lfs_pointer": 1}}
    assert result.accounts["translation2019zh"].quarantined == 1
    text = " ".join(pq.read_table(result.folder / "data", columns=["text"])["text"].to_pylist())
    # The UN text of the samples came with blanks between its words.
    assert "会员国" in text and "会员国 主权" not in text


def test_another_number_of_workers_gives_the_same_bytes(result, real_data, tmp_path):
    again = Build(recipe(real_data), Options(tmp_path, workers=1)).run()
    assert fingerprints(again.folder) == fingerprints(result.folder)
