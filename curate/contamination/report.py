"""The other direction: which questions were found in the corpus, in how many rows, and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate.contamination.evaluation import Evaluation
from curate.contamination.index import RULES
from curate.fingerprint import file_sha256
from curate.rowids import row_ids
from curate.rows import FILE
from curate.storage import column_array, read_arrow, written

REPORT_NAME = "contamination.parquet"
REPORT = pa.schema(
    [
        # `set/file#row` of the question, questions of a file counted from 1.
        pa.field("id", pa.string(), nullable=False),
        pa.field("set", pa.string(), nullable=False),
        # How it is looked for: ngrams | with_options | too_short (not looked for)
        pa.field("rule", pa.string(), nullable=False),
        # Rows of the corpus that score at least the limit, whatever became of them.
        pa.field("rows", pa.int64(), nullable=False),
        # The best score of any row, 0 below 0.3, and the first row that has it.
        pa.field("best_score", pa.float32(), nullable=False),
        pa.field("example", pa.string()),
    ]
)
"""One row per question, in the order of the files."""


def question_report(
    evaluation: Evaluation, partitions: Iterable[tuple[Path, Path, Sequence[str]]]
) -> pa.Table:
    """The report, in REPORT's schema.

    partitions: file of scores, refined file, and what ids begin with by the rows' column `file`, in
    the order of the ids.
    """
    index, names, sets = evaluation.read()
    count = len(index.rule)
    rows = np.zeros(count, np.int64)
    best = np.zeros(count, np.float32)
    example = np.full(count, None, object)
    for path, refined, units_of in partitions:
        table = read_arrow(path, ["units", "scores"])
        lists = column_array(table, "units")
        units = lists.flatten().to_numpy()
        if not len(units):
            continue
        scores = column_array(table, "scores").flatten().to_numpy()
        position = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy()))
        np.add.at(rows, units[scores >= np.float32(evaluation.options.limit)], 1)
        order = np.lexsort((position, -scores, units))
        first = order[np.append(True, np.diff(units[order]) != 0)]
        first = first[scores[first] > best[units[first]]]
        best[units[first]] = scores[first]
        rows_of = read_arrow(refined, [FILE.name, "row"]).take(pa.array(position[first]))
        numbers = [column_array(rows_of, name) for name in (FILE.name, "row")]
        example[units[first]] = row_ids(units_of, *numbers).to_pylist()
    unit = index.unit
    return pa.table(
        [
            names,
            sets,
            pa.array([RULES[rule] for rule in index.rule[unit].tolist()]),
            pa.array(rows[unit]),
            pa.array(best[unit]),
            pa.array(example[unit], pa.string()),
        ],
        schema=REPORT,
    )


def written_report(folder: Path, report: pa.Table) -> dict[str, Any]:
    """Writes the report into a build's folder; what the manifest's `outputs` say of it."""
    path = folder / REPORT_NAME
    with written(path) as temporary:
        pq.write_table(report, temporary, compression="zstd")
    return {
        "path": REPORT_NAME,
        "rows": report.num_rows,
        "bytes": path.stat().st_size,
        "sha256": file_sha256(path),
    }
