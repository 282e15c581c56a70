"""Two builds compared: which rows were gained, lost, changed or moved, and what explains it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from manifests.kept import text_sql
from manifests.opened import OpenedBuild
from manifests.texts import hidden, kept_texts

GAINED, LOST, CHANGED, MOVED, NEW, GONE = "gained", "lost", "changed", "moved", "new", "gone"
KINDS = (GAINED, LOST, CHANGED, MOVED, NEW, GONE)
"""Kept only in the second build; kept only in the first; kept in both with another text; kept in
neither, for another reason; read only by the second and not kept; the same for the first."""

_NOT_READ = "not read"
_KEPT = "kept"

_JOINED = """
WITH a AS (
    SELECT id, source, coalesce(reason, 'kept') AS fate, bytes, content FROM ledger_a
    LEFT JOIN (SELECT id, hash({a}) AS content FROM data_a) USING (id)
), b AS (
    SELECT id, source, coalesce(reason, 'kept') AS fate, bytes, content FROM ledger_b
    LEFT JOIN (SELECT id, hash({b}) AS content FROM data_b) USING (id)
), joined AS (
    SELECT id, coalesce(a.source, b.source) AS source, coalesce(a.fate, $not_read) AS before,
        coalesce(b.fate, $not_read) AS after, coalesce(b.bytes, a.bytes) AS bytes,
        CASE
            WHEN before = 'kept' AND after = 'kept'
                THEN CASE WHEN a.content = b.content THEN 'same' ELSE 'changed' END
            WHEN after = 'kept' THEN 'gained'
            WHEN before = 'kept' THEN 'lost'
            WHEN before = after THEN 'same'
            WHEN before = $not_read THEN 'new'
            WHEN after = $not_read THEN 'gone'
            ELSE 'moved'
        END AS kind
    FROM a FULL JOIN b USING (id)
)
SELECT kind, source, before, after, count(*) AS rows, sum(bytes)::BIGINT AS bytes,
    arg_min(id, hash(id), $examples) AS ids
FROM joined GROUP BY ALL ORDER BY ALL
"""


def compared(
    a: OpenedBuild, b: OpenedBuild, examples: int = 3, memory_mb: int = 1024
) -> dict[str, Any]:
    """Rows gained, lost, changed and moved from build `a` to `b`, by source, and why.

    Rows are the same where their ids are. The join runs in DuckDB with at most `memory_mb` of
    memory and goes to disk beyond. Texts are compared by a 64-bit hash.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="curate-diff-") as spill:
        with duckdb.connect(
            ":memory:", config={"memory_limit": f"{memory_mb}MB", "temp_directory": spill}
        ) as database:
            for name, build in (("a", a), ("b", b)):
                for view, files in (("ledger", build.ledger_files), ("data", build.data_files)):
                    paths = [str(path) for path in files]
                    database.read_parquet(paths).create_view(f"{view}_{name}")
            joined = _JOINED.format(a=text_sql(a.manifest["kind"]), b=text_sql(b.manifest["kind"]))
            found = database.execute(joined, {"not_read": _NOT_READ, "examples": max(examples, 1)})
            groups = found.fetchall()
    differences = list(recipe_differences(a.manifest, b.manifest))
    rows = dict.fromkeys((*KINDS, "same"), 0)
    sources: dict[str, dict[str, int]] = {}
    listing = []
    for kind, source, before, after, count, size, ids in groups:
        rows[kind] += count
        own = sources.setdefault(source, dict.fromkeys((*KINDS, "same"), 0))
        own[kind] += count
        if kind != "same":
            listing.append(
                {
                    "kind": kind,
                    "source": source,
                    "before": before,
                    "after": after,
                    "rows": count,
                    "bytes": size,
                    "because": explanations(kind, before, after, source, differences),
                    "ids": ids,
                }
            )
    order = {kind: i for i, kind in enumerate(KINDS)}
    listing.sort(key=lambda g: (order[g["kind"]], -g["rows"], g["source"], g["after"]))
    return {
        "a": str(a.folder),
        "b": str(b.folder),
        "equal": not differences and not listing,
        "rows": rows,
        "sources": sources,
        "differences": differences,
        "groups": listing,
        "examples": _examples(a, b, listing, examples),
    }


