"""A whole instruction build: accounts, tasks, duplicates, mixture, files to train from."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.build import Options
from curate.cli_build import sample_recipe
from curate.errors import RecipeError
from curate.instructions.build import InstructionBuild
from curate.instructions.recipe import InstructionRecipe
from curate.instructions.schema import checked_file
from curate.measure.instruction.base import InstructionMeasure
from curate.recipe import parsed, read
from curate.storage import read_json
from manifests.verify import problems
from tests.curate.corpus import fingerprints, sentence
from tests.curate.instructions.builds import (
    built,
    data,
    different,
    ledger,
    lines,
    recipe,
    row,
    write,
)


def sample(out: Path, workers: int = 1) -> Path:
    """The folder of the sample's build."""
    path = sample_recipe("sample-instructions.yaml")
    options = Options(out=out, workers=workers, recipe_folder=path.parent)
    return InstructionBuild(read(path, InstructionRecipe), options).run().folder


@pytest.fixture(scope="module")
def sample_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample(tmp_path_factory.mktemp("sample"))


def test_every_row_of_the_sample_is_accounted_for(sample_folder):
    """Law 1, and everything that `curate manifest verify` looks at."""
    assert problems(sample_folder) == []
    manifest = read_json(sample_folder / "manifest.json")
    assert manifest["kind"] == "instructions"
    reasons = Counter()
    for entry in manifest["sources"].values():
        counts = entry["counts"]
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"] > 0
        for by_reason in counts["reasons"].values():
            reasons.update(by_reason)
    # Every defect planted is on record.
    assert set(reasons) >= {
        *("truncated", "missing_field", "not_text", "not_turns", "repeated_key", "unlabelled"),
        *("starts_with_assistant", "two_user_turns", "unfinished"),
        *(
            "empty_output",
            "echoed_output",
            "self_identified",
            "exact_duplicate",
            "near_duplicate",
            "cap_rows",
        ),
    }


def test_same_bytes_whatever_the_workers(sample_folder, tmp_path):
    assert fingerprints(sample(tmp_path, workers=2)) == fingerprints(sample_folder)


