"""What there is to say about a build on one screen, from its manifest alone."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

from manifests.funnel import funnels
from manifests.opened import OpenedBuild
from manifests.seal import seal_holds


def story(build: OpenedBuild) -> dict[str, Any]:
    """The story of a build as JSON-ready values.

    Reads manifest.json and run.json; of builds of version 1 also the ledger, for what their
    manifests lack.
    """
    manifest = build.manifest
    kept = {label: funnel.kept for label, funnel in funnels(build).items()}
    sources, licences = [], defaultdict[str, Counter[str]](Counter)
    for label, entry in manifest["sources"].items():
        counts = entry["counts"] or {}
        amount = kept.get(label)
        licence = entry["licence"] or "unstated"
        if amount is not None:
            licences[licence].update(rows=amount.rows, characters=amount.characters)
        sources.append(
            {
                "source": label,
                "title": entry["title"],
                "rows_of": entry["row_type"],
                "files": len(entry["inputs"]),
                "licence": licence,
                "non_commercial": entry["non_commercial"],
                **{k: v for k, v in counts.items() if isinstance(v, int)},
            }
        )
    return {
        "build": str(build.folder),
        "name": manifest["name"],
        "kind": manifest["kind"],
        "schema_version": manifest["schema_version"],
        "curate_version": manifest["curate_version"],
        "limit": manifest["limit"],
        "counts": manifest["counts"],
        "sources": sources,
        "losses": losses(manifest),
        "languages": _labels(build, "languages", "lang"),
        "scripts": _labels(build, "scripts", "script"),
        "licences": {name: dict(sums) for name, sums in licences.items()},
        "outputs": _outputs(build),
        "run": run_record(build),
    }


def losses(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows not kept by stage and reason, most first, each with its rows by source."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for label, entry in manifest["sources"].items():
        for stage, reasons in (entry["counts"] or {}).get("reasons", {}).items():
            for reason, rows in reasons.items():
                sums.setdefault((stage, reason), {})[label] = rows
    found = [
        {"stage": stage, "reason": reason, "rows": sum(by.values()), "by_source": by}
        for (stage, reason), by in sums.items()
    ]
    return sorted(found, key=lambda loss: (-loss["rows"], loss["stage"], loss["reason"]))


def run_record(build: OpenedBuild) -> dict[str, Any] | None:
    """What run.json says of the run that finished the build; None when it is gone or damaged."""
    try:
        raw = (build.folder / "run.json").read_bytes()
        value: dict[str, Any] = json.loads(raw)
    except (OSError, ValueError):
        return None
    return None if seal_holds(raw) is False else value


def _labels(build: OpenedBuild, name: str, column: str) -> dict[str, dict[str, int]]:
    """Rows and characters kept by label, most rows first."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    if build.manifest["schema_version"] >= 2:
        for entry in build.manifest["sources"].values():
            for label, numbers in (entry["counts"] or {}).get(name, {}).items():
                sums[label].update(numbers)
    else:
        for label, rows, characters in (
            build.connection()
            .execute(
                f"SELECT coalesce({column}, ''), count(*), sum(length(text)) FROM data GROUP BY ALL"
            )
            .fetchall()
        ):
            sums[label].update(rows=rows, characters=int(characters))
    return {
        label: dict(numbers)
        for label, numbers in sorted(sums.items(), key=lambda item: (-item[1]["rows"], item[0]))
    }


def _outputs(build: OpenedBuild) -> dict[str, dict[str, int]]:
    """Files, rows and bytes by kind of output."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for output in build.outputs:
        kind = str(output["path"]).partition("/")[0]
        sums[kind].update(files=1, rows=output["rows"], bytes=output["bytes"])
    return {kind: dict(numbers) for kind, numbers in sums.items()}