def recipe_differences(a: dict[str, Any], b: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What differs in how two builds were made: dotted key, value in each (None: not there).

    Keys begin with `recipe.`, `measures.`, `sources.LABEL.` (inputs by file, rewrites), `limit`,
    `curate_version` or `environment.`.
    """
    left, right = _made(a), _made(b)
    for key in sorted({*left, *right}):
        before, after = left.get(key), right.get(key)
        if before != after:
            yield {"key": key, "a": before, "b": after}


def _made(manifest: dict[str, Any]) -> dict[str, Any]:
    """How a build was made, as flat dotted keys."""
    recipe = {k: v for k, v in manifest["recipe"].items() if k not in ("name", "sources")}
    # A limit for texts of every length is one from 0 characters, said or not.
    recipe["quality"] = {
        column: {k: v for k, v in limit.items() if (k, v) != ("from_characters", 0)}
        for column, limit in (recipe.get("quality") or {}).items()
    }
    sources = {}
    for source in manifest["recipe"]["sources"]:
        label = source["label"] or source["name"].rpartition(":")[2]
        # Where files lie makes no difference; what is in them does, below.
        sources[label] = {k: v for k, v in source.items() if k not in ("label", "path")}
    for label, entry in manifest["sources"].items():
        own = sources.setdefault(label, {})
        own["licence"] = entry.get("licence")
        own["render"] = entry.get("render")
        own["steps"] = {step["step"]: step for step in entry["rewrites"]}
        own["inputs"] = {file["file"]: file["sha256"] for file in entry["inputs"]}
    return dict(
        _flat(
            {
                "recipe": recipe,
                "sources": sources,
                "measures": {step["step"]: step for step in manifest["measures"]},
                "limit": manifest["limit"],
                "curate_version": manifest["curate_version"],
                "environment": manifest["environment"],
            }
        )
    )


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            yield from _flat(inner, f"{prefix}{key}.")
        elif inner not in (None, {}):
            yield f"{prefix}{key}", inner


def explanations(
    kind: str, before: str, after: str, source: str, differences: list[dict[str, Any]]
) -> list[str]:
    """Keys of the differences that may explain why rows went from one fate to another.

    A duplicate may be one only because other rows came or went: then there may be no key, and the
    explanation is in words.
    """
    own = f"sources.{source}."
    wanted: list[str] = []
    words: list[str] = []
    if kind == CHANGED:
        wanted += [f"{own}{part}" for part in ("steps.", "render", "inputs.", "options.")]
    if _NOT_READ in (before, after):
        wanted += ["limit", own]
    for fate in (before, after):
        head = fate.split(".")[0]
        if head == "quality":
            column = fate.split(".")[1]
            wanted += [f"recipe.quality.{column}.", "measures."]
        elif head == "licence":
            wanted += ["recipe.licences.", f"{own}licence", f"{own}non_commercial"]
        elif fate.endswith("_duplicate") or fate in ("same_zh", "same_en", "near_question"):
            wanted += ["recipe.dedup.", *(d["key"] for d in differences if "priority" in d["key"])]
            words.append("other rows that it duplicates came or went")
        elif fate not in (_KEPT, _NOT_READ):
            # `language.zh`, `privacy.phone`: the section of the recipe is named like the reason.
            wanted += [f"recipe.{head}.", f"{own}steps.{head}.", "measures.", f"{own}inputs."]
    keys = [d["key"] for d in differences if d["key"].startswith(tuple(wanted))]
    if kind == CHANGED and not keys:
        words = ["curate_version"] if _differs("curate_version", differences) else ["libraries"]
    return sorted(set(keys)) or words


def _differs(key: str, differences: list[dict[str, Any]]) -> bool:
    return any(difference["key"] == key for difference in differences)


def _examples(
    a: OpenedBuild, b: OpenedBuild, groups: list[dict[str, Any]], examples: int
) -> list[dict[str, Any]]:
    """Rows with their texts in each build, a few for every kind and reason."""
    chosen: list[tuple[dict[str, Any], str]] = []
    taken: dict[tuple[str, str, str], int] = {}
    for group in groups:
        key = (group["kind"], group["before"], group["after"])
        for row_id in group["ids"][: max(0, examples - taken.get(key, 0))]:
            chosen.append((group, row_id))
            taken[key] = taken.get(key, 0) + 1
    texts = [
        kept_texts(build, [row_id for group, row_id in chosen if group[side] == _KEPT])
        for build, side in ((a, "before"), (b, "after"))
    ]
    return [
        {
            "kind": group["kind"],
            "id": row_id,
            "before": group["before"],
            "after": group["after"],
            "text_a": None if hidden(group["after"]) else texts[0].get(row_id),
            "text_b": None if hidden(group["before"]) else texts[1].get(row_id),
        }
        for group, row_id in chosen
    ]
