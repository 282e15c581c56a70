"""Kept rows and the rows that went as their duplicates."""

from __future__ import annotations

from typing import Any, Literal

from manifests.find import find
from manifests.opened import OpenedBuild

Order = Literal["largest", "loosest"]
_MEMBERS = 8
"""Members of a cluster that are named one by one."""

_ORDERS = {
    "largest": "size DESC, kept",
    "loosest": "similarity, kept",
}


def clusters(build: OpenedBuild, order: Order = "largest", count: int = 10) -> dict[str, Any]:
    """The clusters with the most rows, or those with the least similar duplicate.

    Keys: `clusters` (how many there are), `duplicates` (rows in them that went), `sizes` (clusters
    by number of rows, the kept one included) and `shown`, each with `id` and `text` of the kept
    row, `size`, `similarity` (least), `sources` (duplicates by source) and its first `members`, the
    least similar first.
    """
    database = build.connection()
    database.execute(
        "CREATE TEMP TABLE found AS SELECT duplicate_of AS kept, count(*) + 1 AS size, "
        "min(similarity) AS similarity FROM ledger WHERE duplicate_of IS NOT NULL GROUP BY 1"
    )
    sizes = database.execute("SELECT size, count(*) FROM found GROUP BY 1 ORDER BY 1").fetchall()
    shown = database.execute(
        f"SELECT kept, size, similarity FROM found ORDER BY {_ORDERS[order]} LIMIT ?", [count]
    ).fetchall()
    names = [kept for kept, _, _ in shown]
    sources = database.execute(
        "SELECT duplicate_of, source, count(*) FROM ledger WHERE list_contains(?, duplicate_of) "
        "GROUP BY ALL ORDER BY ALL",
        [names],
    ).fetchall()
    members = database.execute(
        "SELECT duplicate_of, id, source, stage, similarity FROM ledger "
        "WHERE list_contains(?, duplicate_of) "
        "QUALIFY row_number() OVER (PARTITION BY duplicate_of ORDER BY similarity, id) <= ? "
        "ORDER BY similarity, id",
        [names, _MEMBERS],
    ).fetchall()
    return {
        "clusters": sum(number for _, number in sizes),
        "duplicates": sum((size - 1) * number for size, number in sizes),
        "sizes": {str(size): number for size, number in sizes},
        "shown": [
            {
                "id": kept,
                "text": found.row["text"] if (found := find(build, "data", kept)) else None,
                "size": size,
                "similarity": similarity,
                "sources": {source: n for name, source, n in sources if name == kept},
                "members": [
                    {"id": id, "source": source, "stage": stage, "similarity": value}
                    for name, id, source, stage, value in members
                    if name == kept
                ],
            }
            for kept, size, similarity in shown
        ],
    }
