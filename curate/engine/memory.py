"""Free memory given back to the system."""

from __future__ import annotations

import ctypes

import pyarrow as pa


def give_back() -> None:
    """Gives back what is free in the heap of the C library and in Arrow's pool.

    Both keep what was freed, in pieces that the next stage may have no use for: without this, a
    build has at its end the sum of what its stages needed. Only the GNU library can be asked to.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
