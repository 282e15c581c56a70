"""How rows are printed: results of a query, samples, clusters of duplicates."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.visible import clipped, harmless

_CELL = 200
_TEXT = 400


def print_rows(console: Console, result: pa.RecordBatchReader, count: int) -> None:
    """The first rows of a query's result as a table, and whether there are more."""
    table = Table()
    for field in result.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(
            Text(harmless(field.name)), justify="right" if number else "left", overflow="fold"
        )
    shown = 0
    more = False
    for batch in result:
        for row in batch.slice(0, count - shown).to_pylist():
            table.add_row(*[_cell(row[name]) for name in result.schema.names])
        shown, more = min(count, shown + batch.num_rows), shown + batch.num_rows > count
        if more:
            break
    console.print(table)
    if more:
        console.print(f"the first {shown:,} rows; -n shows more, --csv prints all")
    else:
        console.print(f"{shown:,} rows")


def _cell(value: Any) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, float):
        return Text(f"{value:.6g}")
    return Text(harmless(clipped(str(value), _CELL)))


def print_sample(console: Console, rows: list[dict[str, Any]], full: bool) -> None:
    """Rows of the ledger with their text, one after the other."""
    for row in rows:
        fate = f"{row['stage']}: {row['reason']}" if row["stage"] else row["status"]
        console.print(Text.assemble((harmless(row["id"]), "bold"), "  ", (fate, "cyan")))
        for words in (
            f"{row['measure']}, limit {row['limit']}" if row["measure"] else None,
            f"{row['similarity']:.4f} like {row['duplicate_of']}" if row["duplicate_of"] else None,
            row["detail"],
        ):
            if words:
                console.print(Text(f"  {harmless(words)}", "dim"))
        text = row["text"]
        if text is not None:
            console.print(Text(harmless(text if full else clipped(text, _TEXT))))
        elif row["status"] != "quarantined":
            console.print(Text("  its text is gone with the build's intermediates", "yellow"))
        console.print()


def print_clusters(console: Console, found: dict[str, Any], full: bool) -> None:
    """Prints `manifests.clusters.clusters`."""
    console.print(
        f"{found['duplicates']:,} rows went as duplicates of {found['clusters']:,} rows kept"
    )
    for cluster in found["shown"]:
        console.print()
        size = f"{cluster['size']:,} rows, least similarity {cluster['similarity']:.4f}"
        console.print(Text.assemble((harmless(cluster["id"]), "bold"), f"  {size}"))
        if (text := cluster["text"]) is not None:
            console.print(Text(harmless(text if full else clipped(text, _TEXT))))
        sources = ", ".join(f"{source} {rows:,}" for source, rows in cluster["sources"].items())
        console.print(Text(f"  from {harmless(sources)}", "dim"))
        for member in cluster["members"]:
            line = f"  {member['similarity']:.4f} {member['stage']:<5} {member['id']}"
            console.print(Text(harmless(line)))
        rest = cluster["size"] - 1 - len(cluster["members"])
        if rest:
            console.print(f"  and {rest:,} more")
