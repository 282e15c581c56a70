"""The dataset card and the Croissant metadata, read by the libraries they are for."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from huggingface_hub import DatasetCard

from manifests.card import (
    MARK,
    croissant,
    dataset_card,
    hub_licence,
    languages,
    size_category,
    write_card,
)
from manifests.opened import ManifestError, OpenedBuild, open_build
from tests.manifests.builds import copied
from tests.manifests.test_report import LABEL, hostile  # noqa: F401


@pytest.fixture(scope="module")
def published(build: OpenedBuild, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the build's folder with its card, as it would be uploaded."""
    folder = copied(build, tmp_path_factory.mktemp("card") / "small")
    write_card(open_build(folder), folder, "https://example.org/small")
    return folder


def test_the_hubs_library_reads_the_card(build, published):
    card = DatasetCard.load(published / "README.md")
    data = card.data.to_dict()
    assert data["language"] == ["zh"] and data["license"] == "unknown"
    assert data["size_categories"] == ["n<1K"]
    assert data["configs"] == [
        {
            "config_name": "default",
            "data_files": [{"split": "train", "path": "data/*.parquet"}],
        }
    ]
    [split] = data["dataset_info"]["splits"]
    assert split["num_examples"] == build.manifest["counts"]["kept"]
    assert MARK in card.text
    for word in ("near_duplicate", "unstated", "`characters` at least 1", "Commercial use"):
        assert word in card.text


def test_datasets_loads_a_folder_with_the_card(published, tmp_path):
    import datasets

    folder = tmp_path / "upload"
    folder.mkdir()
    shutil.copytree(published / "data", folder / "data")
    shutil.copy(published / "README.md", folder)
    rows = datasets.load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]
    kept = pq.read_table(published / "data").to_pylist()
    assert rows["id"][:] == [row["id"] for row in kept]
    assert rows["text"][:] == [row["text"] for row in kept]
    declared = DatasetCard.load(published / "README.md").data.to_dict()["dataset_info"]["features"]
    assert {f["name"]: f["dtype"] for f in declared} == {
        name: feature.dtype for name, feature in rows.features.items()
    }


def test_croissant_is_valid_and_its_records_are_the_rows(published, caplog):
    import mlcroissant

    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=str(published / "croissant.json"))
    issues = dataset.metadata.ctx.issues
    assert not issues.errors and not issues.warnings, issues.report()
    records = list(dataset.records("rows"))
    kept = pq.read_table(published / "data").to_pylist()
    assert [r["rows/id"].decode() for r in records] == [row["id"] for row in kept]
    assert [r["rows/text"].decode() for r in records] == [row["text"] for row in kept]


def test_croissant_names_every_file_with_its_checksum(build):
    metadata = croissant(build)
    files = {f["@id"]: f["sha256"] for f in metadata["distribution"] if "sha256" in f}
    assert files == {
        output["path"]: output["sha256"]
        for output in build.outputs
        if output["path"].startswith("data/")
    }
    assert metadata["license"] == ["unstated"] and "url" not in metadata
    assert json.loads(json.dumps(metadata)) == metadata


def test_markup_in_labels_stays_text(hostile):  # noqa: F811
    card = dataset_card(hostile)
    body = card.split(MARK)[1]
    assert LABEL not in body and "a\\<b onclick='x'\\>\\&\"c" in body
    assert "\\<i\\>mine\\</i\\>" in body
    assert DatasetCard(card).data.to_dict()["license"] == "other"


def test_a_card_somebody_wrote_is_not_replaced(build, tmp_path):
    (tmp_path / "README.md").write_text("# Mine\n")
    with pytest.raises(ManifestError, match="not written by this command"):
        write_card(build, tmp_path)
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    assert not (tmp_path / "croissant.json").exists()
    (tmp_path / "README.md").unlink()
    write_card(build, tmp_path)
    write_card(build, tmp_path)


@pytest.mark.parametrize(
    ("licences", "identifier"),
    [
        (["Apache-2.0"], "apache-2.0"),
        (["GPL-3.0-only"], "gpl-3.0"),
        (["ODC-By-1.0"], "odc-by"),
        (["CC-BY-SA-4.0"], "cc-by-sa-4.0"),
        (["unstated"], "unknown"),
        (["MIT", "CC0-1.0"], "other"),
        (["LicenseRef-WMT18-research"], "other"),
        ([], "other"),
    ],
)
def test_licences_as_the_hub_knows_them(licences, identifier):
    assert hub_licence(licences) == identifier


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (2_000_000, "1M<n<10M"),
        (10**12, "n>1T"),
    ],
)
def test_size_categories(rows, words):
    assert size_category(rows) == words


def test_languages_are_iso_codes_of_more_than_a_few_rows():
    labels = {"zh-en": 500, "zh": 300, "zh-Hant": 100, "lzh": 95, "und": 90, "sv": 1}
    found = languages({k: {"rows": v, "characters": v} for k, v in labels.items()})
    assert found == ["zh", "en", "lzh"]
