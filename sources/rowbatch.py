"""From what a reader found to record batches in a row type's schema, every row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.rows import RowType
from sources.jsonlines import Values
from sources.lines import blank
from sources.stream import Bad

_DETAIL = 200
_MISSING = object()


def batch(
    kind: RowType,
    first: int,
    columns: Sequence[pa.Array],
    bad: Mapping[int, Bad],
    meta: pa.Array | None = None,
    nested: Sequence[pa.Array] | None = None,
) -> pa.RecordBatch:
    """Rows `first`, `first + 1`, … of the row type.

    columns: large_string arrays in the order of `kind.fields`, valid UTF-8, without nulls. bad:
    rows to quarantine, by position; their texts are emptied here. Rows with no text at all are
    quarantined as `empty`. nested: arrays in the order of `kind.nested`, empty lists if left out.
    """
    count = len(columns[0]) if columns else 0
    reasons: dict[int, Bad] = dict(bad)
    for i, what in _empty_rows(kind, columns):
        reasons.setdefault(i, Bad("empty", what))
    quarantine: pa.Array = pa.nulls(count, pa.string())
    detail: pa.Array = pa.nulls(count, pa.string())
    if reasons:
        codes: list[str | None] = [None] * count
        words: list[str | None] = [None] * count
        for i, why in reasons.items():
            codes[i] = why.reason
            words[i] = clipped(why.detail)
        quarantine = pa.array(codes, pa.string())
        detail = pa.array(words, pa.string())
        keep = quarantine.is_null()
        columns = [pc.if_else(keep, column, pa.scalar("", pa.large_string())) for column in columns]
        if nested is not None:
            chosen = np.where(keep.to_numpy(zero_copy_only=False), np.arange(count), count)
            nested = [
                pa.concat_arrays([lists, pa.array([[]], lists.type)]).take(pa.array(chosen))
                for lists in nested
            ]
    rows = pa.array(np.arange(first, first + count, dtype=np.int64))
    if meta is None:
        meta = pa.nulls(count, pa.string())
    if nested is None or not count:
        nested = [pa.array([[]] * count, kind.schema.field(name).type) for name in kind.nested]
    return pa.RecordBatch.from_arrays(
        [rows, *columns, *nested, meta, quarantine, detail], schema=kind.schema
    )


def woven(
    first: int, plain: NDArray[np.bool_], flat: pa.RecordBatch, parsed: pa.RecordBatch
) -> pa.RecordBatch:
    """Rows `first`, `first + 1`, …: those that are plain from `flat`, the others from `parsed`."""
    order = np.empty(len(plain), np.int64)
    order[plain] = np.arange(flat.num_rows)
    order[~plain] = flat.num_rows + np.arange(parsed.num_rows)
    rows = pa.Table.from_batches([flat, parsed]).combine_chunks().take(pa.array(order))
    numbers = pa.array(np.arange(first, first + len(plain), dtype=np.int64))
    numbered = rows.set_column(0, rows.schema.field(0), numbers)
    [made] = numbered.combine_chunks().to_batches()
    return made


def quarantined(kind: RowType, row: int, why: Bad) -> pa.RecordBatch:
    """One row that stands for something that cannot be read."""
    return batch(kind, row, [pa.array([""], pa.large_string())] * len(kind.fields), {0: why})


def clipped(text: str) -> str:
    """Text for a detail: one line, at most 200 characters, always encodable."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())
    return text if len(text) <= _DETAIL else text[: _DETAIL - 1] + "…"


def _empty_rows(kind: RowType, columns: Sequence[pa.Array]) -> Iterable[tuple[int, str]]:
    masks = [_blank(column) for column in columns]
    if kind.name == "pair":
        for i in np.flatnonzero(masks[0] | masks[1]).tolist():
            both = masks[0][i] and masks[1][i]
            yield i, "both sides are empty" if both else f"{'zh' if masks[0][i] else 'en'} is empty"
    elif kind.name == "paper":
        for i in np.flatnonzero(masks[0] & masks[1]).tolist():
            yield i, "neither title nor abstract"
    elif kind.name == "instruction":
        for i in np.flatnonzero(masks[0] & masks[1]).tolist():
            yield i, "neither instruction nor input"
    else:
        for i in np.flatnonzero(np.logical_and.reduce(masks)).tolist():
            yield i, "no text"


def _blank(column: pa.Array) -> Any:
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return blank(np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8), starts)


def path_of(field: str) -> tuple[str, ...]:
    """`translation.zh` as the keys to follow."""
    return tuple(field.split("."))


