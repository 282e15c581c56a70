"""Questions that are nearly the same, whatever the answers."""

from __future__ import annotations

import pytest

from curate.errors import RecipeError
from manifests.verify import problems
from tests.curate.corpus import sentence
from tests.curate.instructions.builds import built, ledger, recipe, row, write

ASKED = "dedup: {questions: {}}"
LONG = "我们城市的图书馆在周末什么时候开门，借书又需要办理哪些手续？"
AGAIN = "请问我们城市图书馆在周末什么时候开门，借书又需要办理哪些手续"


def fates(result) -> dict[int, tuple[object, object]]:
    return {r["row"]: (r["reason"], r["duplicate_of"]) for r in ledger(result).values()}


def name(number: int) -> str:
    return f"own/a.jsonl#{number:09d}"


def test_nearly_the_same_question_goes_only_when_asked_for(tmp_path):
    write(tmp_path / "in/a.jsonl", [row(LONG, sentence(1)), row(AGAIN[2:], sentence(2))])
    kept = built(tmp_path / "out", recipe(tmp_path / "in"))
    assert fates(kept) == {1: (None, None), 2: (None, None)}
    result = built(tmp_path / "out2", recipe(tmp_path / "in", ASKED))
    assert fates(result) == {1: (None, None), 2: ("near_question", name(1))}
    lost = ledger(result)[name(2)]
    assert lost["stage"] == "near" and 0.5 <= lost["similarity"] < 1
    assert problems(result.folder) == []


def test_the_policy_for_answers_says_which_stays(tmp_path):
    long = sentence(2) + sentence(3)
    write(tmp_path / "in/a.jsonl", [row(LONG, sentence(1)), row(AGAIN[2:], long)])
    best = recipe(tmp_path / "in", "dedup: {questions: {}, answers: keep_best}")
    result = built(tmp_path / "out", best)
    assert fates(result) == {1: ("near_question", name(2)), 2: (None, None)}


def test_priority_comes_before_the_policy(tmp_path):
    write(tmp_path / "a/a.jsonl", [row(LONG, sentence(1))])
    write(tmp_path / "b/a.jsonl", [row(AGAIN[2:], "短。")])
    sources = [
        f"{{name: instructions, label: {n}, path: {tmp_path / n}, priority: {p}}}"
        for n, p in (("a", 40), ("b", 60))
    ]
    result = built(tmp_path / "out", recipe(tmp_path, ASKED, *sources))
    assert {i: r["reason"] for i, r in ledger(result).items()} == {
        "a/a.jsonl#000000001": "near_question",
        "b/a.jsonl#000000001": None,
    }


@pytest.mark.parametrize(
    "asked",
    [
        ["3加4是多少", "3加5是多少", "三加四是多少", "三加五是多少", "3减4是多少"],
        [
            f"小明的书架上有{n}本书，送给小红五本以后，他一共还剩下多少本书呢？"
            for n in range(20, 40)
        ],
        [f"我为网站写简介，你能写一段《{t}》的内容简介吗？像别的电影页一样。" for t in "山水云月"],
        [f"请介绍一下翻译家{n}的生平、主要译作和他对中国读者的影响。" for n in ("傅雷", "杨绛")],
        ["把这段话从中文翻译成英文，再检查一遍。", "把这段话从英文翻译成中文，再检查一遍。"],
        [
            f"How many apples does {n} have after giving away three of seven?"
            for n in ("Tom", "Ann")
        ],
    ],
)
def test_other_content_is_another_question(tmp_path, asked):
    """Templates around numbers, names and titles, alike as they may be."""
    answers = ["Four.", "It is four."] if asked[0].isascii() else map(sentence, range(99))
    rows = [row(question, answer) for question, answer in zip(asked, answers, strict=False)]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in", ASKED))
    assert {reason for reason, _ in fates(result).values()} == {None}


def test_wording_that_many_rows_share_does_not_make_questions_alike(tmp_path):
    """Without substance, likeness decides: the prompt must not count, the content must."""
    prompt = (
        "阅读下面的句子，判断它更适合写在书信里还是说给朋友听，并用一句话说明主要的理由。\n句子："
    )
    rows = [row(prompt + sentence(i), sentence(1000 + i)) for i in range(150)]
    rows.append(row("换一个问法：" + sentence(7) + "啊", sentence(2000)))
    write(tmp_path / "in/a.jsonl", rows)
    extra = "dedup: {questions: {threshold: 0.8, substance: false}}"
    found = fates(built(tmp_path / "out", recipe(tmp_path / "in", extra)))
    assert {n: fate for n, fate in found.items() if fate[0]} == {151: ("near_question", name(8))}
    # With substance the two ask something else.
    found = fates(built(tmp_path / "out2", recipe(tmp_path / "in", ASKED)))
    assert {reason for reason, _ in found.values()} == {None}


def test_what_was_said_before_is_part_of_the_question(tmp_path):
    before = [sentence(11), "好"], [sentence(12), "好"]
    rows = [row(LONG, sentence(1), history=[before[0]]), row(AGAIN[2:], "二", history=[before[1]])]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(tmp_path / "out", recipe(tmp_path / "in", ASKED))
    assert {reason for reason, _ in fates(result).values()} == {None}


def test_nothing_goes_for_a_row_that_goes_itself(tmp_path):
    """One is like another as a whole, and that one like a third in its question."""
    answer = sentence(5) + sentence(6)
    rows = [
        row(LONG, "短的回答。"),  # 1: best for nobody
        row(LONG.replace("？", "呢？"), answer),  # 2: the same question as 1, whole as 3
        row(sentence(9)[:12] + LONG, answer + sentence(7)[:6]),
    ]
    write(tmp_path / "in/a.jsonl", rows)
    result = built(
        tmp_path / "out", recipe(tmp_path / "in", "dedup: {questions: {}, near: {threshold: 0.6}}")
    )
    found = fates(result)
    kept = {name(n) for n, (reason, _) in found.items() if reason is None}
    assert all(other in kept for _, other in found.values() if other)
    assert found[2] == ("near_question", name(1))
    assert found[3] == (None, None)  # its like is gone, and 1 is not like it


def test_all_answers_and_one_answer_are_not_asked_for_at_once(tmp_path):
    with pytest.raises(RecipeError, match="keep_all"):
        recipe(tmp_path, "dedup: {questions: {}, answers: keep_all}")
