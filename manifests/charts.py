"""Charts as SVG that follows the page's colours: Vega-Lite specifications, drawn by vl-convert.

Colours are CSS variables, so one drawing serves light and dark; every mark has a label that screen
readers read and that the page shows on hover. Drawing needs no browser and no network.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import vl_convert
from markupsafe import Markup, escape

FATES = ("kept", "ingest", "decide", "exact", "near", "sides")
"""What can become of a row, kept first, then the stages in order."""

WIDTH = 320
"""Width of a drawing, all in all, in CSS pixels: what a phone shows without shrinking."""

_CONFIG = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)",
        "titleColor": "var(--soft)",
        "titleFontWeight": "normal",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelLimit": 120,
    },
}


_TICK = "datum.value < 1000 ? format(datum.value, '~g') : format(datum.value, '~s')"
"""How Vega writes the numbers of a growing axis: 10, 100, 1k."""


def drawn(spec: Mapping[str, Any], label: str) -> Markup:
    """A Vega-Lite specification (https://vega.github.io/vega-lite/) as SVG to put into a page."""
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "config": _CONFIG,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "width": WIDTH,
        "padding": 2,
        **spec,
    }
    text = json.dumps(whole)
    svg = vl_convert.vegalite_to_svg(text)
    # Vega numbers its clipping paths over all drawings of a process: here, by what is drawn.
    own = hashlib.sha256(text.encode()).hexdigest()[:12]
    for i, name in enumerate(dict.fromkeys(re.findall(r"\bclip\d+\b", svg))):
        svg = re.sub(rf"\b{name}\b", f"clip-{own}-{i}", svg)
    named = f'<svg role="img" aria-label="{escape(label)}" '
    return Markup(svg.replace("<svg ", named, 1))


def _color(domain: Sequence[str]) -> dict[str, Any]:
    return {
        "field": "fate",
        "type": "nominal",
        "scale": {"domain": list(domain), "range": [f"var(--{fate})" for fate in domain]},
        "legend": None,
    }


def shares(rows: Sequence[Mapping[str, Any]], stages: Sequence[str], label: str) -> Markup:
    """Stacked bars of 100 %: rows of each source by fate.

    rows: mappings with `source` and a number for each of `stages` (kept first).
    """
    values = [
        {
            "source": row["source"],
            "fate": stage,
            "rows": row[stage],
            "order": i,
            "says": f"{row['source']}: {row[stage]:,} rows {_said(stage)}",
        }
        for row in rows
        for i, stage in enumerate(stages)
        if row[stage]
    ]
    return drawn(
        {
            "height": {"step": 20},
            "data": {"values": values},
            "mark": {"type": "bar", "height": {"band": 0.75}},
            "encoding": {
                "y": {
                    "field": "source",
                    "type": "nominal",
                    "sort": [row["source"] for row in rows],
                    "title": None,
                },
                "x": {
                    "field": "rows",
                    "type": "quantitative",
                    "stack": "normalize",
                    "title": None,
                    "axis": {"format": "%", "values": [0, 0.5, 1]},
                },
                "color": _color(stages),
                "order": {"field": "order"},
                "description": {"field": "says"},
            },
        },
        label,
    )


def _said(stage: str) -> str:
    return "kept" if stage == "kept" else f"lost at {stage}"


@dataclass(frozen=True)
class Histogram:
    """How often values of a measure occur among rows kept and not kept."""

    column: str
    edges: list[float]
    """Ascending; one more than there are bars. The outer bars hold what lies beyond them, too."""
    kept: list[int]
    lost: list[int]
    logarithmic: bool
    low: float | None = None
    """The recipe's lower limit."""
    high: float | None = None
    """The recipe's upper limit."""


