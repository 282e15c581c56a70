"""The recipe of an instruction build: a corpus build's, and what instructions need besides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

import curate.measure
import curate.measure.instruction
from curate.dedup.options import QuestionDedup, RowDedup
from curate.errors import RecipeError
from curate.ingest import Made
from curate.instructions.cleaning import with_usual
from curate.instructions.making import ChoiceOptions, Making, TaskOptions, tasks_for
from curate.measure.base import Measure
from curate.measure.instruction.base import Fate, InstructionMeasure
from curate.measure.pair.base import AnyMeasure
from curate.recipe import Dedup, Languages, Recipe, Source, nearest
from curate.rows import INSTRUCTION, PAIR, PAPER, RowType
from curate.step import discovered


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cap(_Model):
    """The most that may be kept."""

    rows: int | None = Field(default=None, ge=1)
    """Rows."""
    characters: int | None = Field(default=None, ge=1)
    """Characters of all texts of a row together."""
    tokens: int | None = Field(default=None, ge=1)
    """Tokens of all texts of a row together, by the tokenizer of the mixture."""


class InstructionSource(Source):
    """A source of an instruction build."""

    tasks: TaskOptions | None = Field(default_factory=TaskOptions)
    """What papers and pairs become."""
    choices: ChoiceOptions | None = Field(default_factory=ChoiceOptions)
    """Choices drawn for questions that list them, such as pCLUE's; `false` leaves them as they
    are."""
    cap: Cap = Field(default_factory=Cap)
    """The most that is kept of the source; which rows, is drawn by the hash of their ids."""
    weight: float = Field(default=1.0, gt=0)
    """Share of the source in the budget of the mixture, relative to the other sources."""
    epochs: float = Field(default=1.0, ge=1, le=100)
    """How often the source's rows stand in the training files; 1.5 is once, and half of them
    twice."""

    @field_validator("tasks", "choices", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return None if value is False else {} if value is True else value


class InstructionDedup(Dedup):
    """Which duplicates are removed, and what makes two instructions the same.

    Exact duplicates ask the same question: instruction, input, and what the user said before. Near
    duplicates are much alike as a whole, question and answer; wording that a hundred rows share
    does not count.
    """

    near: RowDedup | None = Field(default_factory=RowDedup)
    questions: QuestionDedup | None = None
    """Questions that are nearly the same, whatever the answers; kept unless asked for. Which of
    the rows stays, of these and of near duplicates as a whole, `answers` says then."""
    answers: Literal["keep_first", "keep_best", "keep_all"] = "keep_first"
    """Of several answers to one question: the first in order of the ids stays; the best, which is
    one without tags before one with, and the longest of these; or all that differ. The priority of
    sources comes before either."""

    @model_validator(mode="after")
    def _one_answer(self) -> InstructionDedup:
        if self.questions is not None and self.answers == "keep_all":
            raise ValueError(
                "`questions` drops all but one of the answers to nearly the same question, and "
                "`answers: keep_all` keeps them; leave out one of the two"
            )
        return self


class Mixture(_Model):
    """How much of what is kept of each source goes into the build, and its parts."""

    rows: int | None = Field(default=None, ge=1)
    """Rows in all, shared out by the sources' weights; what a source cannot fill, others get."""
    characters: int | None = Field(default=None, ge=1)
    """The same in characters."""
    tokens: int | None = Field(default=None, ge=1)
    """The same in tokens, as `tokenizer` counts them."""
    tokenizer: str | None = None
    """Tokenizer folder or file, relative to the recipe, that counts tokens for budgets and caps."""
    valid: float = Field(default=0.01, ge=0, lt=1)
    """Share of the rows that are set apart for validation."""
    apart: float = Field(default=0.8, gt=0, le=1)
    """Rows that are alike by so much, as a whole or in their questions, are on one side of training
    and validation."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Chooses which rows fill a cap or budget, which are for validation, and their order."""


class InstructionOutput(_Model):
    """What an instruction build writes besides Parquet, ledger and manifest."""

    shard_mb: int = Field(default=32, ge=1)
    """Text per Parquet shard in MB (10^6 bytes), before compression."""
    jsonl: bool = True
    """train.jsonl and valid.jsonl in the published schema, and dataset_info.json."""
    messages: bool = False
    """train.messages.jsonl and valid.messages.jsonl: `messages` of role and content."""
    sharegpt: bool = False
    """train.sharegpt.jsonl and valid.sharegpt.jsonl: `conversations` of from and value."""


