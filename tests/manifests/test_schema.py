"""The published schemas fit what builds leave behind, and older builds stay readable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from curate.storage import read_json
from manifests import ledger
from manifests.manifest import VERSION
from manifests.opened import ManifestError, OpenedBuild, open_build
from manifests.schema import LedgerRow, Manifest, checked, ledger_schema, manifest_schema
from manifests.seal import write_sealed
from tests.conftest import ROOT

OLDER = Path(__file__).parent / "older_builds"
SCHEMAS = ROOT / "manifests" / "schemas"


def violations(schema: dict[str, Any], value: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(value)]


@pytest.mark.parametrize(
    ("name", "made"), [("manifest", manifest_schema), ("ledger", ledger_schema)]
)
def test_the_files_are_what_the_models_make(name, made):
    Draft202012Validator.check_schema(made())
    published = read_json(SCHEMAS / f"{name}.json")
    assert published == made(), f"curate schema {name} > manifests/schemas/{name}.json"


def test_a_build_fits_both(build):
    assert violations(manifest_schema(), build.manifest) == []
    rows = [row for path in build.ledger_files for row in pq.read_table(path).to_pylist()]
    assert {row["status"] for row in rows} == {"kept", "dropped", "quarantined"}
    assert [v for row in rows for v in violations(ledger_schema(), row)] == []
    assert checked(build) is build


def test_the_ledgers_columns_are_those_of_the_model():
    assert list(LedgerRow.model_fields) == ledger.COLUMNS.names
    properties = ledger_schema()["properties"]
    for field in ledger.COLUMNS:
        text = json.dumps(properties[field.name])
        assert ("null" in text) == field.nullable, field.name
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        word = {"string": "string", "int64": "integer", "float": "number"}[str(kind)]
        assert word in text or "enum" in text


@pytest.mark.parametrize("name", ["version-1"])
def test_older_builds_stay_readable(name):
    build = checked(open_build(OLDER / name))
    assert build.manifest["schema_version"] == int(name.rpartition("-")[2]) < VERSION
    assert violations(manifest_schema(), build.manifest) == []
    rows = pq.read_table(build.ledger_files[0]).to_pylist()
    assert [v for row in rows for v in violations(ledger_schema(), row)] == []


def changed(build: OpenedBuild, to: Path, **changes: Any) -> Path:
    shutil.copytree(build.folder, to, ignore=shutil.ignore_patterns(".work"))
    write_sealed(to / "manifest.json", {**build.manifest, **changes})
    return to


def test_newer_versions_are_refused_in_a_sentence(build, tmp_path):
    newer = changed(build, tmp_path / "a", schema_version=VERSION + 1)
    with pytest.raises(ManifestError, match="update curate"):
        open_build(newer)
    newer = changed(build, tmp_path / "b", ledger_version=ledger.VERSION + 1)
    with pytest.raises(ManifestError, match="update curate") as error:
        checked(open_build(newer))
    assert "\n" not in str(error.value)


def test_a_key_that_nobody_described_is_refused(build, tmp_path):
    other = changed(build, tmp_path / "a", sauces={})
    assert violations(manifest_schema(), read_json(other / "manifest.json"))
    with pytest.raises(ManifestError, match="curate schema manifest"):
        checked(open_build(other))


def test_a_manifest_of_today_must_say_what_it_may_be_used_for(build):
    manifest = {k: v for k, v in build.manifest.items() if k != "use"}
    assert violations(manifest_schema(), manifest) == ["'use' is a required property"]
    assert violations(manifest_schema(), {**manifest, "schema_version": 1}) == []


GOOD = {
    "id": "a/b#000000001", "source": "a", "file": "b", "row": 1, "status": "kept", "stage": None,
    "reason": None, "measure": None, "limit": None, "duplicate_of": None, "similarity": None,
    "rewrites": "", "bytes": 3, "detail": None, "characters": 1, "lang": "zh", "han_ratio": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"id": "a/b"},
        {"row": 0},
        {"status": "lost"},
        {"status": "dropped"},
        {"reason": "language"},
        {"status": "quarantined", "stage": "near", "reason": "x"},
        {"status": "dropped", "stage": "near", "reason": "near_duplicate"},
        {"duplicate_of": "a/b#000000002", "similarity": 0.9},
        {"similarity": 1.5},
        {"han_ratio": [1]},
    ],
)
def test_a_ledger_row_that_contradicts_itself_does_not_fit(change):
    assert violations(ledger_schema(), GOOD) == []
    assert violations(ledger_schema(), {**GOOD, **change}) != []


def test_every_key_is_on_the_page():
    page = (ROOT / "docs" / "manifest-schema.md").read_text()
    names = set(Manifest.model_fields) | set(LedgerRow.model_fields)
    for model in manifest_schema()["$defs"].values():
        names |= set(model["properties"])
    assert sorted(name for name in names if f"`{name}`" not in page) == []
