"""How many rows, bytes and characters are left after each stage, by source."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from manifests.opened import OpenedBuild

STAGES = ("ingest", "decide", "exact", "near")
"""In the order in which a row passes them."""
_ASKED_FOR = "sides"
"""Comes last, in builds whose recipe asks for it."""


@dataclass(frozen=True)
class Amount:
    """So many rows; bytes of their text as read; characters of it after every rewrite."""

    rows: int = 0
    bytes: int = 0
    characters: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.rows + other.rows,
            self.bytes + other.bytes,
            self.characters + other.characters,
        )

    def __sub__(self, other: Amount) -> Amount:
        return Amount(
            self.rows - other.rows,
            self.bytes - other.bytes,
            self.characters - other.characters,
        )

    def as_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Funnel:
    """What was read of a source, and what each stage took away."""

    read: Amount
    lost: dict[str, Amount]
    """By stage, every stage of the build in order."""

    def left(self, stage: str) -> Amount:
        """What is left after the stage."""
        rest = self.read
        for name, amount in self.lost.items():
            rest = rest - amount
            if name == stage:
                return rest
        raise KeyError(stage)

    @property
    def kept(self) -> Amount:
        return self.read - sum(self.lost.values(), Amount())

    def __add__(self, other: Funnel) -> Funnel:
        lost = {stage: self.lost[stage] + other.lost[stage] for stage in self.lost}
        return Funnel(self.read + other.read, lost)

    def as_json(self) -> dict[str, Any]:
        return {
            "read": self.read.as_json(),
            "lost": {stage: amount.as_json() for stage, amount in self.lost.items()},
            "left": {stage: self.left(stage).as_json() for stage in self.lost},
            "kept": self.kept.as_json(),
        }


def funnels(build: OpenedBuild) -> dict[str, Funnel]:
    """The funnel of every source, by label.

    From the manifest; for builds of version 1, which do not have the sums there, from the ledger.
    """
    sums = _sums(build)
    seen = {stage for lost in sums.values() for stage in lost if stage}
    asked = (build.manifest["recipe"].get("dedup") or {}).get(_ASKED_FOR)
    known = [*STAGES, _ASKED_FOR] if asked else [*STAGES]
    stages = [*known, *sorted(seen - set(known))]
    return {
        source: Funnel(
            sum(by_stage.values(), Amount()),
            {stage: by_stage.get(stage, Amount()) for stage in stages},
        )
        for source, by_stage in sums.items()
    }


def _sums(build: OpenedBuild) -> dict[str, dict[str, Amount]]:
    """By source and stage at which rows were lost, "" for those kept."""
    sums: dict[str, dict[str, Amount]] = {}
    if build.manifest["schema_version"] >= 2:
        for label, source in build.manifest["sources"].items():
            counts = source["counts"] or {}
            own = {stage: Amount(**lost) for stage, lost in counts.get("lost", {}).items()}
            own[""] = Amount(
                counts.get("kept", 0),
                counts.get("bytes_kept", 0),
                counts.get("characters_kept", 0),
            )
            sums[label] = own
        return sums
    database = build.connection()
    columns = {row[0] for row in database.execute("DESCRIBE ledger").fetchall()}
    characters = "sum(characters)" if "characters" in columns else "0"
    for label, stage, *numbers in database.execute(
        f"SELECT source, coalesce(stage, ''), count(*), sum(bytes), {characters} FROM ledger "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall():
        sums.setdefault(label, {})[stage] = Amount(*[int(n or 0) for n in numbers])
    return sums
