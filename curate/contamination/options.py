"""What a recipe may say about contamination."""

from __future__ import annotations

from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, model_validator

SCORE, QUESTION = "contamination", "contamination_question"
COLUMNS = {SCORE: pa.float32(), QUESTION: pa.string()}
"""Ledger columns: the best score of a row, and the id of the question that has it."""


class EvaluationFiles(BaseModel):
    """Files of one evaluation set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """File, folder or glob, relative to the recipe."""
    set: str = Field(default="", pattern=r"^[\w.-]*$")
    """First part of the ids of its questions; the name of the file or folder unless given."""
    question: str | None = None
    """Key or column that holds the question; found by itself in the formats that are known."""
    options: tuple[str, ...] = ()
    """Keys or columns that hold the options: one with a list, or one for each."""
    answer: str | None = None
    """Key or column that holds the answer, which stands in for options where there are none."""


class Contamination(BaseModel):
    """Which evaluation sets the corpus must not hold, and what counts as holding a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[EvaluationFiles, ...] = Field(min_length=1)
    """The sets: paths, or mappings with `path:` and what the format does not say."""
    ngram: int = Field(default=10, ge=6, le=32)
    """Characters (letters, digits, ideographs) in a row that must agree to count."""
    common: int = Field(default=10, ge=1)
    """A run of characters in more different questions than that is a phrase, and proves nothing."""
    limit: float = Field(default=0.7, ge=0.3, le=1.0)
    """Share of a question's characters from which a row holds the question."""
    policy: Literal["drop", "keep"] = "drop"
    """Whether rows that hold a question are dropped, or stay with score and question in the
    ledger."""

    @model_validator(mode="before")
    @classmethod
    def _paths(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("files"), (list, tuple)):
            files = [{"path": f} if isinstance(f, str) else f for f in value["files"]]
            return {**value, "files": files}
        return value
