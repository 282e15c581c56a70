"""The catalogue: every entry complete, mistakes in it caught, names found."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sources.catalogue import (
    CatalogueError,
    UnknownSource,
    catalogue,
    find_source,
    read_catalogue,
    read_source,
)
from sources.registry import adapters

EXPECTED = {
    "wmt18", "cluecorpus2020", "csl", "alpaca", "alpaca_zh", "alpaca_gpt4_zh", "belle", "pclue",
    "guanaco", "cot", "firefly", "moss", "sharegpt_zh", "coig_cqia", "oasst_zh", "linly",
}  # fmt: skip


def test_every_set_is_there_in_order():
    assert set(catalogue()) >= EXPECTED
    assert list(catalogue()) == sorted(catalogue())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_entries_state_what_a_user_needs(name):
    source = catalogue()[name]
    assert source.ways
    assert source.citation and source.size and source.licence
    if source.citation.startswith("@"):
        assert source.citation.count("{") == source.citation.count("}")


def test_known_facts():
    """Spot checks against upstream's own pages."""
    alpaca = find_source("alpaca")
    assert alpaca.non_commercial is True
    assert alpaca.files[0].bytes == 22_773_992
    assert [repository.repo for repository in find_source("belle").hub][1] == (
        "BelleGroup/train_1M_CN"
    )
    assert find_source("wmt18").files[0].name == "training-parallel-nc-v13.tgz"
    assert find_source("cluecorpus2020").ways == ("by-hand",)
    assert len(find_source("alpaca_zh").files) == 55


def test_every_source_names_its_adapter():
    named = {source.name: source.adapter for source in catalogue().values()}
    assert named == {name: name for name in named} | {
        "alpaca_zh": "alpaca",
        "alpaca_gpt4_zh": "alpaca",
        "sharegpt_zh": "sharegpt",
    }
    assert set(named.values()) <= set(adapters())


@pytest.mark.parametrize(
    ("typed", "meant"), [("wmt_18", "wmt18"), ("cluecorpus", "cluecorpus2020"), ("bele", "belle")]
)
def test_near_names_are_suggested(typed, meant):
    with pytest.raises(UnknownSource, match=f"did you mean {meant}"):
        find_source(typed)


def test_names_are_forgiving_about_case_and_hyphens():
    assert find_source("Alpaca-ZH").name == "alpaca_zh"


GOOD = {
    "name": "tiny",
    "title": "Tiny",
    "kind": "documents",
    "homepage": "https://example.org/tiny",
    "languages": ["zh"],
    "size": "small",
    "licence": "CC0-1.0",
    "non_commercial": False,
    "citation": "none",
    "files": [{"url": "https://example.org/a.txt"}],
}


def written(folder: Path, **changes: object) -> Path:
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**GOOD, **changes}), encoding="utf-8")
    return path


def test_a_good_file_is_read(tmp_path):
    source = read_source(written(tmp_path))
    assert source.files[0].name == "a.txt"
    assert read_catalogue(tmp_path) == {"tiny": source}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"licence_url": "x"}, "licence_url: Extra inputs"),
        ({"files": [{"url": "https://e.org/a", "sha265": "0" * 64}]}, r"files\.0\.sha265"),
        ({"files": [{"url": "https://e.org/a", "sha256": "0" * 63}]}, r"files\.0\.sha256"),
        ({"files": [{"url": "ftp://e.org/a"}]}, r"files\.0\.url"),
        ({"files": [{"url": "https://e.org/a", "name": "../a"}]}, "not a plain relative"),
        ({"files": [{"url": "https://e.org/a", "name": "fetch.json"}]}, "keeps for itself"),
        ({"files": [{"parts": ["https://e.org/a"]}]}, "needs a name"),
        ({"files": [{"name": "a"}]}, "either url or parts"),
        ({"files": [{"url": "https://e.org/a"}] * 2}, "two files are named a"),
        ({"files": []}, "say where it comes from"),
        ({"hub": [{"repo": "a/b", "patterns": ["*"], "revision": "main"}]}, r"hub\.0\.revision"),
        ({"hub": [{"repo": "a/b", "patterns": []}]}, r"hub\.0\.patterns"),
        ({"hub": [{"repo": "a/b", "patterns": ["*"]}] * 2}, "folder of its own"),
        ({"kind": "poems"}, "kind"),
        ({"name": "huge"}, "is 'huge' but the file is tiny.yaml"),
    ],
)
def test_mistakes_are_named_with_file_and_field(tmp_path, changes, words):
    with pytest.raises(CatalogueError, match=words) as raised:
        read_source(written(tmp_path, **changes))
    assert "tiny.yaml" in str(raised.value)


def test_a_file_that_is_no_yaml(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text("name: [unclosed", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"tiny\.yaml"):
        read_source(path)
