"""Curves of runs as SVG, drawn as `manifests.charts` draws: colours of the page, labels to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from manifests.charts import WIDTH, drawn

COLORS = 8
"""Colours of lines that the page has, `--line-1` and so on."""

WIDE = 1040
"""Width of a large drawing, shown where there is room for it."""

POINTS = 300
"""Points of a line at most; those in between are drawn as a band from lowest to highest."""
LABELS = 48
"""Places of a line that say their number."""

_TICK = (
    "abs(datum.value) < 1000 && abs(datum.value) >= 0.001 || datum.value == 0 "
    "? format(datum.value, '~g') : abs(datum.value) < 1 ? format(datum.value, '~e') "
    ": format(datum.value, '~s')"
)


@dataclass(frozen=True)
class Line:
    """Numbers over steps (or tokens)."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    smooth: bool = False
    """Whether a smoothed line is drawn over the thin one."""


def smoothed(values: Sequence[float], span: int) -> NDArray[np.float64]:
    """Mean of the `span` values around each, as many on either side, so that nothing lags behind.

    Towards the ends, where there are fewer on one side, there are as few on the other.
    """
    sums = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
    at = np.arange(len(values))
    reach = np.minimum(np.minimum(at, len(values) - 1 - at), span // 2)
    return np.asarray((sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1))


def span_of(count: int) -> int:
    """Values that a smoothed line averages over: a thirtieth of them, 5 to 400."""
    return min(max(count // 30, 5), 400)


def curve(
    lines: Sequence[Line],
    label: str,
    *,
    x_title: str = "step",
    logarithmic: bool = False,
    percent: bool = False,
    dotted: bool = False,
    marks: Sequence[tuple[float, float, str]] = (),
    width: int = WIDTH,
    height: int = 150,
) -> Markup | None:
    """Lines over steps; None where there is no number at all.

    dotted: whether every number is a dot on its line, where there are few.
    marks: (x, y, words) of points that stand out.
    """
    shown = [line for line in lines if len(line.x)]
    if not shown:
        return None
    names = [line.label for line in lines]
    color = {
        "field": "line",
        "type": "nominal",
        "scale": {
            "domain": names,
            "range": [f"var(--line-{i % COLORS + 1})" for i in range(len(names))],
        },
        "legend": None,
    }
    thin: list[dict[str, Any]] = []
    band: list[dict[str, Any]] = []
    bold: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    for line in shown:
        x, y = np.asarray(line.x, float), np.asarray(line.y, float)
        soft = smoothed(line.y, span_of(len(y))) if line.smooth else y
        parts = np.array_split(np.arange(len(x)), min(len(x), POINTS))
        for part in parts:
            at = {"line": line.label, "x": float(x[part[-1]])}
            if line.smooth:
                thin.append({**at, "y": _digits(y[part].mean())})
                bold.append({**at, "y": _digits(soft[part[-1]])})
                if len(part) > 1:
                    low, high = _digits(y[part].min()), _digits(y[part].max())
                    band.append({**at, "low": low, "high": high})
            else:
                bold.append({**at, "y": _digits(y[part].mean())})
        for i in np.unique(np.linspace(0, len(x) - 1, min(len(x), LABELS)).round().astype(int)):
            number = f"{y[i]:.2%}" if percent else f"{y[i]:,.4g}"
            words = f"{line.label}, {x_title} {x[i]:,.0f}: {number}"
            if line.smooth:
                words += f", smoothed {soft[i]:,.4g}"
            said.append(
                {"line": line.label, "x": float(x[i]), "y": _digits(soft[i]), "says": words}
            )
    y_scale: dict[str, Any] = {"type": "log"} if logarithmic else {"zero": False}
    x_axis = {"labelExpr": _TICK, "tickCount": 5, "grid": False}
    y_axis: dict[str, Any] = {"labelExpr": _TICK, "tickCount": 4}
    if percent:
        y_axis = {"format": "~%", "tickCount": 4}
    across: dict[str, Any] = {
        "field": "x",
        "type": "quantitative",
        "title": x_title,
        "axis": x_axis,
        "scale": {"nice": False},
    }
    up: dict[str, Any] = {
        "field": "y",
        "type": "quantitative",
        "title": None,
        "axis": y_axis,
        "scale": y_scale,
    }
    layers: list[dict[str, Any]] = []
    if band:
        layers.append(
            {
                "data": {"values": band},
                "mark": {"type": "area", "opacity": 0.14, "aria": False},
                "encoding": {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}}
                | {"color": color},
            }
        )
    if thin:
        layers.append(
            {
                "data": {"values": thin},
                "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.4, "aria": False},
                "encoding": {"x": across, "y": up, "color": color},
            }
        )
    layers.append(
        {
            "data": {"values": bold},
            "mark": {"type": "line", "strokeWidth": 1.8, "aria": False},
            "encoding": {"x": across, "y": up, "color": color},
        }
    )
    few = dotted and max(len(line.x) for line in shown) <= LABELS
    layers.append(
        {
            "data": {"values": said},
            "mark": {
                "type": "point",
                "filled": True,
                "opacity": 1 if few else 0,
                "size": 18 if few else 90,
            },
            "encoding": {"x": across, "y": up, "color": color, "description": {"field": "says"}},
        }
    )
    if marks:
        points = [{"x": at, "y": _digits(value), "says": words} for at, value, words in marks]
        layers.append(
            {
                "data": {"values": points},
                "mark": {"type": "point", "color": "var(--limit)", "size": 60, "strokeWidth": 2},
                "encoding": {"x": across, "y": up, "description": {"field": "says"}},
            }
        )
    return drawn({"width": width, "height": height, "layer": layers}, label)


def _digits(value: float) -> float:
    """Six digits: more than a drawing shows."""
    return float(f"{value:.6g}")
