"""The pages say what the code does: keys, links, and two READMEs in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

import curate.measure
import curate.measure.pair
import curate.rewrite
from curate.contamination.options import Contamination, EvaluationFiles
from curate.dedup.options import ExactDedup, NearDedup
from curate.measure.base import Measure
from curate.measure.pair.base import PairMeasure
from curate.recipe import Dedup, Languages, Limit, Output, Recipe, Source, read
from curate.rewrite.base import Rewrite
from curate.rewrite.privacy import MASKS, column
from curate.step import discovered
from tests.conftest import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
)


@pytest.mark.parametrize("model", [Contamination, EvaluationFiles])
def test_every_key_of_contamination_is_documented(model: type[BaseModel]):
    page = (ROOT / "docs/contamination.md").read_text()
    assert [name for name in model.model_fields if f"`{name}`" not in page] == []


def test_every_kind_of_personal_data_is_documented():
    page = (ROOT / "docs/privacy.md").read_text()
    for kind, (mask, _) in MASKS.items():
        assert f"| `{kind}` | `{column(kind)}` |" in page and f"`{mask}`" in page


@pytest.mark.parametrize(
    "model", [Recipe, Source, Limit, Languages, Dedup, ExactDedup, NearDedup, Output]
)
def test_every_recipe_key_is_documented(model: type[BaseModel]):
    page = (ROOT / "docs/recipe.md").read_text()
    missing = [name for name in model.model_fields if f"`{name}`" not in page]
    assert not missing


def test_every_rewrite_is_on_the_cleaning_page():
    page = (ROOT / "docs/cleaning/README.md").read_text()
    found = discovered(curate.rewrite, Rewrite)
    rows = re.findall(r"^\| (\d+) \| `(\w+)`", page, re.MULTILINE)
    assert rows == [(str(kind.order), name) for name, kind in found.items()]


def test_every_measure_column_is_documented():
    pages = "".join(path.read_text() for path in (ROOT / "docs").rglob("*.md"))
    kinds = [
        *discovered(curate.measure, Measure).values(),
        *discovered(curate.measure.pair, PairMeasure).values(),
    ]
    columns = [c for kind in kinds for c in kind.columns]
    assert [c for c in columns if f"`{c}`" not in pages] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_two_readmes_give_the_same_commands():
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```(?:sh|yaml)\n(.*?)```", (ROOT / name).read_text(), re.DOTALL)
        return [re.sub(r"#.*", "", line).strip() for block in blocks for line in block.splitlines()]

    assert commands("README.md") == commands("README.zh-CN.md")


@pytest.mark.parametrize("name", ["sample", "corpus", "web"])
def test_ready_recipes_are_valid(name: str):
    assert read(ROOT / "recipes" / f"{name}.yaml").name == name
