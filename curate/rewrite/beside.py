"""Rewrites of what travels beside the text: a row's metadata and what was seen of a bad row."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.scan import scan
from curate.textbatch import TextBatch


def rewritten_beside(
    step: Rewrite, values: pa.Array, counts: dict[str, NDArray[np.int32]]
) -> pa.Array:
    """The strings (JSON or not) after a step; nulls stay. What the step counts is added up.

    JSON stays JSON: a number in which the step finds something becomes a string first.
    """
    if values.null_count == len(values):
        return values
    batch = TextBatch.from_arrow(values)
    after, changed, found = step.counted_batch(batch, scan(batch))
    for column, numbers in found.items():
        counts[column] += numbers
    if not len(changed):
        return values
    texts = values.to_pylist()
    for i in changed.tolist():
        texts[i] = _like(step, batch[i], after[i])
    return pa.array(texts, values.type)


def _like(step: Rewrite, before: str, after: str) -> str:
    """`after`, or where that is no JSON while `before` was, the same with its numbers first."""
    if not before.startswith("{") or _is_json(after) or not _is_json(before):
        return after
    again = step.rewrite(orjson.dumps(_numbers_rewritten(step, orjson.loads(before))).decode())
    return again if _is_json(again) else "{}"


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _numbers_rewritten(step: Rewrite, value: Any) -> Any:
    """The value with the numbers in which the step finds something as rewritten strings."""
    if isinstance(value, dict):
        return {key: _numbers_rewritten(step, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers_rewritten(step, inner) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        rewritten = step.rewrite(str(value))
        return value if rewritten == str(value) else rewritten
    return value
