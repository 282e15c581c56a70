"""Imported by the fork server: loads the pipeline and its compiled code once for all workers."""

from __future__ import annotations

import numpy as np

import curate.decide
import curate.ingest
import curate.measure
import curate.refine
import curate.rewrite
from curate.dedup.deduplicate import deduplicate
from curate.measure.base import Measure
from curate.refine import Clock, measured, rewritten
from curate.rewrite.base import Rewrite
from curate.step import discovered
from curate.textbatch import TextBatch
from sources.flatjson import flat_lines
from sources.jsonlines import line_spans

_PARAGRAPH = "镇上的图书馆上个月重新开放，第一天就来了三百位居民，孩子们最喜欢靠窗的位置。"
_TEXTS = ["开会。", "The cat（）&amp; 第１２　号，這裏。。。", "", "a\nb\\n"]


def warm() -> None:
    """Runs every default rewrite and measure, and the deduplication, on a few words."""
    steps = [k() for k in discovered(curate.rewrite, Rewrite).values() if k.default]
    measures = [k() for k in discovered(curate.measure, Measure).values() if k.default]
    batch = TextBatch.from_arrow(TextBatch.from_strings(_TEXTS).to_arrow())
    batch, scanned, _ = rewritten(batch, steps, Clock())
    measured(batch.taken(np.arange(len(batch))), scanned, measures, Clock())
    line = b'{"text": "' + _PARAGRAPH.encode() + b'"}'
    flat_lines(line, *line_spans(np.frombuffer(line, np.uint8)), ["text"])
    deduplicate([_PARAGRAPH, _PARAGRAPH + "了", _PARAGRAPH, *_TEXTS])


warm()
