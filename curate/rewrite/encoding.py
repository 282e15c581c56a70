"""Encoding repair: text decoded with the wrong encoding is decoded again with the right one.

A stretch is changed only if the same bytes, read the other way, make text that is far more
plausible (`curate.rewrite.plausibility`). What cannot be known stays U+FFFD, and text beyond
repair (`锟斤拷`) is left to the `damage` measure.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.mojibake import Route, Run, decoded_runs
from curate.rewrite.plausibility import commonness, costs
from curate.rewrite.suspects import suspects
from curate.scan import Scan, scan
from curate.textbatch import Points, TextBatch

# Nats by which a decoding must be shorter than the text it replaces. A chance hit has to overcome
# the number of places in a corpus where it could happen: e^16 is about ten million.
_MARGIN = {Route.GBK: 16.0, Route.WINDOWS: 15.0, Route.GB_BYTES: 8.0, Route.BIG5_BYTES: 16.0}
# Once a route is proven in a text, other runs of it need only be no accident in that one text.
_NEAR_MARGIN = {Route.GBK: 6.0, Route.WINDOWS: 5.0, Route.GB_BYTES: 3.0, Route.BIG5_BYTES: 6.0}
# Â and Ã, the commonest lead bytes of accented letters, are capitals: odd inside `cafÃ©` or `5Â°`.
_CAPITALS = (0xC2, 0xC3)
_BEFORE_NO_CAPITAL = "abcdefghijklmnopqrstuvwxyz0123456789"
_CASE_GAIN = 6.0
_DEPTH = 3
_REPLACEMENT = 0xFFFD
# Nothing in its structure tells GBK or Big5 bytes from those of other scripts' encodings, so what
# a text decodes to must be usual Chinese characters: by this many nats of commonness in all; or,
# where there is much of it and it cannot be a word in an alphabet, by so many a character, or by a
# share of characters in general use. Drawn by lot, characters have -1.5 nats each, in Chinese 1.2.
# No single run may be much below chance.
_UNSTRUCTURED = (Route.GB_BYTES, Route.BIG5_BYTES)
_EVIDENCE = 3.5
_AMPLE_GAIN = 20.0
_MEAN_EVIDENCE = -0.3
_UNCOMMON = -3.5
_GENERAL_USE = 0.85
_NEARLY_ALL = 0.8
_WORST_MEAN = -3.1
# Frequent syllables of Korean, whose EUC-KR bytes are all Chinese characters in GBK.
_KOREAN = frozenset(
    "이다는의에가을하고지로은기사도를한어리서자나대아인시정부일들해수그라전있여게만주보장상"
    "니습세요면과와등적제원오우으것않없할때모든안성신스"
)
_FLOOR = {route: margin - _CASE_GAIN for route, margin in _MARGIN.items()}


def _gain(points: Points, run: Run, depth: int) -> float:
    """The run's gain, with the context it stands in and any second layer of damage below it."""
    gain = run.gain
    if run.route not in (Route.GBK, Route.WINDOWS):
        return gain
    if run.start and points[run.start] in _CAPITALS:
        gain += _CASE_GAIN * (chr(points[run.start - 1]) in _BEFORE_NO_CAPITAL)
    if depth and gain < _MARGIN[run.route] and len(run.decoded) >= 6:
        again = _repaired_once(run.decoded, depth - 1)
        if again is not None:
            gain += _total(run.decoded) - _total(again)
    return gain


def _evidence(points: Points) -> float:
    return float(commonness()[points[points < 0x10000]].sum())


def _is_chinese(points: Points, runs: list[Run], gain: float) -> bool:
    """Whether what the runs decode to is Chinese, and not another script's bytes misread."""
    source = np.concatenate([points[run.start : run.end] for run in runs])
    decoded = np.concatenate([run.decoded for run in runs])
    evidence, size = _evidence(decoded), len(decoded)
    syllables = source[source <= 0xFF].astype(np.uint8).tobytes().decode("euc_kr", "ignore")
    korean = sum(char in _KOREAN for char in syllables) / size
    if evidence >= _EVIDENCE:
        return korean < 0.5
    # Alphabets in 8 bits have their letters from 0xC0 on; Thai gives kana and other rows of signs.
    if gain < _AMPLE_GAIN or korean >= 0.2 or bool((source >= 0xC0).all()):
        return False
    nats = commonness()[np.minimum(decoded, 0xFFFF)]
    han_or_usual = nats != 0
    wide = (decoded >= 0xFF00) & (decoded < 0xFF5F)
    if not bool((han_or_usual | wide).all()):
        return False
    return evidence >= _MEAN_EVIDENCE * size or float((nats > _UNCOMMON).mean()) >= _GENERAL_USE


