"""Rows that ask for traditional characters keep their script.

`翻译成繁体中文` with its answer in simplified characters would be a wrong answer, and so would be a
text to convert that is converted already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from curate.refine import Clock, Counts, no_counts, rewritten
from curate.rewrite.base import Rewrite
from curate.rewrite.script import ScriptConversion
from curate.scan import Scan
from curate.textbatch import TextBatch

_ASKED = re.compile(
    r"繁[体體简簡]|[简簡]繁|正[体體](?:字|中文)|[粤粵][语語]|[广廣][东東][话話]|台[湾灣]用[语語]"
    r"|\btraditional chinese\b",
    re.IGNORECASE,
)


def script_kept(
    before: TextBatch,
    after: tuple[TextBatch, Scan, NDArray[np.uint32]],
    steps: list[Rewrite],
    counts: Counts,
    row_of: NDArray[np.int64],
    said: Callable[[int], Iterable[str]],
) -> tuple[TextBatch, Scan, NDArray[np.uint32]]:
    """What `rewritten` made of all texts, without conversion for rows that ask for their script.

    before: the texts as they were. after: what `rewritten` returned for them and `steps`; counts:
    what it counted, put right here too. row_of: int64 [texts], the row of each text. said: the
    texts of a row in which a user or a system prompt asks for something.
    """
    batch, scanned, bits = after
    place = next((i for i, step in enumerate(steps) if isinstance(step, ScriptConversion)), None)
    if place is None:
        return after
    converted = np.unique(row_of[bits >> np.uint32(place) & 1 == 1])
    rows = [row for row in converted.tolist() if any(map(_ASKED.search, said(row)))]
    texts = np.flatnonzero(np.isin(row_of, rows))
    if not len(texts):
        return after
    others = [step for step in steps if not isinstance(step, ScriptConversion)]
    found = no_counts(others, len(texts))
    part, part_scan, part_bits = rewritten(before.taken(texts), others, Clock(), found)
    for column, values in found.items():
        counts[column][texts] = values
    low = np.uint32((1 << place) - 1)
    bits[texts] = (part_bits & low) | ((part_bits & ~low) << np.uint32(1))
    scanned.counts[texts], scanned.flags[texts] = part_scan.counts, part_scan.flags
    return batch.spliced(texts, part), scanned, bits
