"""Where the elements of a JSON text end: compiled scans over its bytes."""

from __future__ import annotations

from numba import njit

COMMA, CLOSE, STRAY, VALUE = 0, 1, 2, 3
"""What ended an element: a comma, the array's bracket, a bracket that fits nothing, or, for values
one after another, its own bracket."""


@njit(cache=True, nogil=True)
def boundary(data, start, base, state):  # type: ignore[no-untyped-def]
    """Scan on from `start` to where an element ends; (position, kind), or (len(data), -1).

    base: depth of the elements, 1 inside an array and 0 for values one after another. state:
    int64 [depth, inside a string, after a backslash], kept between calls.
    """
    depth = state[0]
    quoted = state[1]
    escaped = state[2]
    i = start
    n = len(data)
    kind = -1
    while i < n:
        b = data[i]
        if quoted:
            if escaped:
                escaped = 0
            elif b == 92:
                escaped = 1
            elif b == 34:
                quoted = 0
        elif b == 34:
            quoted = 1
        elif b == 44:
            if depth == base:
                kind = 0
                break
        elif b == 123 or b == 91:
            depth += 1
        elif b == 125 or b == 93:
            if depth == base and base == 1:
                kind = 1 if b == 93 else 2
                break
            if depth > 0:
                depth -= 1
            if base == 0 and depth == 0:
                kind = 3
                break
        i += 1
    state[0] = depth
    state[1] = quoted
    state[2] = escaped
    return i, kind


@njit(cache=True, nogil=True)
def plain_run(data, start, base, ends, keys):  # type: ignore[no-untyped-def]
    """The common case in bulk: ends (exclusive) of the elements from `start` on that a comma (in an
    array) or their own closing bracket (base 0) ends, and the keys counted in each. Stops before
    anything else; returns how many there are.
    """
    k = 0
    i = start
    n = len(data)
    depth = base
    count = 0
    while i < n and k < len(ends):
        b = data[i]
        if b == 34:
            i += 1
            while i < n and data[i] != 34:
                i += 2 if data[i] == 92 else 1
        elif b == 58:
            if depth == base + 1:
                count += 1
        elif b == 44:
            if depth == base and base == 1:
                ends[k] = i
                keys[k] = count
                k += 1
                count = 0
        elif b == 123 or b == 91:
            depth += 1
        elif b == 125 or b == 93:
            depth -= 1
            if depth < base:
                break
            if base == 0 and depth == 0:
                ends[k] = i + 1
                keys[k] = count
                k += 1
                count = 0
        i += 1
    return k