def test_resumed_from_any_part_of_what_was_done(sample_folder, tmp_path):
    """Intermediates and outputs of an earlier run may be there or not."""
    reference = fingerprints(sample_folder)
    folder = sample(tmp_path)
    chance = random.Random(3)
    for _ in range(3):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
        for path in chance.sample(files, len(files) // 3):
            path.unlink()
        assert fingerprints(sample(tmp_path)) == reference


def test_killed_and_resumed(sample_folder, tmp_path):
    command = [sys.executable, "-m", "curate", "build", "instructions", "--workers", "2"]
    for wait in (2.5, 4.0, 6.0):
        process = subprocess.Popen(
            [*command, "--out", str(tmp_path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(wait)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert fingerprints(sample(tmp_path)) == fingerprints(sample_folder)


def test_what_a_killed_build_was_writing_is_removed(sample_folder):
    before = fingerprints(sample_folder)
    (sample_folder / ".valid.jsonl.32295.partial").write_text("{")
    assert fingerprints(sample(sample_folder.parent)) == before


def test_nothing_is_done_twice(sample_folder):
    before = fingerprints(sample_folder)
    path = sample_recipe("sample-instructions.yaml")
    options = Options(out=sample_folder.parent, recipe_folder=path.parent)
    again = InstructionBuild(read(path, InstructionRecipe), options).run()
    assert again.clock == {}
    assert fingerprints(sample_folder) == before


def test_training_files_have_the_kept_rows_in_the_published_schema(sample_folder):
    kept = {(r["instruction"], r["input"], r["output"]): r["split"] for r in data_of(sample_folder)}
    found = {}
    for split in ("train", "valid"):
        assert checked_file(sample_folder / f"{split}.jsonl").ok
        rows = lines(sample_folder / f"{split}.jsonl")
        found |= {(r["instruction"], r["input"], r["output"]): split for r in rows}
        talks = lines(sample_folder / f"{split}.messages.jsonl")
        shared = lines(sample_folder / f"{split}.sharegpt.jsonl")
        for r, talk, other in zip(rows, talks, shared, strict=True):
            said = [t for turn in r["history"] for t in turn]
            said += ["\n".join(t for t in (r["instruction"], r["input"]) if t), r["output"]]
            messages = talk["messages"]
            assert [m["content"] for m in messages if m["role"] != "system"] == said
            assert [m["value"] for m in other["conversations"]] == said
            assert other["system"] == r["system"]
            roles = [m["role"] for m in messages]
            assert roles == ["system"] * bool(r["system"]) + ["user", "assistant"] * (
                len(said) // 2
            )
    assert found == kept
    assert checked_file(next((sample_folder / "data").glob("*.parquet"))).ok


def data_of(folder: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder / "data").to_pylist()
    return rows


def test_code_tables_and_json_come_through(sample_folder):
    answers = "\n\n".join(str(r["output"]) for r in data_of(sample_folder))
    assert "```python\ndef first(n):\n    # " in answers
    assert "\n    return [" in answers
    assert '{"name": "' in answers
    assert "|---|---|\n| " in answers


def test_tasks_of_a_record_have_ids_of_their_own(sample_folder):
    ids = [str(r["id"]) for r in data_of(sample_folder) if r["source"] == "csl"]
    assert "csl/papers.parquet#000000001" in ids
    assert "csl/papers.parquet#000000001.02" in ids
    both = {r["id"]: r for r in pq.read_table(sample_folder / "ledger").to_pylist()}
    # Row 4 is row 3 again: each of its tasks goes for one of the same number, not for each other.
    for part in ("", ".02"):
        lost = both[f"csl/papers.parquet#000000004{part}"]
        assert lost["duplicate_of"] == f"csl/papers.parquet#000000003{part}"


def test_a_record_without_fields_for_a_task_is_on_record(tmp_path):
    keys = ("title", "abstract", "keywords", "discipline", "category")
    papers = [dict.fromkeys(keys, ""), {**dict.fromkeys(keys, ""), "title": "题", "abstract": "文"}]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.Table.from_pylist(papers), tmp_path / "in/p.parquet")
    asked = recipe(tmp_path, "", f"{{name: csl, path: {tmp_path}/in}}")
    rows = ledger(built(tmp_path / "out", asked))
    assert rows["csl/p.parquet#000000002"]["status"] == "kept"
    assert rows["csl/p.parquet#000000001"]["status"] != "kept"


# Duplicates


def fates(result) -> dict[int, object]:
    return {r["row"]: r["duplicate_of"] for r in ledger(result).values()}


def test_the_same_question_twice_keeps_the_first_answer(tmp_path):
    asked, answers = sentence(1), [sentence(2), sentence(3) + "多说一句。"]
    write(tmp_path / "in/a.jsonl", [row(asked, answer) for answer in answers])
    result = built(tmp_path / "out", recipe(tmp_path / "in"))
    assert fates(result) == {1: None, 2: "own/a.jsonl#000000001"}


def test_the_same_question_twice_keeps_the_longest_answer(tmp_path):
    asked, answers = sentence(1), [sentence(2), sentence(3) + sentence(4)]
    write(tmp_path / "in/a.jsonl", [row(asked, answer) for answer in answers])
    result = built(tmp_path / "out", recipe(tmp_path / "in", "dedup: {answers: keep_best}"))
    assert fates(result) == {1: "own/a.jsonl#000000002", 2: None}


def test_all_answers_are_kept_and_on_one_side_of_the_split(tmp_path):
    rows = [row(sentence(q), sentence(1_000 * (q + 1) + a)) for q in range(40) for a in range(3)]
    rows.append(dict(rows[0]))
    write(tmp_path / "in/a.jsonl", rows)
    extra = "dedup: {answers: keep_all}\nmixture: {valid: 0.5}"
    result = built(tmp_path / "out", recipe(tmp_path / "in", extra))
    assert [i for i, other in fates(result).items() if other] == [121]
    sides: dict[str, set[str]] = {}
    for r in data(result):
        sides.setdefault(r["instruction"], set()).add(r["split"])
    assert {len(side) for side in sides.values()} == {1}
    assert {s for side in sides.values() for s in side} == {"train", "valid"}


def test_what_was_said_before_makes_another_question(tmp_path):
    again = {"instruction": "为什么？", "input": ""}
    rows = [
        {**again, "output": sentence(1), "history": [[sentence(11), "好"]]},
        {**again, "output": sentence(2), "history": [[sentence(12), "好"]]},
        {**again, "output": sentence(3), "history": [[sentence(11), "不好"]]},
    ]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in"))
    assert fates(result) == {1: None, 2: None, 3: "own/a.jsonl#000000001"}


def test_question_split_otherwise_is_the_same_question(tmp_path):
    rows = [
        row("翻译", sentence(1), "山"),
        row("翻译\n山", sentence(2)),
        row("", sentence(3), "翻译\n山"),
    ]
    write(tmp_path / "in/a.jsonl", rows)
    assert len(data(built(tmp_path / "out", recipe(tmp_path / "in")))) == 1


def test_who_asks_for_traditional_characters_gets_them(tmp_path):
    asked = [
        row("翻译成繁体中文：体重", "體重，我的電郵是zhang@mail.com.cn"),
        row("這是什麼？", "一個蘋果。"),
        row("继续", "再見，臺灣。", history=[["請用繁體字回答", "好的，沒問題。"]]),
        row("给我一张简繁对照表。", "| 体 | 體 |\n| 湾 | 灣 |"),
    ]
    write(tmp_path / "in" / "a.jsonl", asked)
    result = built(tmp_path / "out", recipe(tmp_path / "in"))
    found = [(r["instruction"], r["output"]) for r in sorted(data(result), key=lambda r: r["id"])]
    assert found == [
        ("翻译成繁体中文：体重", "體重，我的電郵是<邮箱>"),
        ("这是什么？", "一个苹果。"),
        ("继续", "再見，臺灣。"),
        ("给我一张简繁对照表。", "| 体 | 體 |\n| 湾 | 灣 |"),
    ]
    rows = ledger(result)
    assert [r["privacy_email"] for r in rows.values()] == [1, 0, 0, 0]
    scripts = [("script" in (r["rewrites"] or [])) for r in rows.values()]
    assert scripts == [False, True, False, False]


def test_priority_across_sources(tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name / "x.jsonl", [row(sentence(1), name * 3)])
    sources = [
        f"{{name: instructions, label: {n}, path: {tmp_path / n}, priority: {p}}}"
        for n, p in (("a", 40), ("b", 60))
    ]
    [kept] = data(built(tmp_path / "out", recipe(tmp_path, "", *sources)))
    assert kept["source"] == "b"


def test_a_priority_changed_later_changes_the_data(tmp_path):
    """What was written is written anew when other rows are duplicates, though no row changed."""
    for name in ("a", "b"):
        write(tmp_path / name / "x.jsonl", [row(sentence(1), name * 3), *different(3)])
    for order in ((40, 60), (60, 40)):
        sources = [
            f"{{name: instructions, label: {n}, path: {tmp_path / n}, priority: {p}}}"
            for n, p in zip("ab", order, strict=True)
        ]
        asked = recipe(tmp_path, "", *sources)
        same, fresh = built(tmp_path / "out", asked), built(tmp_path / f"{order}", asked)
        assert fingerprints(same.folder) == fingerprints(fresh.folder)


def test_wording_that_many_rows_share_is_no_likeness(tmp_path):
    """Long prompts around short contents: alike to the letter, and yet other questions."""
    template = (
        "阅读下面的词语，判断它更适合用在书面语里还是口语里，并说明你这样判断的主要理由是什么。\n"
        "请先想一想这个词语常见的搭配，再给出最后的判断，不要超过二十个字，也不要重复题目里已经说过的话。\n词语："
    )
    rows = [row(template + sentence(i)[:5], "书面语") for i in range(150)]
    write(tmp_path / "in/a.jsonl", rows)
    assert len(data(built(tmp_path / "out", recipe(tmp_path / "in")))) == 150
    # Fewer rows than make a template are alike; labels of other words are other rows all the same.
    write(tmp_path / "few/a.jsonl", rows[:20])
    assert len(data(built(tmp_path / "out2", recipe(tmp_path / "few")))) == 20
    by_likeness = recipe(tmp_path / "few", "dedup: {near: {substance: false}}")
    assert len(data(built(tmp_path / "out3", by_likeness))) < 20


def test_near_rows_of_other_numbers_or_answers_stay(tmp_path):
    method = "".join(sentence(i) for i in range(4))
    rows = [
        row("为3个人做一顿晚饭", method),
        row("为5个人做一顿晚饭", method),
        row("给3个人做一顿晚饭", method),
    ]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in"))
    lost = {r["row"]: r["duplicate_of"] for r in ledger(result).values() if r["reason"]}
    assert lost == {3: "own/a.jsonl#000000001"}
    # Rows that stay apart are on one side of training and validation all the same.
    halves = recipe(tmp_path / "in", "mixture: {valid: 0.5}")
    assert len({r["split"] for r in data(built(tmp_path / "out2", halves))}) == 1
    assert problems(result.folder) == []


def test_near_duplicates_are_alike_in_question_and_answer(tmp_path):
    asked, answer = sentence(1), sentence(2)
    rows = [row(asked, answer), row(asked + "呢", answer + "了"), row(asked + "吗", sentence(3))]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in"))
    assert list(fates(result).values()) == ["own/a.jsonl#000000002", None, None]
    assert ledger(result)["own/a.jsonl#000000001"]["stage"] == "near"


def test_a_long_system_text_is_no_likeness(tmp_path):
    system = "".join(sentence(i) for i in range(5))
    rows = [row(sentence(10 + i), sentence(20 + i)[:30], system=system) for i in range(5)]
    write(tmp_path / "in/a.jsonl", rows)
    assert len(data(built(tmp_path / "out", recipe(tmp_path / "in")))) == 5


def test_answers_in_other_languages_stay_unless_languages_are_named(tmp_path):
    french = "Nous avons mangé hier soir dans un petit restaurant près de la rivière, et demain "
    rows = [row("请用法语写一句话。", french + "nous partirons.", input="")]
    write(tmp_path / "in/a.jsonl", rows)
    assert len(data(built(tmp_path / "out", recipe(tmp_path / "in")))) == 1
    named = recipe(tmp_path / "in", "language: {keep: [zh, en]}")
    result = built(tmp_path / "out2", named)
    assert result.accounts["own"].reasons == {"decide": {"language": 1}}


# Mixture


def test_caps_and_budget_leave_rows_on_record(tmp_path):
    write(tmp_path / "a/x.jsonl", different(60))
    write(tmp_path / "b/x.jsonl", different(60, 100))
    write(tmp_path / "c/x.jsonl", different(6, 200))
    sources = [
        f"{{name: instructions, label: a, path: {tmp_path / 'a'}, cap: {{rows: 40}}}}",
        f"{{name: instructions, label: b, path: {tmp_path / 'b'}, weight: 3}}",
        f"{{name: instructions, label: c, path: {tmp_path / 'c'}}}",
    ]
    result = built(tmp_path / "out", recipe(tmp_path, "mixture: {rows: 50}", *sources))
    counts = Counter(r["source"] for r in data(result))
    # c has fewer than its fifth; the others share what is left by 1 to 3.
    assert counts == {"a": 11, "b": 33, "c": 6}
    assert result.accounts["a"].reasons == {"mixture": {"cap_rows": 20, "budget_rows": 29}}
    assert result.accounts["b"].reasons == {"mixture": {"budget_rows": 27}}
    lost = [r for r in ledger(result).values() if r["reason"] == "cap_rows"]
    assert {(r["stage"], r["limit"]) for r in lost} == {("mixture", "40 rows of the source")}


def test_a_budget_of_characters(tmp_path):
    write(tmp_path / "in/x.jsonl", different(60))
    result = built(tmp_path / "out", recipe(tmp_path / "in", "mixture: {characters: 3000}"))
    kept = [len(r["instruction"]) + len(r["output"]) + 1 for r in data(result)]
    assert 2500 < sum(kept) <= 3000


def test_another_seed_is_another_order_of_the_same_rows(tmp_path):
    write(tmp_path / "in/x.jsonl", different(40))
    orders = []
    for seed in (1, 2):
        extra = f"mixture: {{seed: {seed}, valid: 0}}"
        result = built(tmp_path / str(seed), recipe(tmp_path / "in", extra))
        orders.append([r["instruction"] for r in lines(result.folder / "train.jsonl")])
        assert lines(result.folder / "valid.jsonl") == []
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])
    in_file = [r["instruction"] for r in different(40)]
    assert orders[0] != in_file


def test_parts_of_one_conversation_are_on_one_side(tmp_path):
    rows = []
    for talk in range(40):
        said = [(sentence(talk * 10 + i), sentence(5_000 + talk * 10 + i)) for i in range(3)]
        for end in range(1, 4):
            asked, answer = said[end - 1]
            rows.append(row(asked, answer, history=[list(t) for t in said[: end - 1]]))
    write(tmp_path / "in/x.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in", "mixture: {valid: 0.4}"))
    sides: dict[int, set[str]] = {}
    for r in data(result):
        sides.setdefault((int(r["id"][-9:]) - 1) // 3, set()).add(r["split"])
    assert {len(side) for side in sides.values()} == {1}
    assert len({s for side in sides.values() for s in side}) == 2


# Flags and policies


class Shout(InstructionMeasure):
    """Answers that end with an exclamation mark."""

    name = "shout"
    columns: ClassVar[dict[str, pa.DataType]] = {"shouting": pa.bool_()}
    flags: ClassVar[dict[str, str]] = {"shouting": "shouted"}

    def measure(self, row):
        return {"shouting": row["output"].endswith("！")}


@pytest.mark.parametrize("fate", ["drop", "keep", "tag", None])
def test_a_policy_decides_what_a_flag_means(tmp_path, fate):
    write(tmp_path / "in/x.jsonl", [row(sentence(1), "好！"), row(sentence(2), "好。")])
    extra = "measure: {'tests.curate.instructions.test_build:Shout': true}\n"
    extra += f"policies: {{shouted: {fate}}}" if fate else ""
    result = built(tmp_path / "out", recipe(tmp_path / "in", extra))
    rows = ledger(result)
    assert [r["shouting"] for r in rows.values()] == [True, False]
    first = rows["own/x.jsonl#000000001"]
    assert (first["stage"], first["reason"]) == (
        ("decide", "shouted") if fate == "drop" else (None, None)
    )
    tags = [r["tags"] for r in data(result)]
    assert (
        tags
        == {"drop": [""], "keep": ["", ""], "tag": ["shouted", ""], None: ["shouted", ""]}[fate]
    )
    assert problems(result.folder) == []


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("policies: {refusl: drop}", "policies"),
        ("policies: {x: discard}", "policies"),
        ("mixtur: {}", "mixture"),
        ("mixture: {valid: 1}", "valid"),
        ("dedup: {answers: best}", "answers"),
        ("output: {text: escape}", "text"),
        ("quality: {output_charactrs: {min: 2}}", "output_characters"),
        ("quality: {zh_characters: {min: 2}}", "no measure"),
    ],
)
def test_a_broken_recipe_is_one_sentence(yaml, words):
    with pytest.raises(RecipeError, match=words):
        parsed(f"name: a\nsources: [{{name: belle, path: x}}]\n{yaml}", kind=InstructionRecipe)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{name: text, path: x}", "document"),
        ("{name: csl, path: x, tasks: {only: [titel]}}", "titel"),
        ("{name: csl, path: x, tasks: false}", "tasks"),
        ("{name: belle, path: x, choices: {least: 9}}", "least"),
        ("{name: belle, path: x, weigth: 2}", "weight"),
    ],
)
def test_a_broken_source_is_one_sentence(tmp_path, source, words):
    (tmp_path / "x").write_text("")
    with pytest.raises(RecipeError, match=words):
        asked = parsed(f"name: a\nsources: [{source}]", kind=InstructionRecipe)
        InstructionBuild(asked, Options(out=tmp_path, recipe_folder=tmp_path)).dry_run()


def test_a_corpus_build_sends_instructions_to_the_other_command(tmp_path):
    from curate.build import Build

    write(tmp_path / "x.jsonl", different(1))
    asked = parsed(f"name: a\nsources: [{{name: instructions, path: {tmp_path}}}]")
    with pytest.raises(RecipeError, match="curate build instructions"):
        Build(asked, Options(out=tmp_path / "out")).run()


def test_files_no_longer_asked_for_are_removed(tmp_path):
    write(tmp_path / "in/x.jsonl", different(3))
    built(tmp_path / "out", recipe(tmp_path / "in", "output: {messages: true, sharegpt: true}"))
    result = built(tmp_path / "out", recipe(tmp_path / "in", "output: {jsonl: false}"))
    left = [path.name for path in result.folder.iterdir() if path.is_file()]
    assert sorted(left) == [".lock", "manifest.json", "run.json"]
    assert problems(result.folder) == []


def test_rows_are_found_in_order_of_their_ids(sample_folder):
    ids = [str(r["id"]) for r in data_of(sample_folder)]
    assert all(a < b for a, b in itertools.pairwise(ids))
