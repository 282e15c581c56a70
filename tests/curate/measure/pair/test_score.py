"""Lengths and the score: what a clean pair may look like and what a broken one does."""

from __future__ import annotations

import numpy as np
import pytest

from curate.measure.pair.length import Length
from curate.measure.pair.score import WEIGHTS, PairScore, features
from curate.recipe import read
from curate.refine import Clock, pair_measured
from tests.conftest import ROOT
from tests.curate.measure.pair.sides import measured, pair_batch

CLEAN = [
    (
        "一九九八年的夏天，长江发生了大洪水。镇上的人们在堤上守了三十五天！水退了吗？没有。"
        "政府派来了两万五千名士兵，他们和居民一起工作。到了秋天，大家终于回到了家里。",
        "In the summer of 1998 the Yangtze flooded. The people of the town kept watch on the dyke "
        "for thirty-five days! Did the water go down? It did not. The government sent 25,000 "
        "soldiers, who worked together with the residents. By autumn everyone was home at last.",
    ),
    (
        "１９９８年，该地区的人口是２５０万。二〇〇八年，人口增加到三百一十万，增长了百分之二十四。",
        "In 1998 the population of the region was 2.5 million. In 2008 it had risen to "
        "3.1 million, an increase of 24%.",
    ),
    ("开会。", "Meeting."),
    ("好的，谢谢。", "OK, thanks."),
    ("第三章", "Chapter 3"),
    ("《红楼梦》", "Dream of the Red Chamber"),
    ("iPhone 5S", "iPhone 5S"),
    ("您好！请问洗手间在哪儿？", "Hello! Where is the bathroom, please?"),
    (
        "她把信放在桌上，关了灯，离开学校回家了。",
        "She put the letter on the table, switched off the light and left the school for home.",
    ),
    (
        "山高月小，水落石出。",
        "The mountains were high and the moon small; the water fell, and stones rose out.",
    ),
]

BROKEN = {
    "another sentence": (
        CLEAN[0][0],
        "The old theatre on the corner has been closed for repairs since the roof let in the rain. "
        "Its owner hopes to open again before winter; actors rehearse in a barn until then. Will "
        "anybody come? He thinks so. Tickets for the first evenings sold out within one morning.",
    ),
    "another number": (CLEAN[1][0], CLEAN[1][1].replace("24%", "61%").replace("3.1", "7.9")),
    "cut": (CLEAN[0][0], "In the summer of 1998 the Yangtze"),
    "cut Chinese": ("一九九八年的夏天", CLEAN[0][1]),
    "other names": (
        "中国政府和IBM公司在北京签署了协议，总统没有参加会议。",
        "The villagers played Mozart with Anna until late at night in the barn by the church.",
    ),
}


def corpus_reasons(*pairs: tuple[str, str]) -> list[str | None]:
    """Why recipes/corpus.yaml drops the pairs by its limits on measures of pairs."""
    recipe = read(ROOT / "recipes" / "corpus.yaml")
    limits = recipe.quality
    columns = pair_measured(pair_batch(*pairs), recipe.measures(), Clock())
    found: list[str | None] = [None] * len(pairs)
    for column, limit in limits.items():
        if column in columns:
            for i, value in enumerate(columns[column].to_pylist()):
                low = limit.min is not None and value < limit.min
                if low or (limit.max is not None and value > limit.max):
                    found[i] = found[i] or column
    return found


def test_a_clean_pair_is_not_rejected_for_being_chinese_or_short() -> None:
    assert corpus_reasons(*CLEAN) == [None] * len(CLEAN)


def test_its_numbers_and_sentences_agree() -> None:
    found = features(pair_batch(CLEAN[0]))
    assert found["numbers_unmatched"].tolist() == [0] and found["numbers_matched"].tolist() == [4]
    assert found["sentence_gap"].tolist() == [0] and found["ends_differ"].tolist() == [0]


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_pair_is_found(kind: str) -> None:
    assert corpus_reasons(BROKEN[kind]) == ["length_z" if "cut" in kind else "pair_score"]


def test_swapped_and_copied_sides_are_found() -> None:
    zh, en = CLEAN[0]
    assert corpus_reasons((en, zh), (en, en), (zh, zh)) == [
        "han_in_en",
        "copied_share",
        "han_in_en",
    ]


def test_every_weight_has_its_feature_and_the_telling_ones_point_the_right_way() -> None:
    found = features(pair_batch(*CLEAN))
    assert all(values.shape == (len(CLEAN),) for values in found.values())
    for weights in WEIGHTS.values():
        assert set(weights) == {"bias", *found}
        assert weights["numbers_unmatched"] < 0 and weights["names_missing"] < 0
    unrelated, cut = WEIGHTS["unrelated"], WEIGHTS["cut or looped"]
    assert unrelated["words_for"] > 0 > unrelated["words_against"]
    assert cut["chinese_short"] < 0 and cut["chinese_long_squared"] < 0 and cut["sentence_gap"] < 0


def test_the_score_is_a_share_with_three_decimals() -> None:
    scores = [row["pair_score"] for row in measured(PairScore(), *CLEAN, *BROKEN.values())]
    assert all(0 <= s <= 1 and abs(s * 1000 - round(s * 1000)) < 1e-3 for s in scores)


def test_short_pairs_may_vary_more_in_length() -> None:
    zh, en = "好的", "That is quite all right "
    short, long = measured(Length(), (zh, en), (zh * 40, en * 40))
    assert short["characters_per_word"] == pytest.approx(long["characters_per_word"])
    assert abs(short["length_z"]) < abs(long["length_z"])
    assert short["length_z"] < 0  # the Chinese side is short


def test_empty_sides_are_measured_too() -> None:
    rows = measured(Length(), ("", ""), ("", "Some words."), ("一些字。", ""))
    assert all(np.isfinite(list(row.values())).all() for row in rows)
