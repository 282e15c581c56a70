"""How the fields of a row become one text."""

from __future__ import annotations

import string
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import RecipeError
from curate.rows import DOCUMENT, PAIR, PAPER, RowType

DEFAULTS = {
    DOCUMENT.name: "{text}",
    PAIR.name: "{zh}\n{en}",
    PAPER.name: "{title}\n{abstract}",
}


def pieces(template: str, kind: RowType) -> list[tuple[str, str | None]]:
    """The template as (literal, field) pairs; the last field may be None.

    Raises RecipeError for a field that the row type lacks or a brace left open.
    """
    try:
        parsed = [(literal, field) for literal, field, _, _ in string.Formatter().parse(template)]
    except ValueError as error:
        raise RecipeError(f"render {template!r}: {error}") from None
    for _, field in parsed:
        if field is not None and field not in kind.fields:
            raise RecipeError(
                f"render {template!r}: a {kind.name} has no field {field!r}; "
                f"it has {', '.join(kind.fields)}"
            )
    if all(field is None for _, field in parsed):
        raise RecipeError(f"render {template!r} names no field, such as {{{kind.fields[0]}}}")
    return parsed


def rendered(columns: Mapping[str, pa.Array], template: str, kind: RowType) -> pa.Array:
    """One large_string per row. A line of the template whose fields are all empty is left out."""
    parsed = pieces(template, kind)
    if len(parsed) == 1 and parsed[0][0] == "":
        return columns[str(parsed[0][1])]
    arguments: list[pa.Array | pa.Scalar] = []
    used = []
    for literal, field in parsed:
        if literal:
            arguments.append(pa.scalar(literal, pa.large_string()))
        if field is not None:
            arguments.append(columns[field])
            used.append(field)
    whole = pc.binary_join_element_wise(*arguments, pa.scalar("", pa.large_string()))
    empty = np.zeros(len(whole), bool)
    for field in used:
        empty |= pc.equal(pc.binary_length(columns[field]), 0).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(empty)
    if not len(rows):
        return whole
    texts = []
    for row in rows.tolist():
        values = {field: columns[field][row].as_py() for field in used}
        lines = []
        for line in template.split("\n"):
            fields = [f for _, f, _, _ in string.Formatter().parse(line) if f is not None]
            if not fields or any(values[f] for f in fields):
                lines.append(line.format(**values))
        texts.append("\n".join(lines) if any(values.values()) else "")
    return pc.replace_with_mask(whole, pa.array(empty), pa.array(texts, pa.large_string()))
