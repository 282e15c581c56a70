"""Templates that make one text of several fields."""

from __future__ import annotations

import pyarrow as pa
import pytest

from curate.errors import RecipeError
from curate.render import rendered
from curate.rows import PAIR, PAPER


def columns(**values: list[str]) -> dict[str, pa.Array]:
    return {name: pa.array(v, pa.large_string()) for name, v in values.items()}


def test_pair_is_joined_by_a_line_end():
    result = rendered(columns(zh=["开会。", "雨"], en=["Meeting.", "Rain"]), "{zh}\n{en}", PAIR)
    assert result.to_pylist() == ["开会。\nMeeting.", "雨\nRain"]


def test_a_line_whose_fields_are_empty_is_left_out():
    rows = columns(
        title=["题", "", ""],
        abstract=["文", "文", ""],
        keywords=["", "词", ""],
        discipline=["", "", ""],
        category=["", "", ""],
    )
    template = "{title}\n{abstract}\n关键词：{keywords}"
    assert rendered(rows, template, PAPER).to_pylist() == ["题\n文", "文\n关键词：词", ""]


@pytest.mark.parametrize(
    ("template", "words"),
    [("{titel}", "no field 'titel'"), ("{zh", "render"), ("nothing", "names no field")],
)
def test_wrong_templates_are_refused_in_words(template, words):
    with pytest.raises(RecipeError, match=words):
        rendered(columns(zh=["a"], en=["b"]), template, PAIR)
