"""Deduplication from texts to fates, against a plain all-pairs version of the same rule."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup import candidate, plan
from curate.dedup.deduplicate import Deduplicated, deduplicate
from curate.dedup.options import ExactDedup, NearDedup
from tests.curate.dedup import reference

HAN = "".join(chr(0x4E00 + 7 * i) for i in range(400))


def prose(seed: int, length: int) -> str:
    """A text of characters drawn at random: it resembles no other."""
    draw = random.Random(seed)
    return "".join(draw.choices(HAN, k=length))


def edited(text: str, draw: random.Random) -> str:
    """The text with one thing done to it."""
    at = draw.randrange(len(text) + 1)
    kind = draw.randrange(4)
    if kind == 0:
        return text[:at] + draw.choice(HAN) + text[at:]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    if kind == 2:
        return text[:at] + "，。" + text[at:]
    return text + draw.choice(HAN)


def corpus(
    seed: int, originals: int, variants: int, length: tuple[int, int] = (5, 200)
) -> list[str]:
    """Random texts and chains of edits of them, shuffled."""
    draw = random.Random(seed)
    texts = [prose(1000 * seed + i, draw.randint(*length)) for i in range(originals)]
    for _ in range(variants):
        texts.append(edited(draw.choice(texts), draw))
    draw.shuffle(texts)
    return texts


def fates(result: Deduplicated) -> list[tuple[int, float] | None]:
    return [
        None if kept else (int(of), pytest.approx(float(s)))
        for kept, of, s in zip(result.kept, result.duplicate_of, result.similarity, strict=True)
    ]


def assert_sound(texts: list[str], result: Deduplicated, threshold: float = 0.8) -> None:
    """No false removal: whatever went has a kept row that it truly resembles, and says how much."""
    for i in np.flatnonzero(~result.kept).tolist():
        of = int(result.duplicate_of[i])
        assert result.kept[of]
        if result.exact[i]:
            assert reference.normal(texts[i]) == reference.normal(texts[of])
            assert result.similarity[i] == 1.0
            continue
        true = reference.jaccard(reference.shingle_set(texts[i]), reference.shingle_set(texts[of]))
        assert true >= threshold
        assert result.similarity[i] == pytest.approx(true)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_all_pairs(seed: int) -> None:
    texts = corpus(seed, 150, 350)
    draw = random.Random(seed)
    priorities = [draw.choice([40, 50, 60]) for _ in texts]
    result = deduplicate(texts, priorities)
    assert_sound(texts, result)
    expected = reference.decided(texts, priorities)
    assert sum(fate is not None for fate in expected) > 150
    found = fates(result)
    # Pairs just above the threshold may be missed once in hundreds; all others may not.
    wrong = [i for i in range(len(texts)) if found[i] != expected[i]]
    assert all(expected[i] and expected[i][1] < 0.85 for i in wrong)
    assert len(wrong) <= 2


@settings(max_examples=25)
@given(
    st.lists(st.text("天地玄黄宇宙。 a1", max_size=30), max_size=12),
    st.sampled_from([0.5, 0.8, 1.0]),
    st.booleans(),
)
def test_nothing_goes_without_a_true_duplicate(
    texts: list[str], threshold: float, exact: bool
) -> None:
    near = NearDedup(threshold=threshold)
    result = deduplicate(texts, exact=ExactDedup() if exact else None, near=near)
    assert_sound(texts, result, threshold)


def test_result_does_not_depend_on_how_the_work_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = corpus(5, 100, 250)
    priorities = [50 + (i % 7 == 0) for i in range(len(texts))]
    expected = deduplicate(texts, priorities)
    for rows, bits, shard_bits in ((13, 0, 18), (64, 3, 6), (111, 6, 4), (1000, 12, 9)):
        monkeypatch.setattr(plan, "key_ranges", lambda *_, b=bits: (b, 1 << b))
        for module in (candidate, __import__("curate.dedup.verify", fromlist=["x"])):
            monkeypatch.setattr(module, "SHARD_BITS", shard_bits)
        found = deduplicate(texts, priorities, partition_rows=rows)
        for name in ("kept", "duplicate_of", "similarity", "exact"):
            assert np.array_equal(
                getattr(found, name), getattr(expected, name), equal_nan=name == "similarity"
            )


def test_order_of_the_input_does_not_matter_without_ties() -> None:
    texts = [t for t in corpus(6, 100, 200) if len(t) > 20]
    # A length of its own for every text leaves nothing to the order.
    lengths: set[int] = set()
    distinct = [t for t in texts if len(t) not in lengths and not lengths.add(len(t))]  # type: ignore[func-returns-value]
    expected = deduplicate(distinct)
    order = list(range(len(distinct)))
    random.Random(1).shuffle(order)
    found = deduplicate([distinct[i] for i in order])
    assert (~expected.kept).sum() > 0
    assert [
        bool(found.kept[order.index(i)]) for i in range(len(distinct))
    ] == expected.kept.tolist()


def test_short_texts_never_merge_unless_identical() -> None:
    texts = [
        "好的",
        "好吧",
        "开会。",
        "谢谢",
        "谢谢！",
        "好！",
        "好？",
        "1.5",
        "15",
        "。。",
        "。",
        "不",
    ]
    texts += ["天气很好呀", "天气不好呀", "我要吃苹果", "我要吃香蕉", "床前明月光", "疑是地上霜"]
    assert deduplicate(texts).kept.all()
    twice = deduplicate(texts + texts)
    assert twice.kept.tolist() == [True] * len(texts) + [False] * len(texts)
    assert twice.duplicate_of[len(texts) :].tolist() == list(range(len(texts)))


def test_no_chains() -> None:
    # Each resembles its neighbours at 0.84 and the next but one at 0.73.
    base = prose(1, 200)
    texts = [base[8 * i : 8 * i + 100] for i in range(5)]
    assert reference.jaccard(*(reference.shingle_set(texts[i]) for i in (0, 1))) > 0.8
    assert reference.jaccard(*(reference.shingle_set(texts[i]) for i in (0, 2))) < 0.8
    result = deduplicate(texts)
    assert result.kept.tolist() == [True, False, True, False, True]
    assert result.duplicate_of[[1, 3]].tolist() == [0, 2]


def test_the_kept_one_is_of_higher_priority_then_longer_then_earlier() -> None:
    text = prose(2, 120)
    longer = text + "乙"
    assert deduplicate([text, longer]).kept.tolist() == [False, True]
    assert deduplicate([text, longer], [60, 50]).kept.tolist() == [True, False]
    assert deduplicate([longer, text + "丙"]).kept.tolist() == [True, False]
    assert deduplicate(["中 文", "中  文", "中文"]).kept.tolist() == [False, True, False]
    assert deduplicate(["中文", "中文"], [50, 255]).kept.tolist() == [False, True]


def test_names_the_most_similar_kept_row() -> None:
    base = prose(3, 300)
    far = base[:288] + prose(4, 30)
    near = base[:294] + prose(5, 20)
    result = deduplicate([far, near, base], near=NearDedup(threshold=0.85))
    assert result.kept.tolist() == [True, True, False]
    assert result.duplicate_of[2] == 1


def test_exact_copy_of_a_near_duplicate_names_the_row_that_is_kept() -> None:
    text = prose(6, 100)
    result = deduplicate([text, text + "丁。", text + " "])
    assert result.kept.tolist() == [False, True, False]
    assert result.duplicate_of.tolist() == [1, -1, 1]
    assert result.exact.tolist() == [False, False, False]
    assert result.similarity[0] == result.similarity[2] < 1


def test_each_kind_alone() -> None:
    text = prose(7, 100)
    texts = [text, text, text + "戊"]
    only_exact = deduplicate(texts, near=None)
    assert only_exact.kept.tolist() == [True, False, True]
    assert only_exact.exact.tolist() == [False, True, False]
    only_near = deduplicate(texts, exact=None)
    assert only_near.kept.tolist() == [False, False, True]
    assert not only_near.exact.any()
    with pytest.raises(ValueError, match="nothing to do"):
        deduplicate(texts, exact=None, near=None)


def test_no_texts_at_all() -> None:
    assert len(deduplicate([]).kept) == 0


TEMPLATE = "请以“{}”为题写一篇作文，要求内容具体，感情真实，语句通顺，有自己的看法，不少于六百字。"


def test_template_on_distinct_topics_stays_distinct() -> None:
    texts = [TEMPLATE.format(prose(i, 14)) for i in range(10_000)]
    a, b = (reference.shingle_set(text) for text in texts[:2])
    assert 0.3 < reference.jaccard(a, b) < 0.8
    assert deduplicate(texts).kept.all()


def test_one_text_in_very_many_variants_leaves_one() -> None:
    draw = random.Random(8)
    base = prose(9, 300)
    texts = [base]
    for _ in range(3000):
        at = draw.randrange(300)
        texts.append(base[:at] + draw.choice(HAN) + base[at + 1 :])
    result = deduplicate(texts)
    assert_sound(texts, result)
    # All variants have the length of the base, which comes first and is near all of them.
    assert result.kept.tolist() == [True] + [False] * 3000


def test_templates_and_variants_in_one_crowd() -> None:
    draw = random.Random(10)
    texts = [TEMPLATE.format(prose(i, 12)) for i in range(300)]
    copies = [text[:-1] + draw.choice("！？，") for text in texts]
    result = deduplicate(texts + copies)
    assert result.kept.tolist() == [True] * 300 + [False] * 300
    assert result.duplicate_of[300:].tolist() == list(range(300))


def test_small_memory_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.dedup import crowd, resolve, verify

    texts = corpus(11, 60, 500, (80, 200))
    expected = deduplicate(texts)
    monkeypatch.setattr(verify, "_PAIRS_AT_ONCE", 50)
    monkeypatch.setattr(verify, "_FETCHED_SHARE", 1 << 20)
    monkeypatch.setattr(resolve, "_PAIRS_IN_MEMORY", 100)
    found = deduplicate(texts)
    assert np.array_equal(found.duplicate_of, expected.duplicate_of)
    assert crowd.SATURATED >= 2