def _total(points: Points) -> float:
    table = costs()
    return float(table[np.minimum(points, len(table) - 1)].sum())


def _explained(points: Points, runs: list[Run]) -> bool:
    """Whether nearly all Latin-1 letters and signs are in runs proven by UTF-8's structure."""
    latin = (points >= 0xA1) & (points <= 0xFF)
    inside = sum(int(latin[run.start : run.end].sum()) for run in runs)
    return inside >= _NEARLY_ALL * int(latin.sum())


def _chosen_runs(points: Points, depth: int) -> list[Run]:
    """The runs to replace, in order of position, none overlapping another."""
    found: list[tuple[float, float, Run]] = []
    for route in Route:
        near = _NEAR_MARGIN[route]
        if route in _UNSTRUCTURED and _explained(points, [run for *_, run in found]):
            break
        graded = [(_gain(points, r, depth), r) for r in decoded_runs(points, route, near)]
        # 锟斤拷 is U+FFFD misread: what it stood for is gone, and turning it back saves nothing.
        graded = [
            (gain, run)
            for gain, run in graded
            if gain >= near and bool((run.decoded != _REPLACEMENT).any())
        ]
        total = sum(gain for gain, _ in graded)
        if not any(gain >= _MARGIN[route] for gain, _ in graded):
            continue
        if route in _UNSTRUCTURED:
            if not _is_chinese(points, [run for _, run in graded], total):
                continue
            graded = [
                (gain, run)
                for gain, run in graded
                if _evidence(run.decoded) >= _WORST_MEAN * len(run.decoded)
            ]
        # Where two routes fit, the one that explains more of the text goes first.
        found += [(total, gain, run) for gain, run in graded]
    found.sort(key=lambda f: (-f[0], -f[1], f[2].start, f[2].route))
    taken = np.zeros(len(points), np.bool_)
    chosen = []
    for *_, run in found:
        if not taken[run.start : run.end].any():
            taken[run.start : run.end] = True
            chosen.append(run)
    return sorted(chosen, key=lambda run: run.start)


def _repaired_once(points: Points, depth: int) -> Points | None:
    runs = _chosen_runs(points, depth)
    if not runs:
        return None
    pieces: list[Points] = []
    at = 0
    for run in runs:
        pieces += [points[at : run.start], run.decoded]
        at = run.end
    return np.concatenate([*pieces, points[at:]])


# 中文 read as GBK is 涓, a private-use character and 枃. Most programs lose the one in the middle;
# the two that are left, which follow each other in no Chinese text, are its best-known remains.
_REMAINS = {"\u6d93\u6783": "\u4e2d\u6587"}
_MARKS = tuple(ord(pair[1]) for pair in _REMAINS)


def repaired(text: str) -> str:
    """The text with every certain repair made, through as many layers of damage as there are."""
    for remains, meant in _REMAINS.items():
        text = text.replace(remains, meant)
    points: Points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    changed = False
    while True:
        better = _repaired_once(points, _DEPTH)
        # Each layer removed makes the text shorter in UTF-8, so this ends.
        if better is None:
            break
        points, changed = better, True
    return points.tobytes().decode("utf-32-le") if changed else text


class Encoding(Rewrite):
    """Repairs UTF-8 read as GBK or Windows-1252, and GBK or Big5 read as Windows-1252."""

    name: ClassVar[str] = "encoding"
    order: ClassVar[int] = 10
    version: ClassVar[int] = 2

    def rewrite(self, text: str) -> str:
        """The text as it was before it was read with the wrong encoding."""
        batch = TextBatch.from_strings([text])
        return self.rewrite_batch(batch, scan(batch))[0][0]

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        """As `rewrite`, over the texts that a compiled look finds suspicious."""
        changes: dict[int, str] = {}
        chosen = set(suspects(batch, scanned, _FLOOR).tolist())
        for mark in _MARKS:
            places = np.flatnonzero(batch.points == mark)
            chosen |= set((np.searchsorted(batch.offsets, places, side="right") - 1).tolist())
        for i in sorted(chosen):
            text = batch[i]
            new = repaired(text)
            if new != text:
                changes[i] = new
        return batch.replaced(changes), np.array(sorted(changes), np.int64)
