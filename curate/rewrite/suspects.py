"""A compiled look for the texts that encoding repair should try; clean ones cost little."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.mojibake import Route, byte_view, next_byte, pair_runs, pair_table, utf8_runs
from curate.rewrite.plausibility import commonness, costs
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch


@cache
def _gbk_shapes() -> NDArray[np.uint8]:
    """uint8 [0x10000]: what a character's GBK bytes could be in UTF-8.

    1, 2, 3: the first two bytes of a sequence of two, three, four; 4: continues one; 0: neither.
    """
    view = byte_view(Route.GBK)
    first, second = (view >> 8) & 0xFF, view & 0xFF
    follows = (second & 0xC0) == 0x80
    leads = [(0xC2, 0xDF, 1), (0xE2, 0xEF, 2), (0xF0, 0xF4, 3)]
    shapes = np.zeros(0x10000, np.uint8)
    for low, high, shape in leads:
        shapes[(first >= low) & (first <= high) & follows] = shape
    shapes[(first & 0xC0) == 0x80] = 4
    return shapes


@njit(cache=True, nogil=True)
def _sequence_weight(points, i, end, view):  # type: ignore[no-untyped-def]
    """Weight of the whole UTF-8 sequences from character i on: 1, 3 or 6 by length; 6 is enough."""
    need = 0
    size = 0
    weight = 0
    while i < end and weight < 6:
        if points[i] < 0x80 or points[i] >= 0x10000:
            break
        entry = view[points[i]]
        for k in range(entry >> np.uint32(16)):
            b = entry & np.uint32(0xFF)
            if k == 0:
                b = (entry >> np.uint32(8)) & np.uint32(0xFF)
            if need == 0:
                if b < 0xC2 or b > 0xF4:
                    return weight
                need = 1 if b < 0xE0 else (2 if b < 0xF0 else 3)
                size = need
            elif (b & np.uint32(0xC0)) == 0x80:
                need -= 1
                if need == 0:
                    weight += 1 if size == 1 else (3 if size == 2 else 6)
            else:
                return weight
        if entry == 0:
            break
        i += 1
    return weight


def _openings() -> NDArray[np.bool_]:
    """Bool [512]: three shapes in a row, 64 * first + 8 * second + third, that a run of whole
    sequences can begin with.
    """
    openings = np.zeros((8, 8, 8), np.bool_)
    openings[2:4, 4] = True
    openings[1, 1, 1:4] = True
    openings[1, 2:4, 1:5] = True
    return openings.ravel()


_OPENINGS = _openings()


@njit(cache=True, nogil=True)
def _gbk_suspects(points, offsets, shapes, openings, view, out):  # type: ignore[no-untyped-def]
    """Mark texts that as GBK show two long UTF-8 sequences in a row, a longer one, or six short.

    The only branch is taken for few characters of clean text.
    """
    for d in range(len(offsets) - 1):
        start = np.uint64(offsets[d])  # unsigned: no check for indices from the end
        end = np.uint64(offsets[d + 1])
        three = np.uint32(0)
        # The shapes behind the last two characters are 0.
        for i in range(start, end + np.uint64(2)):
            shape = np.uint32(0)
            if i < end:
                c = points[i]
                shape = np.uint32(shapes[c if c < np.uint32(0x10000) else np.uint32(0)])
            three = ((three << np.uint32(3)) | shape) & np.uint32(511)
            if openings[three] and _sequence_weight(points, i - 2, end, view) >= 6:
                out[d] = True
                break


@njit(cache=True, nogil=True)
def _latin_suspects(points, offsets, texts, view, gb, big5, out):  # type: ignore[no-untyped-def]
    """Mark, of the given texts, those that show any UTF-8 as Windows-1252, or two GBK or three Big5
    pairs in a row. Only letters and signs from U+00A1 on can begin either.
    """
    for t in texts:
        end = offsets[t + 1]
        for i in range(offsets[t], end - 1):
            a = points[i]
            if a < 0xA1 or a > 0xFF:
                continue
            if a >= 0xC2 and a <= 0xF4 and _sequence_weight(points, i, end, view):
                out[t] = True
                break
            if i + 3 >= end or points[i + 2] < 0xA1 or points[i + 2] > 0xFF:
                continue
            b = next_byte(points, i + 1, end, view)
            c = points[i + 2]
            e = next_byte(points, i + 3, end, view)
            if (
                (b > 0x80 or e > 0x80)
                and gb[(a << np.uint32(8)) | b]
                and gb[(c << np.uint32(8)) | e]
            ):
                out[t] = True
                break
            f = next_byte(points, i + 4, end, view)
            g = next_byte(points, i + 5, end, view)
            if (
                f > 0x80
                and big5[(a << np.uint32(8)) | b]
                and big5[(c << np.uint32(8)) | e]
                and big5[(f << np.uint32(8)) | g]
            ):
                out[t] = True
                break


@njit(cache=True, nogil=True)
def _confirmed(batch_points, offsets, texts, tables, usual, costs, floors, out):  # type: ignore[no-untyped-def]
    gbk, windows, gb, big5 = tables
    longest = 0
    for t in texts:
        longest = max(longest, offsets[t + 1] - offsets[t])
    decoded = np.empty(longest * 2 + 4, np.uint32)
    runs = np.empty((longest + 1, 4), np.int64)
    gains = np.empty(longest + 1, np.float64)
    for n, t in enumerate(texts):
        points = batch_points[offsets[t] : offsets[t + 1]]
        found = (
            utf8_runs(points, gbk, usual, costs, True, floors[0], decoded, runs, gains)
            or utf8_runs(points, windows, usual, costs, False, floors[1], decoded, runs, gains)
            or pair_runs(points, windows, gb, costs, floors[2], decoded, runs, gains)
            or pair_runs(points, windows, big5, costs, floors[3], decoded, runs, gains)
        )
        out[n] = found > 0


def suspects(batch: TextBatch, scanned: Scan, floors: Mapping[Route, float]) -> NDArray[np.int64]:
    """Indices of the texts with a run that gains its route's floor, or that may hide one."""
    tables = (
        byte_view(Route.GBK),
        byte_view(Route.WINDOWS),
        pair_table(Route.GB_BYTES),
        pair_table(Route.BIG5_BYTES),
    )
    marked = np.zeros(len(batch), np.bool_)
    _gbk_suspects(batch.points, batch.offsets, _gbk_shapes(), _OPENINGS, tables[0], marked)
    latin = scanned.having(Flag.HIGH_LATIN)
    _latin_suspects(batch.points, batch.offsets, latin, *tables[1:], marked)
    texts = np.flatnonzero(marked)
    confirmed = np.zeros(len(texts), np.bool_)
    limits = np.array([floors[route] for route in Route])
    _confirmed(batch.points, batch.offsets, texts, tables, commonness(), costs(), limits, confirmed)
    return texts[confirmed]
