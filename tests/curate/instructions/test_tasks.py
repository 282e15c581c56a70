"""Papers and pairs as tasks: every template asks for what its answer is, and shows none of it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
import yaml

from curate.errors import CurateError
from curate.instructions.tasks import FOLDER, Task, TaskSet, read_tasks, ready_tasks, task_rows
from curate.rows import INSTRUCTION, PAIR, PAPER

PAPERS, TRANSLATION = ready_tasks("papers"), ready_tasks("translation")
RECORDS = {
    "paper": {
        "title": "⟦甲⟧", "abstract": "⟦乙⟧", "keywords": "⟦丙⟧_⟦丁⟧",
        "discipline": "⟦戊⟧", "category": "⟦己⟧",
    },
    "pair": {"zh": "⟦庚⟧", "en": "⟦辛⟧"},
}  # fmt: skip
SHOWN = {
    "title": "⟦甲⟧", "abstract": "⟦乙⟧", "keywords": "⟦丙⟧，⟦丁⟧",
    "discipline": "⟦戊⟧", "category": "⟦己⟧",
    "zh": "⟦庚⟧", "en": "⟦辛⟧",
}  # fmt: skip
LABEL = {
    "title": "标题",
    "abstract": "摘要",
    "keywords": "关键词",
    "discipline": "学科",
    "category": "门类",
}
# What the words of a wording mean, written apart from the templates; longer words first.
MEANING = {
    "学科门类": "category", "关键词": "keywords", "标题": "title", "题目": "title", "题名": "title",
    "摘要": "abstract", "门类": "category", "学科": "discipline", "中文": "zh", "汉语": "zh",
    "Chinese": "zh", "英文": "en", "英语": "en", "English": "en",
}  # fmt: skip
ANSWERS = {
    "title": ["title"], "abstract": ["abstract"], "keywords": ["keywords"],
    "discipline": ["discipline"], "category": ["category"],
    "title_keywords": ["title", "keywords"], "abstract_keywords": ["abstract", "keywords"],
    "discipline_category": ["discipline", "category"],
}  # fmt: skip


def records(kind: str, count: int, **changes: Any) -> pa.Table:
    row_type = {"paper": PAPER, "pair": PAIR}[kind]
    values = [{"row": i + 1, **RECORDS[kind], **changes} for i in range(count)]
    return pa.Table.from_pylist(values, schema=row_type.schema)


def ids(count: int) -> list[str]:
    return [f"csl/papers.tsv#{i + 1}" for i in range(count)]


def meanings(text: str) -> list[str]:
    found = []
    while text:
        word = next((w for w in MEANING if text.startswith(w)), None)
        if word:
            found.append(MEANING[word])
        text = text[len(word or "x") :]
    return found


ALL = [
    (tasks, name, number)
    for tasks in (PAPERS, TRANSLATION)
    for name, task in tasks.tasks.items()
    for number in range(len(task.wordings))
]


@pytest.mark.parametrize(("tasks", "name", "number"), ALL, ids=[f"{n}-{w}" for _, n, w in ALL])
def test_the_answer_is_what_is_asked_for(tasks: TaskSet, name: str, number: int) -> None:
    """By the task's own name, by the words of the wording, and by what comes out."""
    made = task_rows(records(tasks.rows, 64), ids(64), tasks, only=[name])
    rows = [r for r in made.rows.to_pylist() if json.loads(r["meta"])["wording"] == number]
    assert rows, "64 ids draw every wording"
    assert all(json.loads(row["meta"])["task"] == name for row in rows)
    [[instruction, input, output]] = {(r["instruction"], r["input"], r["output"]) for r in rows}
    asked, given = name.split("_from_") if "_from_" in name else reversed(name.split("_to_"))
    answer = ANSWERS.get(asked, [asked])
    texts = [SHOWN[field] for field in answer]
    labelled = [f"{LABEL.get(f)}：{t}" for f, t in zip(answer, texts, strict=True)]
    assert output == (texts[0] if len(texts) == 1 else "\n".join(labelled))
    prompt = f"{instruction}\n{input}"
    assert not any(text in prompt for text in texts)
    shown = [field for field in RECORDS[tasks.rows] if SHOWN[field] in prompt]
    assert sorted(shown) == sorted(given.split("_"))
    assert "{" not in prompt + output and "[" not in prompt + output and "_" not in prompt + output
    # In the order of the words: first what is given, if it is spoken of, then what is asked for.
    template = tasks.tasks[name].wordings[number]
    assert instruction.startswith(template.plain.split("{")[0])
    marked = [meanings(word) for word in template.asked]
    assert marked == [[field] for field in answer]
    assert set(meanings(template.unasked.replace("{", "｛"))) <= set(given.split("_"))


def test_there_are_enough_of_them() -> None:
    assert len(PAPERS.tasks) >= 16
    assert set(TRANSLATION.tasks) == {"zh_to_en", "en_to_zh"}
    for tasks in (PAPERS, TRANSLATION):
        for name, task in tasks.tasks.items():
            assert len({w.plain for w in task.wordings}) == len(task.wordings) >= 3, name
    # Both directions, where there are two.
    for one, other in [("title", "abstract"), ("title", "keywords"), ("abstract", "keywords")]:
        assert {f"{one}_from_{other}", f"{other}_from_{one}"} <= set(PAPERS.tasks)


