"""Questions with choices: fewer of them, in another order, the answer always among them.

pCLUE lists the choices of a question in its prompt, up to 119 of them and always in the same order,
so that a model could learn places instead of meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curate.instructions.chance import Chance

_KEY = '"answer_choices":['
_SEPARATOR = re.compile(r"[，,、；;/|\s]+")
_OR = re.compile(r"(?:或者?|和|or )")

Span = tuple[int, int]


class Drawn(NamedTuple):
    """Rows with other choices, and what became of each."""

    rows: pa.Table
    """`answer_choices` in `meta` are now the choices of the prompt."""
    fate: pa.Array
    """`drawn`, or why a question stays as it was: `not_listed` (the prompt does not list the
    choices once, in their order) or `unclear` (the answer is several of them); null for rows
    without choices."""


def drawn_choices(
    rows: pa.Table, ids_at: Callable[[pa.Array], Sequence[str]], least: int = 4, most: int = 8
) -> Drawn:
    """The rows with `least` to `most` choices each; how many, which and in what order is drawn by
    the hash of the id. Where there are no more than `least`, all stay, in another order.

    rows: instructions whose `meta` has `answer_choices`; others are left alone. ids_at: gives the
    ids of the rows at some positions.
    """
    have = pc.fill_null(pc.match_substring(rows.column("meta"), _KEY), False).combine_chunks()
    positions = pc.indices_nonzero(have)
    if not len(positions):
        return Drawn(rows, pa.nulls(rows.num_rows, pa.string()))
    own = rows.take(positions)
    instructions = own.column("instruction").to_pylist()
    outputs = own.column("output").to_pylist()
    metas = own.column("meta").to_pylist()
    fates: list[str | None] = [None] * len(positions)
    for i, row_id in enumerate(ids_at(positions)):
        meta: dict[str, Any] = orjson.loads(metas[i])
        chance = Chance(row_id, "choices")
        made = _redrawn(instructions[i], meta["answer_choices"], outputs[i], chance, (least, most))
        if isinstance(made, str):
            fates[i] = made
            continue
        fates[i] = "drawn"
        instructions[i], options = made
        metas[i] = orjson.dumps({**meta, "answer_choices": options}).decode()
    for name, values in (("instruction", instructions), ("meta", metas)):
        at = rows.schema.get_field_index(name)
        field = rows.schema.field(at)
        new = pc.replace_with_mask(rows.column(at), have, pa.array(values, field.type))
        rows = rows.set_column(at, field, new)
    fate = pc.replace_with_mask(
        pa.nulls(len(have), pa.string()), have, pa.array(fates, pa.string())
    )
    return Drawn(rows, fate)


def listed(text: str, choices: Sequence[str]) -> list[Span] | None:
    """Where a text lists the choices, in their order with separators between them; None if it does
    not, or not just once.
    """
    found: list[list[Span]] = []
    start = text.find(choices[0])
    while start >= 0:
        spans = _listed_from(text, start, choices)
        if spans is not None:
            found.append(spans)
        start = text.find(choices[0], start + 1)
    return found[0] if len(found) == 1 else None


def _listed_from(text: str, start: int, choices: Sequence[str]) -> list[Span] | None:
    spans = [(start, start + len(choices[0]))]
    for choice in choices[1:]:
        separator = _SEPARATOR.match(text, spans[-1][1])
        at = separator.end() if separator else spans[-1][1]
        if not text.startswith(choice, at) or separator is None:
            word = _OR.match(text, at)
            if word is None or not text.startswith(choice, word.end()):
                return None
            at = word.end()
        spans.append((at, at + len(choice)))
    return spans


def _redrawn(
    text: str, choices: list[str], answer: str, chance: Chance, bounds: tuple[int, int]
) -> tuple[str, list[str]] | str:
    """The text with choices drawn, and these; or why not."""
    if len(set(choices)) < 2 or not all(choices):
        return "not_listed"
    spans = listed(text, choices)
    if spans is None:
        return "not_listed"
    start, end = spans[0][0], spans[-1][1]
    if answer not in choices and answer in text[start:end]:
        return "unclear"
    wrong = [choice for choice in dict.fromkeys(choices) if choice != answer]
    if answer not in choices:
        # The choices are labels cut short (休闲 for 休闲益智): none of them may be right as well.
        wrong = [choice for choice in wrong if not answer.startswith(choice)]
    least, most = bounds
    count = min(least + chance.below(most - least + 1), len(wrong) + 1)
    options = chance.drawn([answer, *chance.drawn(wrong, count - 1)], count)
    last = text[spans[-2][1] : spans[-1][0]]
    first = text[spans[0][1] : spans[1][0]] if len(spans) > 2 else last
    shown = f"{first.join(options[:-1])}{last}{options[-1]}" if count > 1 else options[0]
    # A list that ran into the text behind it had no end to be seen.
    stop = "。" if text[end : end + 1].isalnum() else ""
    return f"{text[:start]}{shown}{stop}{text[end:]}", options