class InstructionRecipe(Recipe):
    """Everything an instruction build does."""

    usual_limits: ClassVar[Sequence[tuple[str, str, dict[str, float]]]] = (
        ("fields", "prompt_characters", {"min": 1}),
        ("fields", "output_characters", {"min": 1}),
    )
    steps: ClassVar[tuple[type[AnyMeasure], ...]] = (Measure, InstructionMeasure)

    sources: tuple[InstructionSource, ...] = Field(min_length=1)
    """What is read."""
    policies: dict[str, Fate] = Field(default_factory=dict)
    """What becomes of rows with a flag, by its reason: `drop`, `keep`, or `tag`, which keeps them
    with the reason among their `tags`."""
    language: Languages | None = None
    """Languages that stay; all unless given: to answer in another language may be what is asked
    for."""
    dedup: InstructionDedup = Field(default_factory=InstructionDedup)
    mixture: Mixture = Field(default_factory=Mixture)
    output: InstructionOutput = Field(default_factory=InstructionOutput)  # type: ignore[assignment]

    def wanted_rewrites(self, source: Source) -> dict[str, Any]:
        """What is said of rewrites for a source, with the options that suit fields and answers."""
        return with_usual(super().wanted_rewrites(source))

    def known_measures(self) -> dict[str, type[AnyMeasure]]:
        """The measures that may be named, by name."""
        return {
            **discovered(curate.measure, Measure),
            **discovered(curate.measure.instruction, InstructionMeasure),
        }

    def template(self, source: Source, kind: RowType) -> str:
        """How the fields of a row become the text that texts are measured by."""
        if kind.name not in (INSTRUCTION.name, PAPER.name, PAIR.name):
            raise RecipeError(
                f"source {source.id_prefix!r} holds {kind.name} rows; an instruction build takes "
                "instructions, and papers and pairs for tasks"
            )
        if source.render is not None:
            raise RecipeError(
                f"source {source.id_prefix!r}: `render` is for corpus builds; leave it out"
            )
        return "{system}\n{history}\n{instruction}\n{input}\n{output}"

    def making(self, source: Source, kind: RowType) -> Made:
        """What makes instructions of what is read."""
        assert isinstance(source, InstructionSource)
        return Making(kind, source.tasks or TaskOptions(), source.choices)

    def fates(self) -> dict[str, tuple[str, Fate]]:
        """Column and fate of every reason that measures flag."""
        return {
            reason: (column, self.policies.get(reason) or measure.fates.get(reason, "tag"))
            for measure in self.measures()
            if isinstance(measure, InstructionMeasure)
            for column, reason in measure.flags.items()
        }

    def columns_with(self, fate: Fate) -> dict[str, str]:
        """Flag columns whose rows have this fate, each with the reason."""
        return {c: reason for reason, (c, wanted) in self.fates().items() if wanted == fate}

    @property
    def counts_tokens(self) -> bool:
        """Whether budget or caps are in tokens."""
        return any([self.mixture.tokens, *(source.cap.tokens for source in self.sources)])

    def check(self, where: str) -> None:
        """Raises RecipeError for policies on reasons there are not, and tasks there are not."""
        if self.counts_tokens and self.mixture.tokenizer is None:
            raise RecipeError(
                f"{where}: a budget or cap of tokens needs `mixture.tokenizer`, the folder of the "
                "tokenizer that counts them"
            )
        known = list(self.fates())
        for reason in self.policies:
            if reason not in known:
                raise RecipeError(
                    f"{where}, policies: no reason {reason!r}{nearest(reason, known)}"
                )
        for source in self.sources:
            kind = source.adapter().row_type
            if kind is INSTRUCTION:
                continue
            if source.tasks is None:
                raise RecipeError(
                    f"{where}, source {source.id_prefix!r}: {kind.name} rows become instructions "
                    "by tasks; leave out `tasks: false`"
                )
            names = list(tasks_for(kind).tasks) if kind in (PAPER, PAIR) else []
            for name in source.tasks.only or ():
                if name not in names:
                    raise RecipeError(
                        f"{where}, source {source.id_prefix!r}: no task {name!r}"
                        f"{nearest(name, names)}"
                    )