def test_choices_depend_on_the_id_alone() -> None:
    whole = task_rows(records("paper", 400), ids(400), PAPERS, per_record=2)
    assert whole.rows.schema == INSTRUCTION.schema
    assert whole.origin.tolist() == sorted([*range(400), *range(400)])
    assert whole.rows.column("row").to_pylist() == [int(i) + 1 for i in whole.origin]
    part = task_rows(records("paper", 400).slice(100, 50), ids(400)[100:150], PAPERS, per_record=2)
    assert part.rows.to_pylist() == whole.rows.slice(200, 100).to_pylist()
    pairs = [tuple(json.loads(m)["task"] for m in whole.rows["meta"].to_pylist()[i : i + 2])
             for i in range(0, 800, 2)]  # fmt: skip
    assert all(a != b for a, b in pairs)
    drawn = Counter(task for pair in pairs for task in pair)
    # 800 draws over 22 tasks: 36 each, within five standard deviations.
    assert set(drawn) == set(PAPERS.tasks)
    assert all(10 <= count <= 65 for count in drawn.values())


def test_golden_choices() -> None:
    """Pinned, since they decide what a build holds: another choice is another corpus."""
    made = task_rows(records("paper", 3), ids(3), PAPERS)
    assert made.rows["meta"].to_pylist() == [
        '{"task":"discipline_from_title","wording":1}',
        '{"task":"title_from_discipline_keywords","wording":1}',
        '{"task":"discipline_from_abstract","wording":2}',
    ]


def test_a_record_becomes_only_tasks_it_has_fields_for() -> None:
    made = task_rows(records("paper", 40, keywords="", abstract=" "), ids(40), PAPERS, 50)
    names = {json.loads(meta)["task"] for meta in made.rows["meta"].to_pylist()}
    assert names == {"discipline_from_title", "category_from_title", "category_from_discipline"}
    assert len(made.origin) == 3 * 40
    nothing = task_rows(records("paper", 2, title=""), ids(2), PAPERS, only=["title_from_keywords"])
    assert nothing.rows.num_rows == len(nothing.origin) == 0


def test_what_the_record_says_stays_in_meta() -> None:
    made = task_rows(records("pair", 1, meta='{"corpus":"x"}'), ids(1), TRANSLATION)
    assert json.loads(made.rows["meta"][0].as_py()) == {
        "task": json.loads(made.rows["meta"][0].as_py())["task"],
        "wording": json.loads(made.rows["meta"][0].as_py())["wording"],
        "corpus": "x",
    }
    bare = task_rows(records("pair", 1, meta="{}"), ids(1), TRANSLATION)
    assert set(json.loads(bare.rows["meta"][0].as_py())) == {"task", "wording"}


def test_texts_with_braces_are_only_texts() -> None:
    made = task_rows(records("pair", 1, zh="{en} [x]"), ids(1), TRANSLATION, only=["en_to_zh"])
    assert made.rows["output"].to_pylist() == ["{en} [x]"]


def test_a_task_that_is_none() -> None:
    with pytest.raises(ValueError, match="no task 'x'; there are zh_to_en, en_to_zh"):
        task_rows(records("pair", 1), ids(1), TRANSLATION, only=["x"])


@pytest.mark.parametrize(
    ("answer", "given", "wording", "problem"),
    [
        ("abstract", "title", "根据标题写[关键词]。", r"asks for \[\['keywords'\]\]"),
        ("keywords", "title", "根据标题写[摘要]。", "asks for"),
        ("title", "abstract", {"instruction": "{title}\n写[标题]。", "input": "{abstract}"},
         "shows the answer"),
        ("title", "abstract", {"instruction": "{keywords}\n写[标题]。"}, "the prompt shows"),
        ("title", "abstract", "写标题。", "asks for"),
        ("title", "abstract", "根据关键词写[标题]。", "speaks of"),
        ("category", "title", "属于哪个[学科]？", "asks for"),
    ],
)  # fmt: skip
def test_wordings_that_ask_for_something_else_are_refused(
    tmp_path, answer, given, wording, problem
) -> None:
    """As an upstream script did, which gave keywords for the answer to "write an abstract"."""
    value = yaml.safe_load((FOLDER / "papers.yaml").read_text("utf-8"))
    good = Task(given=(given,), answer=(answer,), wordings=("a", "b")).model_dump(mode="json")
    value["tasks"] = {"new": {**good, "wordings": [wording, wording]}}
    path = tmp_path / "papers.yaml"
    path.write_text(yaml.safe_dump(value), "utf-8")
    with pytest.raises(CurateError, match=problem) as raised:
        read_tasks(path)
    assert "new, wording 1" in str(raised.value)


def test_template_files_that_are_none(tmp_path) -> None:
    with pytest.raises(CurateError, match="there is no template file"):
        read_tasks(tmp_path / "x.yaml")
    path = tmp_path / "y.yaml"
    path.write_text("rows: [", "utf-8")
    with pytest.raises(CurateError, match="not valid YAML"):
        read_tasks(path)
