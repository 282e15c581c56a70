"""What a recipe may say about deduplication."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ExactDedup(BaseModel):
    """Drop texts whose normal form (see `curate.dedup.normal`) has been seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory_mb: int = Field(default=1024, ge=64)
    """Memory one task may take for its records, in MiB. It changes how the work is cut, never
    the result."""


class NearDedup(BaseModel):
    """Drop texts that share most of their shingles with a text that is kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    """True Jaccard similarity of the shingle sets from which two texts count as duplicates."""
    permutations: int = Field(default=128, ge=16, le=1024)
    """Slots of a MinHash signature. More slots find more of the true pairs, at a price in time."""
    shingle: int = Field(default=5, ge=1, le=32)
    """Characters (or words) in a shingle."""
    unit: Literal["character", "word"] = "character"
    """What shingles are made of. `word` cuts with jieba, which is about a hundred times slower."""
    false_positive_weight: float = Field(default=0.002, ge=0.0, le=1.0)
    """Weight of candidates below the threshold when the bands are chosen, as in datasketch.
    They cost a comparison and nothing else, since every candidate is verified."""
    false_negative_weight: float = Field(default=0.998, ge=0.0, le=1.0)
    """Weight of missed pairs at or above the threshold when the bands are chosen."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Chooses the permutations. Another seed may find another few of the rarely missed pairs."""
    memory_mb: int = Field(default=1024, ge=64)
    """Memory one task may take for records and shingles, in MiB. It changes how the work is cut
    and, in groups of thousands of much alike texts, which of many comparisons are left out."""

    @property
    def hashes(self) -> dict[str, Any]:
        """All that a text's band keys depend on."""
        return self.model_dump(include={*NearDedup.model_fields} - {"memory_mb"})

    @model_validator(mode="after")
    def _weighted(self) -> NearDedup:
        if self.false_positive_weight + self.false_negative_weight <= 0:
            raise ValueError("one of the two weights must be above zero")
        return self


class RowDedup(NearDedup):
    """Drop instructions that are alike as a whole, question and answer together."""

    substance: bool = True
    """Only where numbers, names and quotations of the questions agree, and short answers are equal
    (`curate.dedup.agreement`); `false` drops what is alike, also where these differ."""


class QuestionDedup(NearDedup):
    """Drop instructions that ask nearly the same as one that is kept, whatever the answers."""

    threshold: float = Field(default=0.5, gt=0.0, le=1.0)
    """True Jaccard similarity of the questions from which two count as the same."""
    substance: bool = True
    """Only where they differ in nothing but marks and particles; `false` drops what is alike, also
    where names and numbers differ."""


Choice = Literal["first", "best", "all"]


class SideDedup(BaseModel):
    """Keep one of the pairs that say the same on one side and something else on the other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: Choice = "best"
    """Which of the pairs with the same Chinese side stays: `best`, the one of highest `pair_score`,
    of equals as `first`; `first` by source priority, length and id, as among other duplicates;
    `all`."""
    en: Choice = "best"
    """The same for pairs with the same English side, among those that the Chinese side left."""
    zh_characters: int = Field(default=12, ge=0)
    """Chinese sides whose normal form is shorter stay with all their translations."""
    en_characters: int = Field(default=40, ge=0)
    """The same for English sides."""
    memory_mb: int = Field(default=1024, ge=64)
    """Memory one task may take for its records, in MiB. It changes how the work is cut, never
    the result."""

    @model_validator(mode="after")
    def _chosen(self) -> SideDedup:
        if self.zh == "all" and self.en == "all":
            raise ValueError("all of both sides stay; say `sides: false`, or `first` or `best`")
        return self

    @property
    def by_score(self) -> bool:
        """Whether a side is chosen by `pair_score`."""
        return "best" in (self.zh, self.en)
