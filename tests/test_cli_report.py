"""`curate manifest whatif | diff | report | card` and `curate schema` as a person meets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curate.build import Build, Options
from curate.cli_manifest import app
from curate.cli_schema import app as schema_app
from curate.errors import CurateError
from curate.recipe import read
from manifests.seal import write_sealed
from tests.curate.corpus import built
from tests.manifests.builds import small_build
from tests.manifests.test_schema import OLDER


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_build(tmp_path_factory.mktemp("cli")).folder


def answered(*arguments: str | Path) -> str:
    """Standard output of a command that must succeed, run in this process."""
    done = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(*arguments: str | Path) -> str:
    """Exit code and the one sentence of a command that must fail."""
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert isinstance(done.exception, CurateError), done.exception
    assert done.stdout == "" and "\n" not in str(done.exception)
    return f"{done.exception.exit_code} {done.exception}"


def test_failures_reach_the_terminal_as_one_sentence(tmp_path):
    command = [sys.executable, "-m", "curate", "manifest", "report", "nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith("curate: nowhere does not exist; ")


def test_whatif_tells_what_goes_with_texts(build):
    page = answered("whatif", build, "--set", "quality.characters.min=80")
    assert "quality.characters.min" in page and "characters=" in page and "(min 80)" in page
    assert "Newly dropped, by reason" in page
    found = json.loads(answered("whatif", build, "--set", "quality.characters.min=80", "--json"))
    assert found["kept"] + found["newly_dropped"] == found["kept_before"]
    assert found["newly_dropped"] > 0 and all(e["text"] for e in found["examples"])
    assert found["limits"]["quality"]["characters"]["min"] == 80


def test_whatif_says_what_it_cannot_know(build):
    found = json.loads(answered("whatif", build, "--set", "language=false", "--json"))
    assert found["returns"] == 6 and not found["exact"]
    assert "never compared" in found["cannot_know"][0]
    assert {e["text"][:9] for e in found["examples"]} == {"The ferry"}
    shutil.copytree(build, build.parent / "bare", ignore=shutil.ignore_patterns(".work"))
    page = answered("whatif", build.parent / "bare", "--set", "language=false")
    assert "(text not at hand)" in page and "come back" in page


def test_a_saved_recipe_builds_what_was_predicted(build, tmp_path):
    saved = tmp_path / "elsewhere" / "stricter.yaml"
    arguments = ("--set", "quality.han_ratio.min=0.7", "--set", "language.keep=zh")
    found = json.loads(answered("whatif", build, *arguments, "--save", saved, "--json"))
    recipe = read(saved)
    assert recipe.quality["han_ratio"].min == 0.7
    assert recipe.language is not None and recipe.language.keep == ("zh",)
    options = Options(out=tmp_path / "out", workers=1, recipe_folder=saved.parent)
    result = Build(recipe, options).run()
    assert found["exact"] and sum(a.kept for a in result.accounts.values()) == found["kept"]


def test_diff_names_keys_and_rows(build, tmp_path):
    other = built(build.parents[1] / "in", tmp_path, extra="quality: {characters: {min: 80}}\n")
    page = answered("diff", build, other.folder)
    assert "recipe.quality.characters.min" in page and "lost" in page
    found = json.loads(answered("diff", build, other.folder, "--json"))
    assert found["rows"]["lost"] > 0 == found["rows"]["gained"]
    whatif = json.loads(answered("whatif", build, "--set", "quality.characters.min=80", "--json"))
    assert whatif["newly_dropped"] == found["rows"]["lost"]
    assert "made alike" in answered("diff", build, build)


def test_report_and_card_are_written_where_asked(build, tmp_path):
    page = answered("report", build, "--out", tmp_path / "page.html")
    assert "page.html" in page and (tmp_path / "page.html").read_text().startswith(
        "<!doctype html>"
    )
    found = json.loads(answered("report", build, "--out", tmp_path / "b.html", "--json"))
    assert found["bytes"] == (tmp_path / "b.html").stat().st_size
    found = json.loads(answered("card", build, "--out", tmp_path, "--json"))
    assert Path(found["card"]).exists() and Path(found["croissant"]).exists()


def test_a_report_and_a_card_in_the_folder_do_not_make_it_damaged(build):
    answered("report", build)
    answered("card", build)
    assert (build / "report.html").exists() and (build / "README.md").exists()
    assert json.loads(answered("verify", build, "--json"))["ok"]


@pytest.mark.parametrize("name", sorted(path.name for path in OLDER.iterdir()))
def test_builds_of_older_versions_answer_too(name, build, tmp_path):
    found = json.loads(
        answered("whatif", OLDER / name, "--set", "quality.characters.min=80", "--json")
    )
    assert found["newly_dropped"] > 0
    assert json.loads(answered("diff", OLDER / name, build, "--json"))["rows"]["gained"] > 0
    page = tmp_path / "page.html"
    answered("report", OLDER / name, "--out", page)
    assert "CC-BY-4.0" in page.read_text()
    answered("card", OLDER / name, "--out", tmp_path)
    assert "license: cc-by-4.0" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize("name", ["manifest", "ledger"])
def test_schemas_are_printed(name):
    done = CliRunner().invoke(schema_app, [name])
    assert json.loads(done.stdout)["$id"].startswith(f"urn:curate-zh:{name}:")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("whatif", "{build}", "--set", "dedup.near.threshold=0.5"), "2 --set dedup"),
        (("whatif", "{build}", "--set", "quality.han_ration.min=1"), "did you mean 'han_ratio'"),
        (("whatif", "nowhere", "--set", "language=false"), "does not exist"),
        (("diff", "{build}", "nowhere"), "does not exist"),
        (("report", "."), "has no manifest.json"),
        (("card", "{build}", "--out", "taken"), "was not written by this command"),
    ],
)
def test_bad_input_is_one_sentence(build, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "README.md").write_text("# Mine\n")
    assert words in refused(*(a.format(build=build) for a in arguments))


@pytest.mark.parametrize("command", ["whatif", "report", "card", "diff"])
def test_damaged_and_newer_builds_are_refused(build, tmp_path, command):
    def ask(folder: Path) -> str:
        extra = {"whatif": ["--set", "language=false"], "diff": [str(build)]}.get(command, [])
        return refused(command, folder, *extra)

    ignored = shutil.ignore_patterns(".work", "README.md", "croissant.json", "report.html")
    for name in ("cut", "newer", "missing", "strange"):
        shutil.copytree(build, tmp_path / name, ignore=ignored)
    manifest = json.loads((build / "manifest.json").read_bytes())
    (tmp_path / "cut/manifest.json").write_bytes((build / "manifest.json").read_bytes()[:2000])
    write_sealed(tmp_path / "newer/manifest.json", {**manifest, "schema_version": 99})
    (tmp_path / "missing/ledger/00000.parquet").unlink()
    write_sealed(tmp_path / "strange/manifest.json", {**manifest, "sources": []})
    assert "cut short or damaged" in ask(tmp_path / "cut")
    assert "update curate" in ask(tmp_path / "newer")
    assert "is missing" in ask(tmp_path / "missing")
    assert "curate schema manifest" in ask(tmp_path / "strange")
