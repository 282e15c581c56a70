"""How one row's life is printed: facts, rewrites as inline differences, duplicates side by side."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from curate.textdiff import differences
from curate.visible import clipped, harmless, revealed

CONTEXT = 24
"""Unchanged characters shown on each side of a change."""
_ABREAST = 130
"""Width of a terminal from which measures stand in two columns."""
CLIP = 1200
"""Characters of a text shown unless all are asked for."""
_STYLES = {"removed": "red strike", "added": "green", "same": ""}
_MARKS = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "same": ("", "")}


def print_trace(console: Console, life: dict[str, Any], full: bool = False) -> None:
    """Prints a trace (`manifests.trace`) with its history (`curate.history`)."""
    fate = life["fate"]
    outcome = fate["status"] + (f" at {fate['stage']}: {fate['reason']}" if fate["stage"] else "")
    colour = {"kept": "green", "dropped": "red"}.get(fate["status"], "yellow")
    console.print(Text.assemble((harmless(life["id"]), "bold"), "  ", (outcome, f"bold {colour}")))
    _section(console, "upstream", _upstream(life["upstream"]))
    _print_original(console, life, full)
    for change in life["changes"]:
        _section(
            console,
            f"{change['step']}" + (f" ({change['field']})" if change["field"] != "text" else ""),
            difference(console, change["before"], change["after"], full),
        )
    for note in life["notes"]:
        _section(console, "note", Text(harmless(note), "yellow"))
    _print_measures(console, life["measures"], fate)
    _section(console, "decision", _decision(fate))
    if life["duplicate_of"] is not None:
        _print_winner(console, life, full)
    if life["duplicates"]["count"]:
        _section(console, "duplicates", _won_over(life["duplicates"]))
    ended = life["ended"]
    if ended is not None:
        lines = "".join(f"; {line['file']} line {line['line']:,}" for line in ended["lines"])
        _section(console, "ended", f"{ended['file']} row {ended['position'] + 1:,}{lines}")
    if "packed" in life:
        _section(console, "packed", _packed(life["packed"]))
    if life["text"] is not None and life["duplicate_of"] is None:
        _section(console, "text", harmless(life["text"] if full else clipped(life["text"], CLIP)))


def _packed(packed: dict[str, Any]) -> str:
    lines = [
        f"{place['split']} row {place['row']:,}, tokens {place['begin']:,} to {place['end'] - 1:,}"
        + (f" (from its token {place['offset']:,} on)" if place["offset"] else "")
        for place in packed["places"]
    ]
    return harmless(
        "\n".join([packed["folder"], *lines] if lines else [f"not in {packed['folder']}"])
    )


def difference(console: Console, before: str, after: str, full: bool = False) -> Text:
    """The change of a text in one line of pieces; colours on a terminal, [-marks-]{+elsewhere+}."""
    text = Text()
    pieces = differences(before, after)
    for number, piece in enumerate(pieces):
        if piece.kind == "same":
            whole = full or len(piece.text) <= 2 * CONTEXT + 1
            first, last = number == 0, number == len(pieces) - 1
            text.append(harmless(piece.text) if whole else _elided(piece.text, first, last))
            continue
        shown = revealed(piece.text if full else clipped(piece.text, CLIP))
        _append(console, text, piece.kind, shown)
    return text


def side_by_side(console: Console, left: str, right: str, full: bool = False) -> tuple[Text, Text]:
    """Two texts, what only one of them has marked in it."""
    sides = Text(), Text()
    for piece in differences(left, right):
        for side, kind in zip(sides, ("removed", "added"), strict=True):
            if piece.kind in ("same", kind):
                _append(console, side, piece.kind, harmless(piece.text))
    if not full:
        for side in sides:
            side.truncate(CLIP, overflow="ellipsis")
    return sides


def _append(console: Console, text: Text, kind: str, shown: str) -> None:
    if console.is_terminal and not console.no_color:
        text.append(shown, _STYLES[kind])
    else:
        text.append(shown.join(_MARKS[kind]))


def _elided(same: str, first: bool, last: bool) -> str:
    start = "" if first else same[:CONTEXT]
    end = "" if last else same[-CONTEXT:]
    return harmless(f"{start}…{end}")


def _section(console: Console, title: str, content: str | Text) -> None:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="bold cyan", width=12, overflow="fold")
    grid.add_column(overflow="fold")
    grid.add_row(title, content if isinstance(content, Text) else Text(content))
    console.print(grid)


def _upstream(upstream: dict[str, Any]) -> str:
    lines = [
        f"{upstream['source']}" + (f": {upstream['title']}" if upstream["title"] else ""),
        f"row {upstream['row']:,} of {upstream['file']}, {upstream['bytes']:,} bytes of text",
        f"licence: {upstream['licence'] or 'not stated'}"
        + (" (non-commercial)" if upstream["non_commercial"] else ""),
    ]
    for found in upstream["inputs"]:
        lines.append(f"{found['file']}  sha256 {found['sha256'][:16]}…")
        where = [found["url"], f"revision {found['revision']}" if found["revision"] else None]
        lines += [f"  {word}" for word in where if word]
    return harmless("\n".join(lines))


def _print_original(console: Console, life: dict[str, Any], full: bool) -> None:
    original = life["original"]
    if original is None:
        return
    lines = [f"from {original['read_from']}"]
    for name, value in original["fields"].items():
        lines.append(f"{name}: {value if full else clipped(value, CLIP)}")
    if original["meta"]:
        lines.append(f"meta: {original['meta'] if full else clipped(original['meta'], CLIP)}")
    _section(console, "as read", harmless("\n".join(lines)))


def limit_words(measure: dict[str, Any]) -> str:
    """A measure's limits in words."""
    words = [f"{bound} {measure[bound]:g}" for bound in ("min", "max") if bound in measure]
    if "from_characters" in measure:
        words[-1] += f" from {measure['from_characters']:,} characters"
    if "one_of" in measure:
        words.append("one of " + " ".join(measure["one_of"]))
    return ", ".join(words)


