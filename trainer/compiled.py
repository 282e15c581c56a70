"""torch.compile for the blocks of a model; attention over packed rows stays as it is."""

from __future__ import annotations

import os
import shlex
import shutil
from typing import Any

from curate.errors import RecipeError


def check() -> None:
    """Raises RecipeError where torch could not compile: it needs a C++ compiler."""
    wanted = [os.environ["CXX"]] if os.environ.get("CXX") else ["g++", "clang++"]
    if not any(shutil.which(shlex.split(name)[0]) for name in wanted):
        raise RecipeError(
            f"compile: true needs a C++ compiler, and there is no {' or '.join(wanted)}; install "
            "g++, or leave `compile` out"
        )


def blocks(network: Any) -> None:
    """Compiles each block in place; names of parameters stay.

    Attention is called as it is (see `trainer.attention`), so rows with other segments need no
    other code, and neither does the loss, whose number of tokens changes with every batch.
    """
    for block in network.base_model.layers:
        block.compile()
