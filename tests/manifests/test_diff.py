"""What two builds differ in, row by row, and what explains it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curate.build import Build, Options
from curate.recipe import parsed
from manifests.diff import compared, explanations
from manifests.opened import OpenedBuild, open_build
from tests.curate.corpus import sentence

BASE = """
name: {name}
sources:
  - {{name: jsonl, label: web, path: web.jsonl}}
  - {{name: text, label: books, path: books.txt, licence: {licence}}}
quality: {{characters: {{min: {least}}}}}
licences: {{non_commercial: {commercial}}}
rewrite: {{spaces: {spaces}}}
"""


def built(
    folder: Path, name: str, web: list[str], books: list[str], **options: object
) -> OpenedBuild:
    values = {"licence": "MIT", "least": 1, "commercial": "allow", "spaces": "true", **options}
    lines = [json.dumps({"text": text}, ensure_ascii=False) for text in web]
    (folder / "web.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "books.txt").write_text("\n".join(books) + "\n")
    recipe = parsed(BASE.format(name=name, **values))
    result = Build(recipe, Options(out=folder / "out", workers=1, recipe_folder=folder)).run()
    return open_build(result.folder)


WEB = [sentence(i) for i in range(6)]
BOOKS = [sentence(100 + i) for i in range(4)]


def groups(result: dict) -> dict[tuple[str, str, str, str], int]:
    return {(g["kind"], g["source"], g["before"], g["after"]): g["rows"] for g in result["groups"]}


def because(result: dict) -> dict[str, list[str]]:
    return {g["kind"]: g["because"] for g in result["groups"]}


def test_equal_builds_are_equal(tmp_path):
    a = built(tmp_path, "a", WEB, BOOKS)
    b = built(tmp_path, "b", WEB, BOOKS)
    result = compared(a, b)
    assert result["equal"] is True and result["differences"] == []
    assert result["rows"] == {
        **dict.fromkeys(("gained", "lost", "changed", "moved", "new", "gone"), 0),
        "same": 10,
    }


def test_a_tighter_limit_explains_what_was_lost_and_a_looser_one_what_was_gained(tmp_path):
    web = ["短文一则", *WEB]
    a = built(tmp_path, "a", web, BOOKS)
    b = built(tmp_path, "b", web, BOOKS, least=10)
    result = compared(a, b)
    assert groups(result) == {("lost", "web", "kept", "quality.characters.min"): 1}
    assert because(result) == {"lost": ["recipe.quality.characters.min"]}
    assert result["differences"] == [{"key": "recipe.quality.characters.min", "a": 1.0, "b": 10.0}]
    [example] = result["examples"]
    assert (example["text_a"], example["text_b"]) == ("短文一则", None)
    back = compared(b, a)
    assert groups(back) == {("gained", "web", "quality.characters.min", "kept"): 1}
    assert back["examples"][0]["text_b"] == "短文一则"


def test_a_rewrite_switched_off_changes_texts(tmp_path):
    web = ["他说　　　好的，明天　　　见" + WEB[0], *WEB[1:]]
    a = built(tmp_path, "a", web, BOOKS)
    b = built(tmp_path, "b", web, BOOKS, spaces="false")
    result = compared(a, b)
    assert groups(result) == {("changed", "web", "kept", "kept"): 1}
    assert all(key.startswith("sources.web.steps.spaces") for key in because(result)["changed"])
    [example] = result["examples"]
    assert example["text_a"] != example["text_b"]
    assert "　　" in example["text_b"]


def test_rows_that_only_one_build_read(tmp_path):
    a = built(tmp_path, "a", WEB, BOOKS)
    # One more row, and a copy of one: read now, and lost as a duplicate.
    b = built(tmp_path, "b", [*WEB, sentence(50), WEB[2]], BOOKS)
    result = compared(a, b)
    assert groups(result) == {
        ("gained", "web", "not read", "kept"): 1,
        ("new", "web", "not read", "exact_duplicate"): 1,
    }
    assert because(result)["gained"] == ["sources.web.inputs.web.jsonl"]
    assert groups(compared(b, a)) == {
        ("lost", "web", "kept", "not read"): 1,
        ("gone", "web", "exact_duplicate", "not read"): 1,
    }


def test_a_refused_licence_frees_what_it_displaced(tmp_path):
    books = [*BOOKS, WEB[0]]  # `books` comes first: its row stays, that of `web` goes.
    a = built(tmp_path, "a", WEB, books, licence="CC-BY-NC-4.0")
    b = built(tmp_path, "b", WEB, books, licence="CC-BY-NC-4.0", commercial="deny")
    result = compared(a, b)
    assert groups(result) == {
        ("gained", "web", "exact_duplicate", "kept"): 1,
        ("lost", "books", "kept", "licence"): 5,
    }
    assert because(result) == {
        "gained": ["other rows that it duplicates came or went"],
        "lost": ["recipe.licences.non_commercial"],
    }


def test_out_for_another_reason_is_moved(tmp_path):
    web = ["短文一则", "短文一则", *WEB]
    a = built(tmp_path, "a", web, BOOKS)
    b = built(tmp_path, "b", web, BOOKS, least=10)
    assert groups(compared(a, b)) == {
        ("lost", "web", "kept", "quality.characters.min"): 1,
        ("moved", "web", "exact_duplicate", "quality.characters.min"): 1,
    }


def test_little_memory_gives_the_same(tmp_path):
    a = built(tmp_path, "a", WEB, BOOKS)
    b = built(tmp_path, "b", WEB, BOOKS[:2], least=70)
    assert compared(a, b, memory_mb=64) == compared(a, b)
    assert compared(a, b, examples=0)["examples"] == []
    assert compared(a, b, examples=0)["rows"] == compared(a, b)["rows"]


@pytest.mark.parametrize(
    ("kind", "before", "after", "keys"),
    [
        ("lost", "kept", "language.zh", ["measures.language.version", "recipe.language.zh"]),
        ("lost", "kept", "near_duplicate", ["recipe.dedup.near.threshold"]),
        ("lost", "kept", "privacy.phone", ["measures.language.version"]),
        ("changed", "kept", "kept", ["libraries"]),
        ("gained", "exact_duplicate", "kept", ["recipe.dedup.near.threshold"]),
    ],
)
def test_only_keys_that_may_explain_it_are_named(kind, before, after, keys):
    differences = [
        {"key": key, "a": 1, "b": 2}
        for key in (
            "recipe.dedup.near.threshold",
            "recipe.language.zh",
            "recipe.quality.characters.min",
            "measures.language.version",
            "sources.other.inputs.x",
        )
    ]
    assert explanations(kind, before, after, "web", differences) == keys


def test_what_went_for_a_person_is_not_shown(tmp_path, monkeypatch):
    web = ["短文一则", *WEB]
    a = built(tmp_path, "a", web, BOOKS)
    b = built(tmp_path, "b", web, BOOKS, least=10)
    monkeypatch.setattr("manifests.texts.HIDDEN_STAGES", ("quality",))
    assert compared(a, b)["examples"][0]["text_a"] is None