def histogram(h: Histogram) -> Markup:
    """Rows by value, kept below and lost above, with the limits as dashed lines."""
    values = []
    for i, (kept, lost) in enumerate(zip(h.kept, h.lost, strict=True)):
        start, end = h.edges[i], h.edges[i + 1]
        for fate, rows, base in (("kept", kept, 0), ("lost", lost, kept)):
            if rows:
                says = f"{h.column} {start:.4g} to {end:.4g}: {rows:,} rows {fate}"
                values.append(
                    {"a": start, "b": end, "y": base, "z": base + rows, "fate": fate, "says": says}
                )
    sums = [kept + lost for kept, lost in zip(h.kept, h.lost, strict=True)]
    heights = sorted(sums)
    # One bar far above all others would flatten them: it is cut, and says its number.
    cut = 1.4 * heights[-2] if len(heights) > 1 and heights[-1] > 5 * heights[-2] > 0 else None
    scale: dict[str, Any] = {"domain": [h.edges[0], h.edges[-1]], "nice": False}
    if h.logarithmic:
        scale |= {"type": "symlog", "constant": 1}
    ticks = (
        [v for v in (0, 1, 10, 100, 1_000, 10_000, 100_000, 1e6) if h.edges[0] <= v <= h.edges[-1]]
        if h.logarithmic
        else None
    )
    axis: dict[str, Any] = {"labelExpr": _TICK, "tickCount": 5, "grid": False}
    if ticks:
        axis["values"] = ticks
    x = {"field": "a", "type": "quantitative", "scale": scale, "title": None, "axis": axis}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": values},
            "mark": {"type": "bar", "binSpacing": 0, "clip": True},
            "encoding": {
                "x": x,
                "x2": {"field": "b"},
                "y": {
                    "field": "y",
                    "type": "quantitative",
                    "title": None,
                    "axis": {"labelExpr": _TICK, "tickCount": 3, "tickMinStep": 1},
                    "scale": {"domain": [0, cut]} if cut else {},
                },
                "y2": {"field": "z"},
                "color": _color(("kept", "lost")),
                "description": {"field": "says"},
            },
        }
    ]
    if cut:
        bar = sums.index(heights[-1])
        at_right = bar > len(sums) / 2
        layers.append(
            {
                "data": {"values": [{"v": h.edges[bar + (not at_right)], "n": heights[-1]}]},
                "transform": [{"calculate": "'\u2191 ' + format(datum.n, ',')", "as": "says"}],
                "mark": {
                    "type": "text",
                    "align": "right" if at_right else "left",
                    "dx": -4 if at_right else 4,
                    "color": "var(--soft)",
                    "fontSize": 11,
                },
                "encoding": {
                    "x": {"field": "v", "type": "quantitative"},
                    "y": {"value": 22},
                    "text": {"field": "says"},
                },
            }
        )
    limits = [
        {"v": value, "says": f"{name} {value:g}"}
        for name, value in (("min", h.low), ("max", h.high))
        if value is not None and h.edges[0] <= value <= h.edges[-1]
    ]
    if limits:
        at = {"field": "v", "type": "quantitative"}
        layers.append(
            {
                "data": {"values": limits},
                "mark": {"type": "rule", "color": "var(--limit)", "strokeDash": [4, 3], "size": 2},
                "encoding": {"x": at, "description": {"field": "says"}},
            }
        )
        layers.append(
            {
                "data": {"values": limits},
                "mark": {
                    "type": "text",
                    "color": "var(--limit)",
                    "align": "left",
                    "dx": 4,
                    "fontSize": 11,
                },
                "encoding": {"x": at, "y": {"value": 8}, "text": {"field": "says"}},
            }
        )
    lost = sum(h.lost)
    label = f"Histogram of {h.column}: {sum(h.kept):,} rows kept, {lost:,} not kept"
    return drawn({"height": 110, "layer": layers}, label)


def counts(items: Mapping[str, int], label: str, color: str = "kept") -> Markup:
    """Horizontal bars, one for each name, as they come."""
    values = [{"name": k, "rows": v, "says": f"{k}: {v:,}"} for k, v in items.items()]
    y = {"field": "name", "type": "nominal", "sort": list(items), "title": None}
    x = {"field": "rows", "type": "quantitative", "title": None}
    return drawn(
        {
            "height": {"step": 20},
            "data": {"values": values},
            "encoding": {"y": y},
            "layer": [
                {
                    "mark": {"type": "bar", "color": f"var(--{color})", "height": {"band": 0.7}},
                    "encoding": {
                        "x": {**x, "axis": {"labelExpr": _TICK, "tickCount": 3}},
                        "description": {"field": "says"},
                    },
                },
                {
                    "mark": {
                        "type": "text",
                        "align": "left",
                        "dx": 4,
                        "color": "var(--soft)",
                        "fontSize": 11,
                    },
                    "encoding": {"x": x, "text": {"field": "rows", "format": ","}},
                },
            ],
        },
        label,
    )
