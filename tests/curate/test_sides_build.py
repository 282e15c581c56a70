"""Equal sides in a whole build: the ledger, the counts, the bytes, and builds that ask for none."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curate.build import Build, Options
from curate.errors import RecipeError
from curate.recipe import parsed
from manifests.diff import explanations
from manifests.funnel import funnels
from manifests.opened import OpenedBuild, open_build
from manifests.trace import trace
from manifests.verify import problems
from tests.curate.corpus import fingerprints, sentence, write_corpus
from tests.manifests.builds import copied, edited

RECIPE = """
name: mixed
language: false
quality: {{length_z: {{min: -1000, max: 1000}}}}
sources:
  - {{name: wmt18, label: talks, path: {root}/talks, priority: 40}}
  - {{name: wmt18, label: news, path: {root}/news.jsonl, priority: 60}}
  - {{name: jsonl, label: web, path: {root}/web}}
"""
SIDES = "dedup: {sides: {zh: best, en: first}}\n"

NEWS = [
    ("镇上的图书馆上个月重新开放了。", "The bridge was closed."),
    (
        "桥修好了，渡口也开了。大家都很高兴。",
        "The bridge is repaired, and the ferry runs again, too.",
    ),
    ("谢谢。", "Thanks."),
]
TALKS = [
    ("镇上的图书馆上个月重新开放了。", "The library in the town opened again last month."),
    ("船又开了，桥也能走了，真好。", "The bridge is repaired, and the ferry runs again, too."),
    ("谢谢。", "Thank you."),
]


def _write(path: Path, pairs: list[tuple[str, str]]) -> None:
    lines = [json.dumps({"zh": zh, "en": en}, ensure_ascii=False) for zh, en in pairs]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write(root: Path) -> None:
    """A few pairs by hand, many made ones that repeat sides, and documents."""
    write_corpus(root / "web", files=2)
    _write(root / "news.jsonl", NEWS)
    _write(root / "talks" / "hand.jsonl", TALKS)
    for number in range(3):
        made = [
            (sentence(i % 17), f"Here is what the {i % 23} people of the town said {i % 5} times.")
            for i in range(number, 90, 2)
        ]
        _write(root / "talks" / f"made-{number}.jsonl", made)


def built(root: Path, out: Path, extra: str = SIDES, workers: int = 1) -> OpenedBuild:
    options = Options(out, workers=workers)
    return open_build(Build(parsed(RECIPE.format(root=root) + extra), options).run().folder)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> OpenedBuild:
    root = tmp_path_factory.mktemp("sides")
    write(root)
    return built(root, root / "out")


def rows(build: OpenedBuild) -> dict[str, dict]:
    return {
        row["id"]: row for path in build.ledger_files for row in pq.read_table(path).to_pylist()
    }


def test_the_ledger_says_which_row_was_kept_and_why(build: OpenedBuild) -> None:
    ledger = rows(build)
    talks, news = (f"{name}#{{:09d}}".format for name in ("talks/hand.jsonl", "news/news.jsonl"))
    lost = ledger[news(1)]
    assert (lost["status"], lost["stage"], lost["reason"]) == ("dropped", "sides", "same_zh")
    assert lost["duplicate_of"] == talks(1) and lost["similarity"] == 1.0
    assert ledger[talks(1)]["pair_score"] > lost["pair_score"]
    lost = ledger[talks(2)]
    assert (lost["stage"], lost["reason"], lost["duplicate_of"]) == ("sides", "same_en", news(2))
    assert ledger[talks(3)]["status"] == ledger[news(3)]["status"] == "kept"
    for row in ledger.values():
        if row["stage"] == "sides":
            assert ledger[row["duplicate_of"]]["status"] == "kept"


def test_of_equal_sides_one_is_kept_unless_others_went_for_it(build: OpenedBuild) -> None:
    with build.connection() as database:
        kept = database.execute("SELECT id, text FROM data WHERE lang = 'zh-en'").fetchall()
    stands = {row["duplicate_of"] for row in rows(build).values()}
    for side in (0, 1):
        groups: dict[str, list[str]] = {}
        for row_id, text in kept:
            groups.setdefault(text.split("\n")[side], []).append(row_id)
        several = {text: ids for text, ids in groups.items() if len(ids) > 1}
        assert all(set(ids) <= stands for text, ids in several.items() if len(text) > 12)


def test_it_adds_up(build: OpenedBuild) -> None:
    assert problems(build.folder) == []
    reasons = build.manifest["sources"]["talks"]["counts"]["reasons"]["sides"]
    assert set(reasons) == {"same_zh", "same_en"} and min(reasons.values()) > 0
    assert build.manifest["sources"]["web"]["counts"]["reasons"].get("sides") is None
    funnel = funnels(build)["talks"]
    assert list(funnel.lost)[-1] == "sides" and funnel.lost["sides"].rows == sum(reasons.values())
    assert funnel.kept == funnel.left("sides") != funnel.left("near")
    life = trace(build, "news/news.jsonl#000000001")
    assert life["duplicate_of"]["text"].startswith("镇上的图书馆")


def test_verify_counts_them_among_the_duplicates(build, tmp_path) -> None:
    folder = copied(build, tmp_path / "copy")

    def change(manifest: dict) -> None:
        manifest["sources"]["talks"]["counts"]["reasons"]["sides"]["same_zh"] += 1

    edited(folder, change)
    assert any("duplicates" in problem for problem in problems(folder))


def test_any_number_of_workers_gives_the_same_bytes(build: OpenedBuild, tmp_path: Path) -> None:
    root = build.folder.parent.parent
    other = built(root, tmp_path, workers=3)
    assert fingerprints(other.folder) == fingerprints(build.folder)


def test_the_way_there_changes_nothing(build: OpenedBuild, tmp_path: Path) -> None:
    """From a build that keeps equal sides, and from one that chooses otherwise."""
    root = build.folder.parent.parent
    built(root, tmp_path, "")
    refined = {p.name for p in (tmp_path / "mixed" / ".work" / "refine").iterdir()}
    built(root, tmp_path, "dedup: {sides: {zh: first, en: all}}\n")
    hashed = {p.name for p in (tmp_path / "mixed" / ".work" / "refine").iterdir()}
    assert len(refined & hashed) == 1  # the documents, in one partition
    again = built(root, tmp_path)
    assert hashed == {p.name for p in (tmp_path / "mixed" / ".work" / "refine").iterdir()}
    assert fingerprints(again.folder) == fingerprints(build.folder)


def test_alone_it_needs_no_other_deduplication(build: OpenedBuild, tmp_path: Path) -> None:
    root = build.folder.parent.parent
    alone = built(root, tmp_path, "dedup: {exact: false, near: false, sides: true}\n")
    assert problems(alone.folder) == []
    assert {row["stage"] for row in rows(alone).values()} == {None, "ingest", "sides"}


def test_a_build_that_does_not_ask_is_what_it_was(build: OpenedBuild, tmp_path: Path) -> None:
    root = build.folder.parent.parent
    usual = built(root, tmp_path, "")
    assert set(usual.manifest["recipe"]["dedup"]) == {"exact", "near"}
    assert "sides" not in funnels(usual)["talks"].lost
    off = built(root, tmp_path / "off", "dedup: {sides: false}\n")
    assert fingerprints(off.folder) == fingerprints(usual.folder)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("dedup: {sides: true}\nmeasure: {pair_score: false}\n", "`best` needs .*`pair_score`"),
        ("dedup: {sides: {zh: all, en: all}}\n", "all of both sides stay"),
        ("dedup: {sides: {zh: longest}}\n", "dedup.sides.zh"),
        ("dedup: {sides: {zh_chars: 3}}\n", "did you mean 'zh_characters'"),
    ],
)
def test_what_cannot_be_meant_is_said(extra: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parsed(RECIPE.format(root=".") + extra)
    first = "dedup: {sides: {zh: first, en: first}}\nmeasure: {pair_score: false}\n"
    assert parsed(RECIPE.format(root=".") + first).dedup.sides is not None


def test_a_diff_explains_them_by_the_section_of_deduplication() -> None:
    differences = [{"key": "recipe.dedup.sides.zh"}, {"key": "recipe.quality.length_z.max"}]
    for reason in ("same_zh", "same_en"):
        found = explanations("lost", "kept", reason, "talks", differences)
        assert found == ["recipe.dedup.sides.zh"]
