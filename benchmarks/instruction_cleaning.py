"""What the cleaning of instructions finds in the real sets, how fast, and the rows to judge it by.

python benchmarks/instruction_cleaning.py                      counts per source, rows a second
python benchmarks/instruction_cleaning.py --read refused       50 of the rows with that reason
python benchmarks/instruction_cleaning.py --kept               code, formulas, tables and JSON
                                                               in all fields, before and after
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import curate.measure.instruction
import curate.rewrite
from curate.instructions.cleaning import REWRITES
from curate.instructions.history import sides
from curate.measure.instruction.base import FIELDS, InstructionBatch, InstructionMeasure
from curate.refine import Clock, rewritten
from curate.rewrite.base import Rewrite
from curate.scan import Scan
from curate.step import discovered
from curate.textbatch import TextBatch
from sources.inputs import open_units
from sources.registry import adapter

SETS = {
    "alpaca": "alpaca",
    "alpaca_zh": "alpaca",
    "alpaca_gpt4_zh": "alpaca",
    "belle": "belle",
    "cot": "cot",
    "coig_cqia": "coig_cqia",
    "firefly": "firefly",
    "moss": "moss",
    "sharegpt_zh": "sharegpt",
    "oasst_zh": "oasst_zh",
    "linly_instructions/README_samples.jsonl": "linly",
    "pclue": "pclue",
}
REAL = Path(__file__).parent.parent / ".cache/real"
PARTITION = 8192


def rows_of(real: Path, only: Sequence[str] = tuple(SETS)) -> pa.Table:
    """Every row that the adapters read, with a column `source`; quarantined ones left out."""
    tables = []
    with tempfile.TemporaryDirectory() as workdir:
        for path in only:
            reader = adapter(SETS[path])
            for unit in open_units(reader, real / path, Path(workdir)).units:
                table = pa.Table.from_batches(list(reader.read(unit)), reader.row_type.schema)
                source = pa.array([path.split("/")[0]] * len(table))
                tables.append(table.append_column("source", source))
    whole = pa.concat_tables(tables)
    return whole.filter(pc.is_null(whole["quarantine"])).combine_chunks()


def rewrites() -> list[Rewrite]:
    """The default rewrites as an instruction build has them."""
    known = discovered(curate.rewrite, Rewrite)
    return [k(**REWRITES.get(n, {})) for n, k in known.items() if k.default or n in REWRITES]


def cleaned(table: pa.Table, steps: list[Rewrite], clock: Clock) -> InstructionBatch:
    """The rows of a partition after the rewrites."""
    turns = sides(table["history"].combine_chunks())
    arrays = {field: table[field].combine_chunks() for field in FIELDS}
    arrays |= {"history_user": turns.user, "history_assistant": turns.assistant}
    fields: dict[str, TextBatch] = {}
    scans: dict[str, Scan] = {}
    for name, array in arrays.items():
        fields[name], scans[name], _ = rewritten(TextBatch.from_arrow(array), steps, clock)
    return InstructionBatch(fields, scans, turns.offsets)


KEPT = {
    "fence": re.compile(r"```.*?(?:```|\Z)", re.DOTALL),
    # A dollar sign before a literal \\n is a price.
    "formula": re.compile(
        r"\$\$.+?\$\$|(?<![\w$])\$(?!\s)[^$\n]*\\(?!n)[^$\n]*\$(?!\w)|\\\(.+?\\\)|\\\[.+?\\\]"
    ),
    "table": re.compile(
        r"^[^\n]*\|[^\n]*\n\|?[ :|-]*-{2,}[ :|-]*(?:\n[^\n]*\|[^\n]*)*(?<=\S)", re.M
    ),
    "json": re.compile(r"^[ \t]*[\[{]\s*(?:\{\s*)?\"[^\"\n]+\"\s*[:,].*?[\]}]", re.DOTALL | re.M),
    "inline code": re.compile(r"(?<!`)`[^`\n]+`(?!`)"),
    "indented": re.compile(r"^(?: {2,}|\t+)[^\s\u2e80-\uffff].*\S", re.M),
}


NO_BREAK = dict.fromkeys([0xA0, 0x202F, *range(0x2000, 0x200B)], " ")
"""What `spaces` does to blanks in code and the like."""


def kept(table: pa.Table, steps: list[Rewrite]) -> dict[str, dict[str, int]]:
    """How many texts hold code and the like, and which step changed it in how many."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KEPT}
    turns = sides(table["history"].combine_chunks())
    fields = [table[field].combine_chunks() for field in FIELDS]
    texts = pa.concat_arrays([*fields, turns.user, turns.assistant])
    for start in range(0, len(texts), PARTITION):
        before = texts.slice(start, PARTITION)
        after, _, bits = rewritten(TextBatch.from_arrow(before), steps, Clock())
        changed = dict(
            zip(np.flatnonzero(bits).tolist(), after.strings(np.flatnonzero(bits)), strict=True)
        )
        for i, text in enumerate(before.to_pylist()):
            for kind, pattern in KEPT.items():
                spans = pattern.findall(text)
                if not spans:
                    continue
                counts[kind]["texts"] += 1
                lost = [span for span in spans if i in changed and span not in changed[i]]
                if lost and all(span.translate(NO_BREAK) in changed[i] for span in lost):
                    counts[kind]["no-break spaces"] += 1
                elif lost:
                    names = [step.name for bit, step in enumerate(steps) if bits[i] >> bit & 1]
                    counts[kind]["changed by " + "+".join(names)] += 1
    return {kind: dict(count.most_common()) for kind, count in counts.items()}