def _print_measures(console: Console, measures: list[dict[str, Any]], fate: dict[str, Any]) -> None:
    if not measures:
        return
    failed = (fate["measure"] or "").partition("=")[0]
    grid = Table.grid(padding=(0, 2))
    abreast = 2 if console.width >= _ABREAST else 1
    for _ in range(abreast):
        grid.add_column(overflow="fold")
        grid.add_column(justify="right")
        grid.add_column(overflow="fold")
    cells: list[tuple[Text, Text, Text]] = []
    for measure in measures:
        value = measure["value"]
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        style = "bold red" if measure["column"] == failed else ""
        limit = limit_words(measure)
        cells.append((Text(measure["column"], style), Text(shown, style), Text(limit, "dim")))
    rows = -(-len(cells) // abreast)
    for i in range(rows):
        grid.add_row(*(part for cell in cells[i::rows] for part in cell))
    outer = Table.grid(padding=(0, 1))
    outer.add_column(style="bold cyan", width=12)
    outer.add_column()
    outer.add_row("measures", grid)
    console.print(outer)


def _decision(fate: dict[str, Any]) -> str:
    if fate["status"] == "kept":
        return "kept: inside every limit, and no better row is like it"
    if fate["status"] == "quarantined":
        return harmless(f"could not be read ({fate['reason']}): {fate['detail'] or ''}")
    if fate["measure"]:
        return harmless(f"{fate['reason']}: {fate['measure']}, limit {fate['limit']}")
    return str(fate["reason"])


def _print_winner(console: Console, life: dict[str, Any], full: bool) -> None:
    winner = life["duplicate_of"]
    _section(
        console,
        "lost to",
        harmless(f"{winner['id']}, similarity {winner['similarity']:.4f}"),
    )
    if life["text"] is None or winner["text"] is None:
        return
    table = Table(show_lines=False, expand=True)
    table.add_column("this row", ratio=1, overflow="fold")
    table.add_column("the row kept", ratio=1, overflow="fold")
    table.add_row(*side_by_side(console, life["text"], winner["text"], full))
    console.print(table)


def _won_over(duplicates: dict[str, Any]) -> str:
    rows = duplicates["rows"]
    lines = [f"{duplicates['count']:,} rows went for this one"]
    lines += [f"{row['id']}  {row['stage']} {row['similarity']:.4f}" for row in rows]
    if duplicates["count"] > len(rows):
        lines.append(f"and {duplicates['count'] - len(rows):,} more")
    return harmless("\n".join(lines))
