"""The fork server from which worker processes come: it loads the pipeline once for all of them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
from typing import Any

_PRELOADED = ["curate.engine.warm"]


def prepare() -> None:
    """Starts the fork server, which loads the pipeline while the caller goes on."""
    multiprocessing.set_forkserver_preload(_PRELOADED)
    multiprocessing.forkserver.ensure_running()


def context() -> Any:
    """Context whose processes come from the fork server."""
    return multiprocessing.get_context("forkserver")