def shown(batch: InstructionBatch, row: int, width: int) -> str:
    """A row as a person reads it: the question, and both ends of the answer."""
    question = f"{batch.instruction[row]} || {batch.input[row]}".replace("\n", "⏎")
    answer = batch.output[row].replace("\n", "⏎")
    if len(question) > width:
        question = question[: width // 2] + " [...] " + question[-width // 2 :]
    if len(answer) > 2 * width:
        answer = answer[:width] + " [...] " + answer[-width:]
    turns = int(batch.turns[row + 1] - batch.turns[row])
    return f"Q{f' after {turns} turns' if turns else ''}: {question}\n   A: {answer}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=Path, default=REAL, help="folder of the real samples")
    parser.add_argument("--read", metavar="REASON", help="print rows that have this reason")
    parser.add_argument("--rows", type=int, default=50, help="how many of them")
    parser.add_argument("--width", type=int, default=160, help="characters of each end shown")
    parser.add_argument("--source", help="only this source")
    parser.add_argument("--kept", action="store_true", help="what became of code and the like")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    table = rows_of(options.real)
    if options.source:
        table = table.filter(pc.equal(table["source"], options.source)).combine_chunks()
    steps = rewrites()
    if options.kept:
        spans = kept(table, steps)
        for kind, count in spans.items():
            print(kind, count)
        if options.json:
            print(json.dumps(spans))
        return
    kinds = discovered(curate.measure.instruction, InstructionMeasure)
    measures = [kind() for kind in kinds.values() if kind.flags]
    counts: dict[str, Counter[str]] = {}
    seconds: defaultdict[str, float] = defaultdict(float)
    hits: list[str] = []
    characters = size = 0
    names = table["source"].to_pylist()
    cleaning = Clock()
    warm = cleaned(table.slice(0, 200), steps, Clock())
    for measure in measures:
        measure.measure_batch(warm)
    for start in range(0, len(table), PARTITION):
        batch = cleaned(table.slice(start, PARTITION), steps, cleaning)
        characters += sum(len(text.points) for text in batch.fields.values())
        size += sum(text.to_arrow().nbytes for text in batch.fields.values())
        for measure in measures:
            began = time.process_time()
            columns = measure.measure_batch(batch)
            seconds[measure.name] += time.process_time() - began
            for column, reason in measure.flags.items():
                found = np.flatnonzero(np.asarray(columns[column]))
                for row in found.tolist():
                    counts.setdefault(reason, Counter())[names[start + row]] += 1
                    if reason == options.read:
                        source = names[start + row]
                        hits.append(f"{source} {start + row} {shown(batch, row, options.width)}")
    if options.read:
        random.Random(7).shuffle(hits)
        for hit in hits[: options.rows]:
            print(hit, end="\n\n")
        print(f"{min(len(hits), options.rows)} of {len(hits)} rows with {options.read}")
        return
    for reason, count in counts.items():
        print(reason, sum(count.values()), dict(count.most_common()))
    total = sum(seconds.values())
    print({name: round(value, 2) for name, value in seconds.items()})
    rates = {"rows_per_s_core": len(table) / total, "mb_per_s_core": size / 1e6 / total}
    print(
        f"{len(table):,} rows, {characters:,} characters", {k: round(v) for k, v in rates.items()}
    )
    print({k: round(v, 2) for k, v in cleaning.seconds.items()})
    if options.json:
        print(json.dumps({"reasons": counts, "rows": dict(Counter(names)), **rates}))


if __name__ == "__main__":
    main()
