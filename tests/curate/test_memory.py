"""Free memory goes back to the system when a stage ends."""

import ctypes

import numpy as np
import psutil
import pytest

from curate.engine.memory import give_back


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only the GNU library gives memory back"
)
def test_freed_memory_below_what_is_in_use_is_given_back() -> None:
    process = psutil.Process()
    give_back()
    # Below the size from which the library maps an array by itself.
    arrays = [np.ones(100_000, np.uint8) for _ in range(1000)]
    held = process.memory_info().rss
    del arrays[:-1]
    give_back()
    assert held - process.memory_info().rss > 50_000_000
