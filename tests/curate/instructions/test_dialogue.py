"""Dialogues taken apart: every format there and back, and texts that must stay whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.instructions.dialogue import (
    GENERAL,
    INLINE,
    REASONS,
    STYLES,
    Dialogue,
    Problem,
    Turn,
    folded,
    messages_turns,
    pairs_turns,
    unfolded,
)

WORDS = st.sampled_from(
    ["你好", "User", "Assistant", "Human 说", "用户：", "“User: x”", "答案", "第二行\n", "\n\n",
     "# 标题", "\u3000\u3000缩进", "a:b", "`x`", "<s", "[Round", "甲：乙：", "。"]
)  # fmt: skip
SPOKEN = (
    st.lists(WORDS, min_size=1, max_size=5)
    .map(" ".join)
    .map(lambda text: text.strip(" \t\r\n"))
    .filter(str.strip)
)


@st.composite
def dialogues(draw: st.DrawFn, system: bool = True) -> Dialogue:
    texts = draw(st.lists(SPOKEN, min_size=2, max_size=8).filter(lambda t: len(t) % 2 == 0))
    history = list(zip(texts[:-2:2], texts[1:-2:2], strict=True))
    return Dialogue(
        texts[-2], texts[-1], history, draw(st.sampled_from(["", "守规矩"])) if system else ""
    )


def turns_of(dialogue: Dialogue) -> list[tuple[str, str]]:
    turns = [("system", dialogue.system)] if dialogue.system else []
    for user, assistant in [*dialogue.history, (dialogue.instruction, dialogue.output)]:
        turns += [("user", user), ("assistant", assistant)]
    return turns


def labelled(dialogue: Dialogue, user: str, assistant: str, system: str, space: str) -> str:
    """All but the last answer, which follows the cue."""
    names = {"user": user, "assistant": assistant, "system": system}
    lines = [f"{names[role]}:{space}{text}" for role, text in turns_of(dialogue)[:-1]]
    return "\n".join([*lines, f"{assistant}:"])


@pytest.mark.parametrize(
    ("style", "words"),
    [
        ("human_assistant", ("Human", "Assistant", "System")),
        ("user_assistant", ("User", "Assistant", "System")),
        ("user_bot", ("User", "Bot", "System")),
        ("用户_助手", ("用户", "助手", "系统")),
    ],
)
@given(dialogue=dialogues(), space=st.sampled_from(["", " "]))
def test_labels_at_lines(style: str, words: tuple[str, str, str], dialogue, space) -> None:
    text = labelled(dialogue, *words, space)
    # A turn that itself has a label at the beginning of a line is not what is asked for here.
    if any(line.startswith("用户：") for _, t in turns_of(dialogue) for line in t.splitlines()):
        return
    assert unfolded(text, "", dialogue.output, [STYLES[style]], True) == (STYLES[style], dialogue)
    assert unfolded(text, "", dialogue.output, GENERAL) == (STYLES[style], dialogue)


@given(dialogue=dialogues(system=False))
def test_s_tags(dialogue: Dialogue) -> None:
    text = "".join(
        f"<s>{r.title().replace('User', 'Human')}: {t}\n</s>" for r, t in turns_of(dialogue)
    )
    assert unfolded(text, "", "", GENERAL) == (STYLES["s_tags"], dialogue)


@given(dialogue=dialogues(system=False))
def test_moss(dialogue: Dialogue) -> None:
    marks = {"user": ("<|Human|>", "<eoh>"), "assistant": ("<|MOSS|>", "<eom>")}
    text = "".join(f"{marks[r][0]}: {t}{marks[r][1]}\n" for r, t in turns_of(dialogue))
    assert unfolded(text, "", "", GENERAL) == (STYLES["moss"], dialogue)


@given(dialogue=dialogues())
def test_chatml(dialogue: Dialogue) -> None:
    text = "\n".join(f"<|im_start|>{r}\n{t}<|im_end|>" for r, t in turns_of(dialogue))
    assert unfolded(text, "", "", GENERAL) == (STYLES["chatml"], dialogue)


@given(dialogue=dialogues(system=False), closed=st.booleans())
def test_rounds(dialogue: Dialogue, closed: bool) -> None:
    pairs = [*dialogue.history, (dialogue.instruction, dialogue.output)]
    text = "\n".join(f"[Round {n}]\n问：{q}\n答：{a}" for n, (q, a) in enumerate(pairs, 1))
    if closed:
        assert unfolded(text, "", "", GENERAL) == (STYLES["rounds"], dialogue)
    else:
        cut = text[: len(text) - len(dialogue.output)]
        assert unfolded(cut, "", dialogue.output, GENERAL) == (STYLES["rounds"], dialogue)


@given(dialogue=dialogues(system=False))
def test_inline(dialogue: Dialogue) -> None:
    parts = [f"{r.title()}:{t}" for r, t in turns_of(dialogue)[:-2]]
    last = f"User: {dialogue.instruction}"
    found = unfolded(" ".join(parts), last, dialogue.output, [INLINE], True)
    assert found == (INLINE, dialogue)


@given(dialogue=dialogues(), keys=st.sampled_from([("role", "content"), ("from", "value")]))
def test_lists(dialogue: Dialogue, keys: tuple[str, str]) -> None:
    messages = [dict(zip(keys, turn, strict=True)) for turn in turns_of(dialogue)]
    turns = messages_turns(messages)
    assert isinstance(turns, list)
    assert folded(turns) == dialogue
    pairs = [*dialogue.history, (dialogue.instruction, dialogue.output)]
    for written in ([list(p) for p in pairs], [{"human": q, "assistant": a} for q, a in pairs]):
        turns = pairs_turns(written)
        assert isinstance(turns, list)
        assert folded(turns) == dialogue._replace(system="")


@pytest.mark.parametrize(
    "text",
    [
        "续写剧本。\n甲：你来了。\n乙：我来了。",
        "甲：你来了。\n乙：我来了。\n甲：",
        "日志里的 User: 和 Assistant: 是什么意思？",
        "解释这段代码：\nHuman: 一\nAssistant: 二",
        "Q: 一加一？\nA: 二\nQ: 二加二？",
        "问：一加一？\n答：二",
        "Username: admin\nAssistant: bot",
        "```\nHuman: 一\nAssistant: 二\n```",
        "“Human: 你好”，他说。",
        "<span>Human</span>",
        "",
    ],
)
def test_texts_that_only_speak_of_turns_are_not_looked_at(text: str) -> None:
    assert unfolded(text, "", "好", GENERAL) is None


@pytest.mark.parametrize(
    ("instruction", "input", "output", "reason"),
    [
        ("User: 是标签，Assistant: 也是。", "", "对", "one_sided"),
        ("Human: 一", "", "甲", "one_sided"),
        ("Human: 一\nHuman: 二\nAssistant: 甲\nHuman: 三", "", "乙", "two_user_turns"),
        ("Human: 一\nAssistant: 甲\n接着写", "", "乙", "two_assistant_turns"),
        ("Human: 一\nAssistant: 甲\nAssistant: 乙\nHuman: 二", "", "丙", "two_assistant_turns"),
        ("Assistant: 甲\nHuman: 一", "", "乙", "starts_with_assistant"),
        ("Human: 一\nAssistant:\nHuman: 二", "", "乙", "empty_turn"),
        ("Human:\nAssistant: 甲\nHuman: 二", "", "乙", "empty_turn"),
        ("Human: 一\nAssistant: 甲\nHuman: 二", "别的", "乙", "text_after_turns"),
        ("System: 一\nSystem: 二\nHuman: 三\nAssistant:", "", "乙", "misplaced_system"),
        ("Human: 一\nSystem: 二\nAssistant: 三\nHuman: 四", "", "乙", "misplaced_system"),
        ("<s>Human: 一\n</s>别的<s>Assistant: 二\n</s>", "", "", "unclosed_turn"),
        ("<|Human|>: 一<eoh>二<eoh>\n<|MOSS|>: 三<eom>", "", "", "unclosed_turn"),
    ],
)
def test_what_does_not_alternate_stays_whole(instruction, input, output, reason) -> None:
    found = unfolded(instruction, input, output, GENERAL)
    assert found is not None
    assert isinstance(found[1], Problem)
    assert found[1].reason == reason
    assert reason in REASONS


def test_labels_in_fenced_code_are_code() -> None:
    code = "看：\n```\nHuman: x\nAssistant: y\n```"
    found = unfolded(f"Human: {code}\nAssistant: 好\nHuman: 二\nAssistant:", "", "乙", GENERAL)
    assert found is not None
    assert found[1] == Dialogue("二", "乙", [(code, "好")], "")


def test_quoted_labels_within_a_line_are_no_turns() -> None:
    found = unfolded("User:“User:”是什么？ Assistant:标签。", "User:谢谢", "不客气", [INLINE], True)
    assert found == (INLINE, Dialogue("谢谢", "不客气", [("“User:”是什么？", "标签。")], ""))


def test_an_answer_with_its_own_marker() -> None:
    found = unfolded("Human: 一", "", "Assistant: 甲", GENERAL, certain=True)
    assert found == (STYLES["human_assistant"], Dialogue("一", "甲", [], ""))


def test_the_last_answer_may_be_empty_and_no_other_turn() -> None:
    assert folded([Turn("user", "一"), Turn("assistant", "")]) == Dialogue("一", "", [], "")
    problem = folded([Turn("user", " "), Turn("assistant", "甲")])
    assert isinstance(problem, Problem)
    assert problem.reason == "empty_turn"


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([], "no_turns"),
        ([Turn("system", "只有")], "no_turns"),
        ([Turn("user", "一")], "unfinished"),
        ([Turn("assistant", "甲"), Turn("user", "一")], "starts_with_assistant"),
    ],
)
def test_turns_that_are_no_dialogue(turns, reason) -> None:
    problem = folded(turns)
    assert isinstance(problem, Problem)
    assert problem.reason == reason
