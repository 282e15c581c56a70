"""Which rows hold which questions: by hand, against the slow way, planted and clean."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.contamination.compare import scored
from curate.contamination.fold import folded
from curate.contamination.index import BY_NGRAMS, TOO_SHORT, WITH_OPTIONS, Index, built
from curate.contamination.questions import Question
from curate.textbatch import TextBatch
from tests.curate.contamination.reference import content, score

RIVER = Question(
    "t/t#1",
    "t",
    "某流域上游修建水库之后，下游河道冬季的流量比修建之前有所增加，主要原因是____",
    ("水库在冬季放水", "冬季降水增多", "蒸发减弱", "地下水补给增多"),
    0,
)
PHRASES = Question(
    "t/t#2",
    "t",
    "下列各句中，没有语病的一项是（　　）",
    ("他的写作水平明显地提高了", "能否刻苦是成功的关键", "我们要避免不再犯错", "大约三斤左右"),
    0,
)
SHORT = Question("t/t#3", "t", "最长的河流是", ("长江", "黄河干流", "珠江水系", "淮河"), 0)
TINY = Question("t/t#4", "t", "1+1=", ("1", "2", "3", "4"), 1)
NAMED = Question("t/t#5", "t", "编纂那部药物学著作的医家叫什么名字？", ("李时珍",), 0)
EVERY = [RIVER, PHRASES, SHORT, TINY, NAMED]


@pytest.fixture(scope="module")
def index() -> Index:
    return built(EVERY, 10, 10)


def scores(text: str, index: Index) -> dict[str, float]:
    _, units, values = scored(TextBatch.from_strings([text]), index)
    return {
        EVERY[index.first[u]].id[-1]: round(float(v), 2)
        for u, v in zip(units, values, strict=True)
        if v > 0
    }


def test_how_each_question_is_looked_for(index):
    assert index.rule.tolist() == [BY_NGRAMS, BY_NGRAMS, WITH_OPTIONS, TOO_SHORT, BY_NGRAMS]


def test_a_question_fires_however_it_is_written(index):
    import opencc

    text = RIVER.text
    assert scores(text, index) == {"1": 1.0}
    assert scores("".join(f"{c}\n" for c in text), index) == {"1": 1.0}
    assert scores(text.replace("，", " . ").replace("____", "（ ）"), index) == {"1": 1.0}
    assert scores(opencc.OpenCC("s2t").convert(text), index) == {"1": 1.0}
    assert scores("晨雾散去，" * 200 + text + "夜色渐深。" * 200, index) == {"1": 1.0}
    # One character changed in the middle costs that one character: 1 of 34.
    assert scores(text.replace("冬季", "冬天"), index) == {"1": 0.97}
    # The first 17 characters, and the first 11.
    assert scores("某流域上游修建水库之后，下游河道冬季", index) == {"1": 0.5}
    assert scores("那条河某流域上游修建水库之后就干了", index) == {"1": 0.32}


def test_options_alone_prove_nothing(index):
    for question in EVERY:
        assert scores("\n".join(question.options), index) == {}
        assert scores("，".join(question.options) + "。这些都是常见的说法。", index) == {}


def test_a_question_made_of_phrases_needs_its_options(index):
    stem = PHRASES.text
    other = stem + "\nA．今天的天气很好\nB．我们去公园散步\nC．大家都很高兴\nD．回家很晚"
    assert scores(stem, index) == {"2": 0.5}
    assert scores(other, index) == {"2": 0.5}
    full = stem + "\n" + "\n".join(PHRASES.options)
    assert scores(full, index) == {"2": 1.0}
    # So are 25 of the 37 characters of its options without it, but not 15.
    assert scores(stem + "\n" + "\n".join(PHRASES.options[1:]), index) == {"2": 1.0}
    assert scores(stem + "\n" + "\n".join(PHRASES.options[2:]), index) == {"2": 0.5}
    # The answer behind it is enough.
    assert scores(stem + "答：" + PHRASES.options[0], index) == {"2": 1.0}


def test_a_short_question_needs_its_options(index):
    assert scores("世界上最长的河流是哪一条？", index) == {}
    assert scores("最长的河流是（）A.长江 B.黄河干流 C.珠江水系 D.淮河", index) == {"3": 1.0}
    assert scores("最长的河流是尼罗河。" + "水流不息，" * 30 + "长江黄河干流珠江水系", index) == {}


def test_a_question_without_options_counts_alone(index):
    assert scores(NAMED.text, index) == {"5": 1.0}


def test_a_run_that_many_questions_share_is_a_phrase():
    r = random.Random(1)
    animals = ["".join(r.choice("鹤鹿虎狼熊狐猴象牛羊马龙") for _ in range(9)) for _ in range(12)]
    many = [
        Question(
            f"s/s#{i}",
            "s",
            f"在某个动物园里饲养员每天都要喂的{a}",
            ("青草", "树叶", "鲜鱼", "昆虫"),
        )
        for i, a in enumerate(animals)
    ]
    index = built(many, 10, 10)
    text = TextBatch.from_strings(["在某个动物园里饲养员每天都要喂的东西很多", many[3].text])
    rows, units, values = scored(text, index)
    assert rows.tolist() == [1] and units.tolist() == [3] and values.tolist() == [1.0]
    assert int(index.distinctive[3]) < len(content(many[3].text))
    # The same question in many files is one question, not a phrase.
    same = [Question(f"s/{i}#1", "s", RIVER.text, RIVER.options) for i in range(30)]
    index = built(same, 10, 10)
    assert index.unit.tolist() == [0] * 30
    assert scored(TextBatch.from_strings([RIVER.text]), index)[2].tolist() == [1.0]


def test_scattered_pieces_are_no_question(index):
    text = content(RIVER.text)
    far = "山高水长" * 60
    pieces = far.join([text[:12], text[11:23], text[22:]])
    assert scores(pieces, index)["1"] < 0.5


def test_the_form_compared():
    batch = TextBatch.from_strings(["《红楼梦》，第 １２０ 回！", "看著裏麵，乾燥嗎", "Ｃ＃ and b"])
    assert folded(batch).strings() == ["红楼梦第120回", "看着里面干燥吗", "candb"]


def test_no_questions_with_ngrams_or_no_rows():
    index = built([TINY], 10, 10)
    assert scored(TextBatch.from_strings(["1+1=2", ""]), index)[0].tolist() == []
    index = built([RIVER], 10, 10)
    assert scored(TextBatch.from_strings([]), index)[0].tolist() == []


def test_an_index_survives_its_file(index, tmp_path):
    index.write(tmp_path / "index.arrow")
    again = Index.read(tmp_path / "index.arrow")
    batch = TextBatch.from_strings([q.text + "".join(q.options) for q in EVERY])
    for a, b in zip(scored(batch, index), scored(batch, again), strict=True):
        assert a.tolist() == b.tolist()


# Few characters, so that runs repeat, overlap and are shared.
runs = st.text("甲乙丙丁，", min_size=0, max_size=26)
pieces = st.sampled_from(["下列", "正确的是", "甲乙丙丁甲乙丙丁甲乙", "丙丙甲乙丁", "乙丙丁甲乙丙"])
texts = st.lists(runs | pieces, min_size=1, max_size=4).map("".join)
asked = st.builds(
    lambda text, options, answer: (text, tuple(options), min(answer, len(options) - 1)),
    texts,
    st.lists(st.text("甲乙丙丁", min_size=1, max_size=6), max_size=4),
    st.integers(-1, 3),
)


@given(st.lists(asked, min_size=1, max_size=6), st.data())
def test_equals_the_slow_way(given_questions, data):
    every = [Question(f"q/q#{i}", "q", *fields) for i, fields in enumerate(given_questions)]
    rows = data.draw(
        st.lists(
            st.lists(
                texts
                | st.sampled_from(every).map(lambda q: q.text + "，".join(q.options))
                | st.sampled_from(every).map(lambda q: q.text[:15]),
                max_size=4,
            ).map("".join),
            max_size=4,
        )
    )
    common = data.draw(st.sampled_from([1, 2, 10]))
    n = data.draw(st.sampled_from([6, 10]))
    index = built(every, n, common)
    found = {}
    for row, unit, value in zip(*scored(TextBatch.from_strings(rows), index), strict=True):
        found[int(row), int(unit)] = float(value)
    for i, question in enumerate(every):
        for row, text in enumerate(rows):
            first = every[index.first[index.unit[i]]]
            expected = score(first, text, every, n, common)
            got = found.get((row, int(index.unit[i])), 0.0)
            assert got == pytest.approx(expected, abs=1e-6), (question, text)


def test_many_hits_in_one_long_row(index):
    text = (RIVER.text + "\n") * 3000
    assert scores(text, index) == {"1": 1.0}
    assert np.isfinite(scored(TextBatch.from_strings([text]), index)[2]).all()
