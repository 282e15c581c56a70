"""Splits in the forms that other trainers read; each writer takes (shards, folder, advance)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from curate.tokens.export.huggingface import write_huggingface
from curate.tokens.export.megatron import write_megatron
from curate.tokens.export.tencentpretrain import write_tencentpretrain
from curate.tokens.format.reader import Shards

EXPORTS: dict[str, Callable[[Shards, Path, Callable[[int], None]], dict[str, Any]]] = {
    "megatron": write_megatron,
    "tencentpretrain": write_tencentpretrain,
    "huggingface": write_huggingface,
}
