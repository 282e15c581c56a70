"""What two questions must have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.substance import PARTICLES, substance_hashes
from curate.textbatch import TextBatch
from tests.curate.dedup import reference


def same(*texts: str) -> bool:
    hashes = substance_hashes(TextBatch.from_strings(texts))
    return len(set(hashes.tolist())) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("请解释光合作用的过程。", "解释光合作用过程"),
        ("您认为成功最重要的品质是什么？", "你认为成功最重要的品质是什么"),
        ("用这5个词写故事：老师，迷宫", "用这 5 个词写故事：老师、迷宫"),
        ("边长：14，3，15", "边长：14、3、15。"),
        ("小说《边城》是谁写的？", "小说“边城”是谁写的"),
        ("Ｗｅｂ 1.0 的特点", "web 1.0特点"),
    ],
)
def test_marks_and_particles_make_no_other_question(one, other):
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3加4是多少", "3加5是多少"),
        ("三加四是多少", "三加五是多少"),
        ("请介绍一下傅雷的生平和他的主要译作", "请介绍一下彭泽的生平和他的主要译作"),
        ("为《活鬼胎》写一段故事梗概", "为《指挥家》写一段故事梗概"),
        ("把中文翻译成英文", "把英文翻译成中文"),
        ("我喜欢你的理由", "我不喜欢你的理由"),
        ("狗咬了人吗", "人咬了狗吗"),
        ("1.5米是多少", "15米是多少"),
        ("数列 1，2，3 的下一项", "数列 12，3 的下一项"),
        ("计算 4*(2+3)", "计算 4*2+3"),
        ("计算 -3 的平方", "计算 3 的平方"),
        ("x < 3 的解", "x > 3 的解"),
        ("名词是 the cat", "名词是 thecat"),
        ("给下面的话加上标点：天气好我们出去", "给下面的话加上标点：天气好，我们出去"),
        ("改正病句：他的的书", "改正病句：他的书"),
        ("Correct the grammar: it's late", "Correct the grammar: its late"),
    ],
)
def test_everything_else_does(one, other):
    assert not same(one, other)


def slow(text: str) -> str:
    """The rule as the documentation words it, for texts that are not about form."""
    form = reference.normal(text)
    joins = lambda c: reference.is_content(c) and reference.parted(c)  # noqa: E731
    kept = []
    for i, c in enumerate(form):
        if c in PARTICLES:
            continue
        if c in "，、；,;。！？：!?.:“”《》'\"":
            around = form[i - 1 : i] + form[i + 1 : i + 2]
            if not (0 < i < len(form) - 1 and all(map(joins, around))):
                continue
            c = "," if c in "，、；,;" else c
        kept.append(c)
    return "".join(kept)


@given(st.lists(st.text("的了请你天地12aB ，、。.：-（+", max_size=8), min_size=2, max_size=8))
def test_against_a_slow_version(texts):
    hashes = substance_hashes(TextBatch.from_strings(texts)).tolist()
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            assert (hashes[i] == hashes[j]) == (slow(one) == slow(other)), (one, other)
