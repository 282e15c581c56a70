"""What the adapters of instruction sets share: from records to rows of the instruction type.

An adapter says what a record of its set means; reading, repeated keys, the batches and the fields
that several sets have in common are here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curate.instructions.dialogue import (
    Dialogue,
    Problem,
    Style,
    folded,
    pairs_turns,
    unfolded,
)
from curate.instructions.history import history_column
from curate.rows import INSTRUCTION, RowType
from sources.adapter import InputFile
from sources.delimited import sample_records, tables
from sources.flatjson import FlatKeys, FlatLines
from sources.jsonlines import Values
from sources.reading import JSON_FORMATS, FileAdapter
from sources.rowbatch import batch, not_text, quarantined, woven
from sources.sniff import Content, has_header, width_of
from sources.stream import BLOCK, Bad

Names = tuple[tuple[str, str], ...]
"""Fields and the keys a user gave for them."""


class Example(NamedTuple):
    """One record as an instruction."""

    instruction: str
    input: str
    output: str
    rest: dict[str, Any]
    """What else the record says, for `meta`."""
    system: str = ""
    history: Sequence[tuple[str, str]] = ()


class InstructionAdapter(FileAdapter):
    """An adapter whose records become instructions: JSON in any form, Parquet, or a table."""

    columns: ClassVar[tuple[str, ...]] = ()
    """The columns of a table without a header."""
    flat: ClassVar[FlatKeys | None] = None
    """Records of which the adapter makes what `flat_rows` makes of them: instruction, input and
    output, and the rest for `meta`. They are then read in compiled code."""

    @property
    def row_type(self) -> RowType:
        """Instruction."""
        return INSTRUCTION

    @property
    def names(self) -> Names:
        """The keys that a user gave for fields."""
        return ()

    def example(self, record: dict[str, Any]) -> Example | Bad:
        """What a record means, or why it cannot be used. The record may be taken apart."""
        raise NotImplementedError

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """A record a row; lines of something that is no table are judged one by one."""
        if found.format == "parquet":
            yield from self._parquet(file)
        elif found.format in ("csv", "tsv"):
            yield from self._table(file, found)
        else:
            if found.format not in JSON_FORMATS:
                found = Content("jsonl", found.encoding, found.compression)
            for run in self.values(file, found, self.flat):
                yield self._rows(run)

    def _table(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        quoting = found.delimiter != "\t"
        records = sample_records(found.sample, found.delimiter, quoting)
        header = bool(records) and (
            has_header(records) or not isinstance(field_keys(tuple(records[0]), self.names), Bad)
        )
        width = width_of(records)
        names = [cell.strip() for cell in records[0]] if header else list(self.columns)
        if len(names) != width:
            names = [str(i) for i in range(width)]
        for table in tables(
            self.blocks(file, found), found.delimiter, quoting, width, self.max_row, header
        ):
            bad = dict(table.bad)
            texts = []
            for index, name in enumerate(names):
                column = table.column(index)
                for i, why in column.bad.items():
                    bad.setdefault(i, Bad(why.reason, f"{name}: {why.detail}"))
                texts.append(column.array().to_pylist())
            values = [dict(zip(names, row, strict=True)) for row in zip(*texts, strict=True)]
            yield self._batch(Values(table.first, values, bad))

    def _parquet(self, file: InputFile) -> Iterator[pa.RecordBatch]:
        row = 1
        try:
            with pq.ParquetFile(file.path) as source:
                for part in source.iter_batches(batch_size=BLOCK >> 10):
                    records = part.to_pylist()
                    run = Values(row, orjson.loads(orjson.dumps(records, default=str)))
                    row += len(records)
                    yield self._batch(run)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            why = Bad("truncated", f"the rest is not readable: {error}")
            yield quarantined(INSTRUCTION, row, why)

    def _rows(self, run: Values) -> pa.RecordBatch:
        """The rows of records of which some may have been taken apart."""
        if not run.flat:
            return self._batch(run)
        plain = np.zeros(len(run.values), np.bool_)
        for start, found in run.flat:
            plain[start : start + len(found.plain)] = found.plain
        flat = flat_rows(run.first, [found for _, found in run.flat])
        if plain.all():
            return flat
        others = np.flatnonzero(~plain).tolist()
        place = {i: number for number, i in enumerate(others)}
        rest = Values(run.first, [run.values[i] for i in others])
        rest.bad = {place[i]: why for i, why in run.bad.items()}
        rest.repeated = {place[i]: keys for i, keys in run.repeated.items()}
        return woven(run.first, plain, flat, self._batch(rest))

    def _batch(self, run: Values) -> pa.RecordBatch:
        bad = dict(run.bad)
        examples: list[Example] = []
        metas: list[bytes | None] = []
        for i, value in enumerate(run.values):
            example = _NOTHING
            if i not in bad:
                made = self._judged(value, run.repeated.get(i))
                if isinstance(made, Bad):
                    bad[i] = made
                else:
                    example = made
            examples.append(example)
            metas.append(_dumped(example.rest) if example.rest else None)
        texts = (
            [e.instruction for e in examples],
            [e.input for e in examples],
            [e.output for e in examples],
            [e.system for e in examples],
        )
        arrays = [pa.array(column, pa.large_string()) for column in texts]
        return batch(
            INSTRUCTION,
            run.first,
            arrays,
            bad,
            pa.array(metas, pa.string()),
            [history_column([example.history for example in examples])],
        )

    def _judged(self, value: Any, repeats: Mapping[str, list[Any]] | None) -> Example | Bad:
        if type(value) is not dict:
            return Bad("not_object", f"{type(value).__name__} where an object was expected")
        if not repeats:
            return self.example(value)
        example = self.example(value)
        if isinstance(example, Bad):
            return example
        for key, values in sorted(repeats.items()):
            if key not in example.rest and any(other != values[0] for other in values):
                what = f"{key!r} occurs {len(values)} times with different values"
                return Bad("repeated_key", what)
        return example._replace(rest={**example.rest, "repeated_keys": sorted(repeats)})


_NOTHING = Example("", "", "", {})


def flat_rows(first: int, found: Sequence[FlatLines]) -> pa.RecordBatch:
    """Rows `first`, … of records taken apart into instruction, input, output and the rest."""
    texts = [pa.concat_arrays(columns) for columns in zip(*(f.texts for f in found), strict=True)]
    count = len(texts[0])
    system = pa.repeat(pa.scalar("", pa.large_string()), count)
    meta = pa.concat_arrays([f.meta for f in found])
    kind = INSTRUCTION.schema.field("history").type
    ends = pa.array(np.zeros(count + 1, np.int64))
    history = pa.LargeListArray.from_arrays(ends, pa.array([], kind.value_type), type=kind)
    return batch(INSTRUCTION, first, [*texts, system], {}, meta, [history])


def _dumped(rest: dict[str, Any]) -> bytes:
    return orjson.dumps(rest, default=str, option=orjson.OPT_NON_STR_KEYS)


FIELD_NAMES: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction", "指令", "prompt", "question", "问题", "query", "提示"),
    "input": ("input", "输入", "context", "上下文"),
    "output": ("output", "输出", "response", "answer", "回答", "target", "completion", "答案"),
    "system": ("system", "系统", "system_prompt", "meta_instruction"),
    "history": ("history", "历史", "对话历史"),
}
"""Keys under which a field is looked for, in any case, where its own key is not there."""


@functools.lru_cache(maxsize=4096)
def field_keys(keys: tuple[str, ...], names: Names = ()) -> dict[str, str] | Bad:
    """The key of each field that a record with these keys has, or why that is not clear.

    One of instruction and input must be there, and the output.
    """
    found: dict[str, str] = {}
    given = dict(names)
    for field, known in FIELD_NAMES.items():
        key = given.get(field)
        if key is not None:
            if key not in keys:
                return Bad("missing_field", f"no {key!r}; keys: {', '.join(keys)}")
        elif field in keys:
            key = field
        else:
            taken = {*found.values(), *given.values()}
            key = None
            for name in known:
                same = [k for k in keys if k not in taken and k.strip().casefold() == name]
                if len(same) > 1:
                    what = f"{', '.join(map(repr, same))} could each be the {field}"
                    return Bad("ambiguous_field", what)
                if same:
                    key = same[0]
                    break
        if key is not None:
            found[field] = key
    missing = [field for field in ("instruction", "output") if field not in found]
    if "input" in found and missing[:1] == ["instruction"]:
        del missing[0]
    if missing:
        return Bad("missing_field", f"no {missing[0]!r}; keys: {', '.join(keys) or 'none'}")
    return found


ALPACA = FlatKeys(
    ("instruction", "input", "output"),
    # Keys of which `alpaca_example` would make a field, as FIELD_NAMES has them.
    "|".join((*FIELD_NAMES["system"], *FIELD_NAMES["history"])),
)
"""Records of which `alpaca_example` makes no more than their three texts and `meta`."""


def text_of(value: Any, key: str, record: Mapping[str, Any]) -> str | Bad:
    """A text field: null is no text, a whole number its digits, anything else that is no string is
    bad.
    """
    if type(value) is str:
        return value
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    return not_text(key, value, record)


def alpaca_example(record: dict[str, Any], names: Names = ()) -> Example | Bad:
    """A record with instruction, input and output, perhaps system and history, under these keys,
    under others that are known, or under those that `names` gives. One of instruction and input may
    be missing; a record of seed tasks (`instances` with one input and output) is read as well.
    """
    instances = record.get("instances")
    if type(instances) is list and "output" not in record:
        if len(instances) != 1 or type(instances[0]) is not dict:
            return Bad("several_answers", f"{len(instances)} instances where one was expected")
        record = {**record, **instances[0]}
        del record["instances"]
    keys = field_keys(tuple(record), names)
    if isinstance(keys, Bad):
        return keys
    texts = []
    for field in ("instruction", "input", "output", "system"):
        key = keys.get(field)
        text = "" if key is None else record.pop(key)
        if type(text) is not str:
            text = text_of(text, key or field, record)
            if isinstance(text, Bad):
                return text
        texts.append(text)
    history: list[tuple[str, str]] = []
    if "history" in keys:
        found = earlier_turns(record.pop(keys["history"]))
        if isinstance(found, Bad):
            return found
        history = found
    return Example(texts[0], texts[1], texts[2], record, texts[3], history)


def earlier_turns(value: Any) -> list[tuple[str, str]] | Bad:
    """A `history` field as (user, assistant) turns; null and "" are none."""
    if not value:
        return []
    turns = pairs_turns(value)
    if isinstance(turns, Problem):
        return Bad(turns.reason, f"history: {turns.detail}")
    for number, turn in enumerate(turns):
        if not turn.text.strip():
            return Bad("empty_turn", f"history: turn {number // 2 + 1} has an empty side")
    texts = [turn.text for turn in turns]
    return list(zip(texts[::2], texts[1::2], strict=True))


def list_example(turns: Any, rest: dict[str, Any], system: str = "") -> Example | Bad:
    """Turns of a list as an instruction, those that are no dialogue as the reason for it."""
    dialogue = turns if isinstance(turns, Problem) else folded(turns)
    if isinstance(dialogue, Problem):
        return Bad(dialogue.reason, dialogue.detail)
    if system and dialogue.system:
        return Bad("misplaced_system", "a system message beside the record's own system text")
    return Example(
        dialogue.instruction,
        "",
        dialogue.output,
        rest,
        system or dialogue.system,
        dialogue.history,
    )


def with_hidden_turns(
    example: Example | Bad, styles: Sequence[Style], certain: bool = False
) -> Example | Bad:
    """An example with the dialogue inside its texts taken apart.

    `meta` then names the style under `dialogue`, or says `whole:` and why the texts stay whole.
    """
    if isinstance(example, Bad) or example.history:
        return example
    found = unfolded(example.instruction, example.input, example.output, styles, certain)
    if found is None:
        return example
    style, dialogue = found
    if isinstance(dialogue, Dialogue) and dialogue.system and example.system:
        dialogue = Problem("misplaced_system", "")
    if isinstance(dialogue, Problem):
        return example._replace(rest={**example.rest, "dialogue": f"whole:{dialogue.reason}"})
    return Example(
        dialogue.instruction,
        "",
        dialogue.output,
        {**example.rest, "dialogue": style.name},
        dialogue.system or example.system,
        dialogue.history,
    )