class Picker:
    """Which parts of a JSON object make a row: the texts of each column, and what goes to meta."""

    def __init__(
        self,
        columns: Sequence[Sequence[str]],
        meta: Sequence[str] | None = None,
        join: str = "\n",
        optional: bool = False,
    ) -> None:
        """columns: the fields of each text column, joined by `join` where there are several; a dot
        leads into nested objects. meta: fields to keep beside the text, None for all the rest.
        optional: of several fields of a column, the missing, null and empty ones are passed over.
        """
        self._columns = [[path_of(field) for field in fields] for fields in columns]
        self._meta = None if meta is None else [path_of(field) for field in meta]
        self._join = join
        self._optional = optional
        self._used = {path for fields in self._columns for path in fields}
        self._flat = [
            fields[0][0] for fields in self._columns if len(fields) == 1 and len(fields[0]) == 1
        ]
        self._simple = len(self._flat) == len(self._columns) and len(set(self._flat)) == len(
            self._flat
        )

    @property
    def flat_keys(self) -> list[str]:
        """The keys of the text columns where each is one key of the object itself and all of the
        rest goes to meta; [] for anything else.
        """
        return self._flat if self._simple and self._meta is None else []

    def batch(self, kind: RowType, run: Values) -> pa.RecordBatch:
        """The run's records as rows; those without the fields, or with other things than text in
        them, are quarantined.
        """
        count = len(run.values)
        texts: list[list[str]] = [[""] * count for _ in self._columns]
        metas: list[bytes | None] = [None] * count
        bad = dict(run.bad)
        dumps = orjson.dumps
        if not (bad or run.repeated) and self._simple and len(self._flat) == 1:
            taken = self._one_text(run.values)
            if taken is not None:
                column, rest_of = taken
                array = pa.array(column, pa.large_string())
                return batch(kind, run.first, [array], {}, pa.array(rest_of, pa.string()))
        flat = list(zip(self._flat, texts, strict=False)) if self._simple else []
        wanted = self._meta
        for i, value in enumerate(run.values):
            if type(value) is not dict:
                if i not in bad:
                    bad[i] = Bad("not_object", f"{_named(value)} where an object was expected")
                continue
            repeats = run.repeated.get(i) if run.repeated else None
            if repeats:
                why = self._ambiguous(repeats)
                if why is not None:
                    bad[i] = why
                    continue
            if flat:
                for key, column in flat:
                    text = value.pop(key, _MISSING) if wanted is None else value.get(key, _MISSING)
                    if type(text) is str:
                        column[i] = text
                    else:
                        bad[i] = not_text(key, text, value)
                        break
            else:
                for fields, column in zip(self._columns, texts, strict=True):
                    joined = self._joined(value, fields)
                    if isinstance(joined, Bad):
                        bad[i] = joined
                        break
                    column[i] = joined
                if i not in bad and wanted is None:
                    _remove(value, self._used)
            if i in bad:
                continue
            rest = value if wanted is None else _selected(value, wanted)
            if repeats:
                rest = {**rest, "repeated_keys": sorted(repeats)}
            if rest:
                metas[i] = dumps(rest, default=str, option=orjson.OPT_NON_STR_KEYS)
        arrays = [pa.array(column, pa.large_string()) for column in texts]
        return batch(kind, run.first, arrays, bad, pa.array(metas, pa.string()))

    def _one_text(self, values: Sequence[Any]) -> tuple[list[str], Sequence[bytes | None]] | None:
        """The one text field of records that all have it, and their meta; None if some do not."""
        [key] = self._flat
        if set(map(type, values)) != {dict}:
            return None
        column = [value.get(key) for value in values]
        if set(map(type, column)) != {str}:
            return None
        if self._meta is not None:
            rests = [_selected(value, self._meta) for value in values]
        else:
            for value in values:
                del value[key]
            rests = list(values)
        dumps = orjson.dumps
        options = orjson.OPT_NON_STR_KEYS
        return column, [dumps(r, default=str, option=options) if r else None for r in rests]

    def _joined(self, value: dict[str, Any], fields: list[tuple[str, ...]]) -> str | Bad:
        several = self._optional and len(fields) > 1
        found: list[str] = []
        for path in fields:
            text = _reached(value, path)
            if type(text) is str:
                if text or not several:
                    found.append(text)
            elif not several or (text is not _MISSING and text is not None):
                return not_text(".".join(path), text, value)
        if not found and several:
            names = ", ".join(".".join(path) for path in fields)
            return Bad("missing_field", f"none of {names}; keys: {', '.join(map(str, value))}")
        return found[0] if len(found) == 1 else self._join.join(found)

    def _ambiguous(self, repeats: dict[str, list[Any]]) -> Bad | None:
        for path in sorted(self._used):
            values = repeats.get(path[0])
            if values and any(value != values[0] for value in values):
                return Bad(
                    "repeated_key", f"{path[0]!r} occurs {len(values)} times with different values"
                )
        return None


def _reached(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if type(value) is not dict:
            return _MISSING
        value = value.get(key, _MISSING)
    return value


def _remove(value: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> None:
    for path in paths:
        if len(path) == 1:
            value.pop(path[0], None)
            continue
        parent = _reached(value, path[:-1])
        if type(parent) is dict:
            parent.pop(path[-1], None)
            if not parent and len(path) == 2:
                value.pop(path[0], None)


def _selected(value: dict[str, Any], wanted: list[tuple[str, ...]]) -> dict[str, Any]:
    found = {}
    for path in wanted:
        item = _reached(value, path)
        if item is not _MISSING:
            found[".".join(path)] = item
    return found


def _named(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    kinds = {int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def not_text(field: str, value: Any, record: Mapping[str, Any]) -> Bad:
    """Why a field with that value is no text of a row."""
    if value is _MISSING:
        keys = ", ".join(map(str, record)) or "none"
        return Bad("missing_field", f"no {field!r}; other keys: {keys}")
    return Bad("not_text", f"{field!r} is {_named(value)}, not text")
