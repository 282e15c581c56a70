"""The pages say what the code does: keys, links, and two READMEs in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

import curate.measure
import curate.measure.instruction
import curate.measure.pair
import curate.rewrite
from curate.contamination.options import Contamination, EvaluationFiles
from curate.dedup.options import ExactDedup, NearDedup, QuestionDedup
from curate.instructions.dialogue import REASONS, STYLES
from curate.instructions.recipe import Cap, InstructionDedup, Mixture
from curate.measure.base import Measure
from curate.measure.instruction.base import InstructionMeasure
from curate.measure.pair.base import PairMeasure
from curate.recipe import Dedup, Languages, Licences, Limit, Output, Recipe, Source, read
from curate.rewrite.base import Rewrite
from curate.rewrite.privacy import MASKS, column
from curate.step import discovered
from sources.catalogue import catalogue
from sources.instructionrows import InstructionAdapter
from sources.reading import FileAdapter
from sources.registry import adapters
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
    "model", [Recipe, Source, Limit, Languages, Licences, Dedup, ExactDedup, NearDedup, Output]
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


def test_every_column_and_reason_of_instruction_measures_is_documented():
    page = (ROOT / "docs/instructions-cleaning.md").read_text()
    recipe = (ROOT / "docs/instructions.md").read_text()
    kinds = discovered(curate.measure.instruction, InstructionMeasure).values()
    columns = {c for kind in kinds for c in kind.columns}
    assert sorted(c for c in columns if f"`{c}`" not in page and f"`{c}`" not in recipe) == []
    table = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert {reason for kind in kinds for reason in kind.flags.values()} <= table


@pytest.mark.parametrize("model", [InstructionDedup, QuestionDedup, Mixture, Cap])
def test_every_key_of_instruction_recipes_is_documented(model: type[BaseModel]):
    pages = "".join(
        (ROOT / "docs" / name).read_text() for name in ("instructions.md", "recipe.md", "dedup.md")
    )
    names = list(model.model_fields)
    assert [n for n in names if f"`{n}`" not in pages and f"`dedup.{n}`" not in pages] == []


def test_instruction_sets_and_reasons_are_documented():
    page = (ROOT / "docs/instructions.md").read_text()
    kinds = {n: k for n, k in adapters().items() if issubclass(k, InstructionAdapter)}
    assert [name for name in kinds if f"`{name}`" not in page] == []
    sets = [source.name for source in catalogue().values() if source.kind == "instructions"]
    assert [name for name in sets if f"\n| {name} |" not in page] == []
    options = [o for n in ("instructions", "chat") for o in kinds[n].model_fields]
    shared = set(FileAdapter.model_fields)
    assert [o for o in options if o not in shared and f"`{o}`" not in page] == []
    table = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|$", page, re.MULTILINE))
    for reason, meaning in REASONS.items():
        assert table[reason].startswith(meaning), reason
    assert [style for style in STYLES if f"`{style}`" not in page] == []


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
