"""Repetition against hand-written values and against a naive implementation."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.measure import repetition
from curate.measure.repetition import Repetition
from curate.scan import scan
from curate.textbatch import TextBatch


def measured(*texts: str) -> list[dict[str, float]]:
    batch = TextBatch.from_strings(list(texts))
    columns = Repetition().measure_batch(batch, scan(batch))
    assert list(columns) == list(Repetition.columns)
    assert all(column.dtype == np.float32 for column in columns.values())
    return [{name: column[i].item() for name, column in columns.items()} for i in range(len(texts))]


PLAIN = "今天上午九点在二楼开会，请大家按时到场，带好笔和本子。"


def test_values_by_hand() -> None:
    none = {
        "longest_run": 0,
        "top_2gram": 0,
        "repeated_5grams": 0,
        "repeated_10grams": 0,
        "repeated_lines": 0,
    }
    for text in ("", "甲", " \n ", "开会。", "明天再说。", "甲甲"):
        assert measured(text) == [none], text
    (laugh,) = measured("哈哈哈哈哈")
    assert laugh == {**none, "longest_run": 1, "top_2gram": 1}
    (run,) = measured("好！！！ 吧")
    assert run["longest_run"] == pytest.approx(3 / 5)
    (pair,) = measured("很好很好吃")
    assert pair["top_2gram"] == pytest.approx(4 / 5)
    assert measured(PLAIN)[0]["repeated_5grams"] == 0
    (twice,) = measured(PLAIN + PLAIN)
    assert twice["repeated_5grams"] == twice["repeated_10grams"] == 0.5
    (lines,) = measured(f"{PLAIN}\n\n {PLAIN}\n尾")
    size = len(PLAIN)
    assert lines["repeated_lines"] == pytest.approx(size / (2 * size + 1))
    (six,) = measured("甲乙丙丁戊己，甲乙丙丁戊己。")
    assert (six["repeated_5grams"], six["repeated_10grams"]) == (pytest.approx(6 / 14), 0)


def naive(text: str) -> dict[str, float]:
    kept = "".join(text.split())
    size = len(kept)
    values = dict.fromkeys(Repetition.columns, 0.0)
    if size < 2:
        return values
    runs = [1]
    for a, b in itertools.pairwise(kept):
        runs.append(runs[-1] + 1 if a == b else 1)
    values["longest_run"] = max(runs) / size if max(runs) >= 3 else 0.0
    places = defaultdict(list)
    for i in range(size - 1):
        places[kept[i : i + 2]].append(i)
    covers = [len({j for i in at for j in (i, i + 1)}) for at in places.values() if len(at) > 1]
    values["top_2gram"] = max(covers, default=0) / size
    for n in (5, 10):
        seen, covered = set(), set()
        for i in range(size - n + 1):
            gram = kept[i : i + n]
            if gram in seen:
                covered.update(range(i, i + n))
            seen.add(gram)
        values[f"repeated_{n}grams"] = len(covered) / size
    lines = ["".join(line.split()) for line in text.split("\n")]
    values["repeated_lines"] = sum(len(x) for i, x in enumerate(lines) if x in lines[:i]) / size
    return values


TEXTS = st.text("甲乙丙a。 \n\u3000", max_size=80) | st.lists(
    st.sampled_from(["甲乙丙丁戊", "己庚辛壬癸", "天地玄黄", "\n", " ", "。", "哈"]), max_size=20
).map("".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_agrees_with_plain_python(texts: list[str]) -> None:
    for text, values in zip(texts, measured(*texts), strict=True):
        assert values == pytest.approx(naive(text), abs=1e-6)


def test_a_text_measures_the_same_beside_any_others() -> None:
    """The hash tables are shared by the texts of a batch."""
    texts = [PLAIN * k + "尾" * (k % 4) for k in range(40)]
    assert measured(*texts) == [measured(text)[0] for text in texts]


def test_only_the_start_of_a_huge_text_is_looked_at() -> None:
    varied = "".join(chr(0x4E00 + i % 20000) + chr(0x4E00 + i // 20000) for i in range(60_000))
    huge = varied + "哈" * repetition.CONSIDERED
    (values,) = measured(huge)
    assert values["longest_run"] == pytest.approx(1 - len(varied) / repetition.CONSIDERED, abs=1e-6)
