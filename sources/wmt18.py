"""WMT18 zh-en and what is published like it: Chinese-English pairs in two aligned files, in SGML
test sets, in tables, and in JSON or Parquet records.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

import orjson
import pyarrow as pa

from curate.rows import PAIR, RowType
from sources.adapter import InputFile, SourceError, Unit
from sources.columns import PAIR_FIELDS
from sources.delimited import sample_records, tables
from sources.inputs import is_data
from sources.jsonlines import value_of
from sources.lines import Lines, lines, split
from sources.parquet import parquet_rows
from sources.reading import JSON_FORMATS, FileAdapter
from sources.rowbatch import Picker, batch, quarantined
from sources.segments import Segment, segments
from sources.sniff import Content, width_of
from sources.stream import Bad

_PACKED = re.compile(r"\.(?:gz|bz2|xz|zst)$", re.IGNORECASE)
_SIDE = re.compile(
    r"(?P<stem>.+?)(?:[.-](?:src|ref))?[._-](?P<language>[a-z]{2,3}(?:[-_](?:cn|hans))?)"
    r"(?P<end>\.(?:txt|sgml?|xml|snt|tok))?",
    re.IGNORECASE,
)
_ZH = frozenset({"zh", "zho", "cn", "ch", "chn", "cmn", "zh-cn", "zh_cn", "zh-hans", "zh_hans"})
_EN = frozenset({"en", "eng"})
_OTHER = frozenset("ar cs de es et fi fr gu hi it ja kk ko lt lv nl pt ro ru tr uk vi".split())


def side_of(name: str) -> tuple[str, str] | None:
    """(common stem, language) of one side of a pair of files, or None for other names.

    `x.zh-en.zh`, `UNv1.0.en-zh.en`, `newstest2018-zhen-src.zh.sgm`, `casia2015_ch.txt`; packed ones
    too.
    """
    path = PurePosixPath(name)
    match = _SIDE.fullmatch(_PACKED.sub("", path.name))
    if match is None:
        return None
    language = match["language"].lower()
    if language in _ZH:
        language = "zh"
    elif language in _EN:
        language = "en"
    elif language not in _OTHER:
        return None
    end = (match["end"] or "").lower()
    # A set may be there as text and as SGML; these are two pairs.
    kept = end if end in (".sgm", ".sgml", ".xml") else ""
    return (path.parent / (match["stem"] + kept)).as_posix(), language


class Wmt18(FileAdapter):
    """Chinese-English sentence pairs in any of the forms that WMT18's corpora come in."""

    name = "wmt18"
    version: ClassVar[int] = 1

    @property
    def row_type(self) -> RowType:
        """Pair."""
        return PAIR

    def units(self, files: Sequence[InputFile]) -> list[Unit]:
        """The two sides of a pair in one unit, every other file in one of its own. Sides in other
        languages, and English without a Chinese side but with such a one, are left out.
        """
        if len(files) > 1:
            files = [file for file in files if is_data(file.name)]
        stems: dict[str, dict[str, InputFile]] = {}
        units: list[Unit] = []
        for file in files:
            side = side_of(file.name)
            if side is None or side[1] in stems.get(side[0], {}):
                units.append(Unit(file.name, (file,)))
            else:
                stems.setdefault(side[0], {})[side[1]] = file
        for stem, sides in stems.items():
            if "zh" in sides and "en" in sides:
                units.append(Unit(stem, (sides["zh"], sides["en"])))
            elif "zh" in sides or not (sides.keys() & _OTHER):
                units += [Unit(f.name, (f,)) for k, f in sides.items() if k in ("zh", "en")]
        return sorted(units, key=lambda unit: unit.name)

    def read(self, unit: Unit) -> Iterator[pa.RecordBatch]:
        """Every pair of the unit; a pair with an empty or unreadable side is quarantined."""
        if len(unit.files) == 1:
            yield from super().read(unit)
            return
        zh, en = unit.files
        found = (self.look(zh), self.look(en))
        for file, side in zip(unit.files, found, strict=True):
            if side.problem is not None:
                why = Bad(side.problem.reason, f"{file.name}: {side.problem.detail}")
                yield quarantined(PAIR, 1, why)
                return
        if all(side.format == "sgml" for side in found):
            yield from self._matched(zh, en, found)
        elif any(side.format in ("sgml", "parquet") for side in found):
            what = f"{zh.name} is {found[0].format} and {en.name} is {found[1].format}"
            raise SourceError(f"{what}: the two sides of a pair must have one format")
        else:
            sides = [self._lines(file, side) for file, side in zip(unit.files, found, strict=True)]
            yield from _aligned(sides[0], sides[1])

    def rows(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        """The pairs of one file that holds both sides."""
        if side_of(file.name) is not None:
            if found.format == "sgml":
                found_here = segments(self.blocks(file, found))
                bad = {i: s.bad for i, s in enumerate(found_here) if s.bad is not None}
                data, offsets = split("".join(f"{s.id}\n" for s in found_here).encode())
                yield from self._alone(Lines(1, data, offsets, bad), file)
                return
            if found.format in ("text", "csv"):
                for run in self._lines(file, found):
                    yield from self._alone(run, file)
                return
        if found.format in JSON_FORMATS:
            picker = Picker(_pair_fields(file, found))
            yield from self.json_rows(file, found, picker)
        elif found.format == "parquet":
            yield from self._parquet(file)
        elif found.format in ("csv", "tsv"):
            yield from self._table(file, found)
        else:
            what = "text" if found.format == "text" else found.format
            raise SourceError(
                f"{file.name} is {what} without a table of two columns, and its name does not say"
                " which side of a pair it is (.zh, .en)"
            )

    def _lines(self, file: InputFile, found: Content) -> Iterator[Lines]:
        return lines(self.blocks(file, found), self.max_row)

    def _alone(self, run: Lines, file: InputFile) -> Iterator[pa.RecordBatch]:
        why = Bad("one_sided", f"the other language's file of {file.name} is not there")
        bad = {i: run.bad.get(i, why) for i in range(len(run))}
        yield batch(PAIR, run.first, [run.array(), run.array()], bad)

    def _matched(
        self, zh: InputFile, en: InputFile, found: tuple[Content, Content]
    ) -> Iterator[pa.RecordBatch]:
        """Segments of two SGML files by document and number: in the Chinese file's order, then
        those that only the English one has.
        """
        left = segments(self.blocks(zh, found[0]))
        right = segments(self.blocks(en, found[1]))
        others: dict[tuple[str, str], list[Segment]] = {}
        for segment in right:
            others.setdefault((segment.document, segment.id), []).append(segment)
        texts: tuple[list[str], list[str]] = ([], [])
        metas: list[bytes | None] = []
        bad: dict[int, Bad] = {}

        def add(a: Segment | None, b: Segment | None) -> None:
            either = a or b
            assert either is not None
            for side, label in ((a, "zh"), (b, "en")):
                if side is not None and side.bad is not None:
                    bad.setdefault(len(metas), Bad(side.bad.reason, f"{label}: {side.bad.detail}"))
            if a is None or b is None:
                what = f"document {either.document!r} segment {either.id!r}"
                lost = "zh" if a is None else "en"
                bad.setdefault(len(metas), Bad("misaligned", f"{what} has no {lost} side"))
            texts[0].append(a.text if a else "")
            texts[1].append(b.text if b else "")
            metas.append(orjson.dumps({"doc": either.document, "seg": either.id}))

        for segment in left:
            match = others.get((segment.document, segment.id))
            add(segment, match.pop(0) if match else None)
        unmatched = {id(segment) for rest in others.values() for segment in rest}
        for segment in right:
            if id(segment) in unmatched:
                add(None, segment)
        if metas:
            columns = [pa.array(side, pa.large_string()) for side in texts]
            yield batch(PAIR, 1, columns, bad, pa.array(metas, pa.string()))

    def _table(self, file: InputFile, found: Content) -> Iterator[pa.RecordBatch]:
        quoting = found.format == "csv"
        records = sample_records(found.sample, found.delimiter, quoting)
        width = width_of(records)
        names = [cell.strip().lower() for cell in records[0]] if records else []
        header = _is_header(names)
        if width != 2 and not (header and len(names) == width):
            raise SourceError(
                f"{file.name} has {width} columns; pairs have two. Use the `csv` adapter and name"
                " the columns with `zh:` and `en:`"
            )
        zh, en = _sides(file, names if header else [], records[1:] if header else records)
        for table in tables(
            self.blocks(file, found), found.delimiter, quoting, width, self.max_row, header
        ):
            bad = dict(table.bad)
            columns = []
            for index in (zh, en):
                column = table.column(index)
                for i, why in column.bad.items():
                    bad.setdefault(i, Bad(why.reason, f"column {index + 1}: {why.detail}"))
                columns.append(column.array())
            yield batch(PAIR, table.first, columns, bad)

    def _parquet(self, file: InputFile) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        from sources.columns import FieldAdapter

        try:
            schema = pq.read_schema(file.path)
        except (pa.ArrowException, OSError):
            fields = PAIR_FIELDS[0]  # reading it says what is wrong
        else:
            fields = _found_pair(file, _leaves(schema))
        options = FieldAdapter(zh=fields[0], en=fields[1], max_row_mb=self.max_row_mb)
        yield from parquet_rows(options, file, [[fields[0]], [fields[1]]])


def _leaves(schema: pa.Schema) -> set[str]:
    names = set(schema.names)
    for column in schema:
        if pa.types.is_struct(column.type):
            names |= {f"{column.name}.{child.name}" for child in column.type}
    return names


def _pair_fields(file: InputFile, found: Content) -> list[list[str]]:
    """The fields of both sides, by the first object in the sample that has such."""
    for raw in found.sample.split(b"\n", 50)[:50]:
        value, bad = value_of(raw.strip().strip(b",[]"))
        if bad is None and isinstance(value, dict):
            break
    else:
        # An array or objects over several lines: names as they stand in the text.
        value = dict.fromkeys(
            m.decode() for m in re.findall(rb'"(\w+)"\s*:', found.sample[: 64 << 10])
        )
        if "translation" in value:
            value["translation"] = dict.fromkeys(("zh", "en"))
    names = set(value)
    for key, inner in value.items():
        if isinstance(inner, dict):
            names |= {f"{key}.{child}" for child in inner}
    return [[field] for field in _found_pair(file, names)]


def _found_pair(file: InputFile, names: set[str]) -> tuple[str, str]:
    for zh, en in PAIR_FIELDS[:3]:
        if zh in names and en in names:
            return zh, en
    raise SourceError(
        f"{file.name} has neither translation, zh and en, nor chinese and english among its fields:"
        f" {', '.join(sorted(names))}"
    )


_HEADERS = (
    frozenset({"0", "1"}),
    frozenset({"zh", "en"}),
    frozenset({"chinese", "english"}),
    frozenset({"source", "target"}),
    frozenset({"src", "tgt"}),
    frozenset({"src", "ref"}),
    frozenset({"中文", "英文"}),
)


def _is_header(names: list[str]) -> bool:
    return any(pair <= set(names) for pair in _HEADERS)


def _sides(file: InputFile, names: list[str], records: list[list[str]]) -> tuple[int, int]:
    """Columns of the Chinese and the English side: by name, else by where Han characters are."""
    for zh, en in (("zh", "en"), ("chinese", "english"), ("中文", "英文")):
        if zh in names and en in names:
            return names.index(zh), names.index(en)
    share = [_han(record[i] for record in records if len(record) > i) for i in (0, 1)]
    if abs(share[0] - share[1]) < 0.05:
        raise SourceError(
            f"{file.name}: no telling which of its two columns is Chinese; use the `csv` adapter"
            " with `zh:` and `en:`"
        )
    return (0, 1) if share[0] > share[1] else (1, 0)


def _han(texts: Iterator[str]) -> float:
    joined = "".join(texts)
    return sum("\u4e00" <= c <= "\u9fff" for c in joined) / max(len(joined), 1)


def _aligned(zh: Iterator[Lines], en: Iterator[Lines]) -> Iterator[pa.RecordBatch]:
    """Line n of one file with line n of the other; lines without a partner are quarantined."""
    sides = [_Side(zh, "zh"), _Side(en, "en")]
    row = 1
    while True:
        have = [side.fill() for side in sides]
        if not any(have):
            return
        count = min(have) if all(have) else max(have)
        bad: dict[int, Bad] = {}
        columns = []
        for side, there in zip(sides, have, strict=True):
            if there:
                columns.append(side.take(count, bad))
            else:
                columns.append(pa.array([""] * count, pa.large_string()))
                why = Bad("misaligned", f"the {side.name} side ended at line {row - 1}")
                for i in range(count):
                    bad[i] = why
        yield batch(PAIR, row, columns, bad)
        row += count


class _Side:
    def __init__(self, runs: Iterator[Lines], name: str) -> None:
        self._runs = runs
        self._run: Lines | None = None
        self._at = 0
        self.name = name

    def fill(self) -> int:
        """Lines at hand; 0 when the file is over."""
        while self._run is None or self._at >= len(self._run):
            self._run = next(self._runs, None)
            self._at = 0
            if self._run is None:
                self._runs = iter(())
                return 0
        return len(self._run) - self._at

    def take(self, count: int, bad: dict[int, Bad]) -> pa.Array:
        run = self._run
        assert run is not None
        for i, why in run.bad.items():
            if self._at <= i < self._at + count:
                bad.setdefault(i - self._at, Bad(why.reason, f"{self.name}: {why.detail}"))
        array = run.array().slice(self._at, count)
        self._at += count
        return array
