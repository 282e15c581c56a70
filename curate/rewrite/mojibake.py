"""Stretches of text that are bytes of one encoding shown as characters of another.

Three routes are known. `Route.GBK`: UTF-8 shown as GBK or GB 18030. `Route.WINDOWS`: UTF-8 shown as
Windows-1252 or Latin-1. `Route.GB_BYTES` and `Route.BIG5_BYTES`: GBK or Big5 shown as Windows-1252
or Latin-1. The first two are recognised by the structure of UTF-8, which clean text hardly ever has
in either view; the others only by how usual the decoded characters are.

Kernels find candidate runs and decode them; `curate.rewrite.encoding` judges.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.plausibility import commonness, costs
from curate.tables import stored
from curate.textbatch import Points

_UNDEFINED_1252 = (0x81, 0x8D, 0x8F, 0x90, 0x9D)
_REPLACEMENT = 0xFFFD
_EURO = 0x20AC
_DROP_COST = 8.0
"""Nats for each place where bytes must have been lost without a mark."""


class Route(IntEnum):
    """How a text was damaged."""

    GBK = 0
    WINDOWS = 1
    GB_BYTES = 2
    BIG5_BYTES = 3


_PYTHON = {"python": platform.python_version()}
"""Whose codecs decide the tables."""


@cache
def byte_view(route: Route) -> NDArray[np.uint32]:
    """`_built_byte_view`, from the cache of tables."""
    name = f"bytes-{route.name.lower()}"
    return stored(name, lambda: {"view": _built_byte_view(route)}, [__file__], _PYTHON)["view"]


def _built_byte_view(route: Route) -> NDArray[np.uint32]:
    """uint32 [0x10000]: the bytes a character stands for, as count << 16 | first << 8 | second.

    0 where a character cannot come of the route's wrong decoding.
    """
    view = np.zeros(0x10000, np.uint32)
    view[:0x80] = (1 << 16) | (np.arange(0x80, dtype=np.uint32) << 8)
    if route == Route.GBK:
        for code in range(0x80, 0x10000):
            try:
                data = chr(code).encode("gb18030")
            except UnicodeEncodeError:
                continue
            if len(data) == 2:
                view[code] = (2 << 16) | (data[0] << 8) | data[1]
        # Windows and browsers show a lone 0x80 as the euro sign.
        view[0x20AC] = (1 << 16) | (0x80 << 8)
        view[0x80] = (1 << 16) | (0x80 << 8)
        return view
    # Latin-1 and the decoders that keep Windows-1252's undefined bytes give C1 controls.
    view[0x80:0x100] = (1 << 16) | (np.arange(0x80, 0x100, dtype=np.uint32) << 8)
    for byte in range(0x80, 0xA0):
        if byte not in _UNDEFINED_1252:
            view[ord(bytes([byte]).decode("cp1252"))] = (1 << 16) | (byte << 8)
    return view


@cache
def pair_table(route: Route) -> NDArray[np.uint32]:
    """`_built_pair_table`, from the cache of tables."""
    name = f"pairs-{route.name.lower()}"
    return stored(name, lambda: {"pairs": _built_pair_table(route)}, [__file__], _PYTHON)["pairs"]


def _built_pair_table(route: Route) -> NDArray[np.uint32]:
    """uint32 [0x10000]: the character that a byte pair encodes in GBK or Big5, 0 where none."""
    encoding = "gbk" if route == Route.GB_BYTES else "big5"
    table = np.zeros(0x10000, np.uint32)
    for lead in range(0x81, 0xFF):
        for trail in range(0x40, 0xFF):
            try:
                char = bytes([lead, trail]).decode(encoding)
            except UnicodeDecodeError:
                continue
            if len(char) == 1:
                table[(lead << 8) | trail] = ord(char)
    return table


@njit(cache=True, nogil=True)
def next_byte(points, i, end, view):  # type: ignore[no-untyped-def]
    """First byte of the character at i in the view, or 0 where there is none."""
    if i >= end or points[i] >= 0x10000:
        return np.uint32(0)
    return (view[points[i]] >> np.uint32(8)) & np.uint32(0xFF)


@njit(cache=True, nogil=True)
def _total(points, start, end, costs):  # type: ignore[no-untyped-def]
    total = 0.0
    last = len(costs) - 1
    for i in range(start, end):
        total += costs[min(points[i], last)]
    return total


@njit(cache=True, nogil=True)
def _short_sequence(c, view):  # type: ignore[no-untyped-def]
    """What the two bytes of the character encode in UTF-8; 0 if nothing."""
    if c >= 0x10000:
        return np.uint32(0)
    first = (view[c] >> np.uint32(8)) & np.uint32(0xFF)
    second = view[c] & np.uint32(0xFF)
    if first < 0xC2 or first > 0xDF or (second & np.uint32(0xC0)) != 0x80:
        return np.uint32(0)
    return ((first & np.uint32(0x1F)) << np.uint32(6)) | (second & np.uint32(0x3F))


@njit(cache=True, nogil=True)
def _is_chance(points, i, inwards, view, costs):  # type: ignore[no-untyped-def]
    """Whether a character at the edge of a run is there by chance.

    The bytes of many usual characters, 说 for one, happen to encode a less likely one. Beside
    another such character it is no chance: that is how Windows-1252 looks in GBK.
    """
    cp = _short_sequence(points[i], view)
    if cp == 0 or costs[points[i]] + 0.5 >= costs[cp]:
        return False
    beside = i + inwards
    return beside < 0 or beside >= len(points) or _short_sequence(points[beside], view) == 0


@njit(cache=True, nogil=True)
def utf8_runs(points, view, usual, costs, wide, floor, decoded, runs, gains):  # type: ignore[no-untyped-def]
    n_runs = 0
    k = 0  # next free place in `decoded`
    i = 0
    end = len(points)
    while i < end and n_runs < len(runs):
        first = next_byte(points, i, end, view)
        if first < 0xC2 or first > 0xF4:
            i += 1
            continue
        if wide and _is_chance(points, i, 1, view, costs):
            i += 1
            continue
        start = k
        j = i
        need = 0
        size = 0
        cp = np.uint32(0)
        orphans = 0  # continuation bytes that may still belong to a lost character
        since_drop = 2  # whole characters since bytes were found missing without a mark
        whole = 0
        short = 0  # whole characters of two bytes
        good_j = i
        good_k = k
        drops = 0
        good_drops = 0
        broken = False
        while j < end and not broken:
            c = points[j]
            if c == 10 or c >= 0x10000:
                break
            committed = False
            follow = next_byte(points, j + 1, end, view)
            marked = c == 63 and (
                need > 0 or (whole > 0 and (follow & np.uint32(0xC0)) == 0x80 and follow != 0)
            )
            if c == _REPLACEMENT or marked:
                # A marked loss: what stood here cannot be known, but for one case. In GBK only 0x80
                # and pairs for private use have no character; after 0xE3 the latter would mean
                # Extension A, so it was 0x80 and the character is Chinese punctuation.
                if wide and need == 2 and cp == 3 and follow >= 0x80 and follow < 0xB0:
                    cp = cp << np.uint32(6)
                    need = 1
                    j += 1
                    continue
                decoded[k] = _REPLACEMENT
                k += 1
                need = 0
                orphans = 3
                j += 1
                if whole > 0 and since_drop >= 2:
                    good_j = j
                    good_k = k
                    good_drops = drops
                continue
            entry = view[c]
            count = entry >> np.uint32(16)
            if c == 32 and need == 1:
                # 0xA0 is a no-break space in Windows-1252, which many programs turn into a blank.
                maybe = (cp << np.uint32(6)) | np.uint32(0x20)
                if size == 2 and maybe < 0x10000 and usual[maybe] > 0 and follow >= 0xE2:
                    entry = np.uint32((1 << 16) | (0xA0 << 8))
            if wide and c == _EURO and need == 1 and (follow & np.uint32(0xC0)) == 0x80:
                # The euro sign is 0x80 in Windows' GBK, and also the pair A2 E3; only the pair ends
                # this character and begins one that the next character goes on with.
                entry = np.uint32((2 << 16) | 0xA2E3)
                count = np.uint32(2)
            if count == 0:
                break
            for b_index in range(count):
                b = entry & np.uint32(0xFF)
                if b_index == 0:
                    b = (entry >> np.uint32(8)) & np.uint32(0xFF)
                if need > 0 and (b & np.uint32(0xC0)) != 0x80:
                    # Bytes were dropped in the middle of a character.
                    if since_drop < 2 or b < 0xE2 or size != 2 or b_index != 0:
                        broken = True
                        break
                    decoded[k] = _REPLACEMENT
                    k += 1
                    drops += 1
                    since_drop = 0
                    need = 0
                if need > 0:
                    cp = (cp << np.uint32(6)) | (b & np.uint32(0x3F))
                    need -= 1
                    if need == 0:
                        overlong = (size == 2 and cp < 0x800) or (size == 3 and cp < 0x10000)
                        if overlong or cp > 0x10FFFF or (cp >= 0xD800 and cp < 0xE000):
                            broken = True
                            break
                        decoded[k] = cp
                        k += 1
                        whole += 1
                        short += size == 1
                        since_drop += 1
                        committed = True
                elif b < 0x80:
                    decoded[k] = b
                    k += 1
                    orphans = 0
                elif b < 0xC0:
                    if orphans > 0:
                        orphans -= 1
                        committed = count == 1 and whole > 0
                    elif since_drop >= 2 and whole > 1 and b_index == 1:
                        # An undefined pair was dropped: the character before is made of halves.
                        decoded[k - 1] = _REPLACEMENT
                        drops += 1
                        since_drop = 0
                    else:
                        broken = True
                        break
                elif b >= 0xC2 and b <= 0xF4:
                    need = 1 if b < 0xE0 else (2 if b < 0xF0 else 3)
                    size = need
                    cp = b & np.uint32(0x1F if need == 1 else (0x0F if need == 2 else 0x07))
                    orphans = 0
                else:
                    broken = True
                    break
            j += 1
            if wide and committed and _is_chance(points, j - 1, -1, view, costs):
                committed = False
            if not broken and committed and need == 0 and since_drop >= 2:
                good_j = j
                good_k = k
                good_drops = drops
        # The last character lost its end with the text's.
        if (
            not broken
            and need > 0
            and since_drop >= 2
            and whole > 1
            and (j == end or points[j] == 10)
        ):
            decoded[k] = _REPLACEMENT
            good_j = j
            good_k = k + 1
            good_drops = drops + 1
        if good_j > i:
            gain = _total(points, i, good_j, costs) - _total(decoded, start, good_k, costs)
            gain -= _DROP_COST * good_drops
            if gain >= floor or short >= 6:
                runs[n_runs, 0] = i
                runs[n_runs, 1] = good_j
                runs[n_runs, 2] = start
                runs[n_runs, 3] = good_k
                gains[n_runs] = gain
                n_runs += 1
                k = good_k
                i = good_j
                continue
        k = start
        # Another run may start inside this one, but not before its first whole character.
        i += 1
    return n_runs


@njit(cache=True, nogil=True)
def pair_runs(points, view, pairs, costs, floor, decoded, runs, gains):  # type: ignore[no-untyped-def]
    n_runs = 0
    k = 0
    i = 0
    end = len(points)
    while i < end - 1 and n_runs < len(runs):
        start = k
        j = i
        ordered = 0  # neighbours in the order of their codes, as in a list of accented letters
        while j < end - 1:
            a = next_byte(points, j, end, view)
            b = next_byte(points, j + 1, end, view)
            if a < 0x81:
                break
            cp = pairs[(a << np.uint32(8)) | b]
            if cp == 0:
                break
            decoded[k] = cp
            ordered += b > a and b <= a + 2
            if j > i:
                ordered += points[j] > points[j - 1] and points[j] <= points[j - 1] + 2
            k += 1
            j += 2
        if j > i:
            gain = _total(points, i, j, costs) - _total(decoded, start, k, costs)
            listed = j - i >= 4 and ordered > 0.5 * (j - i - 1)
            if gain >= floor and not listed:
                runs[n_runs, 0] = i
                runs[n_runs, 1] = j
                runs[n_runs, 2] = start
                runs[n_runs, 3] = k
                gains[n_runs] = gain
                n_runs += 1
            else:
                k = start
            i = j
        else:
            i += 1
    return n_runs


@dataclass(frozen=True)
class Run:
    """Characters `start` to `end` of a text, read by `route`, are `decoded`."""

    route: Route
    start: int
    end: int
    decoded: Points
    gain: float
    """Nats by which the decoded characters are more plausible than those they replace."""


def decoded_runs(points: Points, route: Route, floor: float) -> list[Run]:
    """The runs of one text that the route decodes with a gain of at least `floor`.

    Runs with a smaller gain are among them if they may hide a second layer of damage.
    """
    decoded = np.empty(len(points) * 2 + 4, np.uint32)
    runs = np.empty((len(points) + 1, 4), np.int64)
    gains = np.empty(len(points) + 1, np.float64)
    usual = commonness()
    if route in (Route.GBK, Route.WINDOWS):
        wide = route == Route.GBK
        n = utf8_runs(points, byte_view(route), usual, costs(), wide, floor, decoded, runs, gains)
    else:
        view = byte_view(Route.WINDOWS)
        pairs = pair_table(route)
        n = pair_runs(points, view, pairs, costs(), floor, decoded, runs, gains)
    return [
        Run(route, start, end, decoded[a:b].copy(), gain)
        for (start, end, a, b), gain in zip(runs[:n].tolist(), gains[:n].tolist(), strict=True)
    ]
