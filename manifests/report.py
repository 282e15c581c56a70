"""The report of a build: one HTML page that holds all it needs and asks no network for anything."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import operator
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from manifests import charts
from manifests.examples import examples
from manifests.figures import big, number
from manifests.funnel import funnels
from manifests.histograms import histograms
from manifests.opened import OpenedBuild
from manifests.story import story
from manifests.use import stated_use

LANGUAGE_TAGS = {"zh": "zh-Hans", "zh-Hant": "zh-Hant", "yue": "yue", "lzh": "lzh", "ja": "ja"}
"""What the page tells the browser of a text's language, so that it picks the right glyphs."""

_LARGEST = 10
"""Largest groups of duplicates that are listed."""


def report_page(build: OpenedBuild) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("manifests", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": number, "big": big, "percent": _percent}
    style, script = (
        resources.files("manifests").joinpath("page", name).read_text(encoding="utf-8")
        for name in ("report.css", "report.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        style=Markup(style),
        script=Markup(script),
        script_hash=digest,
        **contents(build),
    )


def contents(build: OpenedBuild) -> dict[str, Any]:
    """Everything the page shows, from the manifest, the ledger and the data."""
    told = story(build)
    every = funnels(build)
    stages = list(next(iter(every.values())).lost) if every else []
    used = [s for s in stages if any(f.lost[s].rows for f in every.values())]
    rows = [
        {"source": label, "kept": f.kept.rows, **{s: f.lost[s].rows for s in used}}
        for label, f in every.items()
        if f.read.rows
    ]
    with build.connection() as database:
        sizes = dict(
            database.execute(
                "SELECT size, count(*) FROM (SELECT count(*) + 1 AS size FROM ledger "
                "WHERE duplicate_of IS NOT NULL GROUP BY duplicate_of) GROUP BY 1 ORDER BY 1"
            ).fetchall()
        )
        largest = database.execute(
            "SELECT duplicate_of, count(*) + 1 AS size, min(similarity) FROM ledger "
            "WHERE duplicate_of IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $most",
            {"most": _LARGEST},
        ).fetchall()
        rewrites: Counter[str] = Counter()
        for names, count in database.execute(
            "SELECT rewrites, count(*) FROM ledger WHERE rewrites <> '' GROUP BY 1"
        ).fetchall():
            rewrites.update(dict.fromkeys(str(names).split(), count))
    shown = examples(build)
    found = histograms(build)
    return {
        "told": told,
        "manifest": build.manifest,
        "funnels": every,
        "whole": functools.reduce(operator.add, every.values()) if every else None,
        "stages": used,
        "shares": charts.shares(
            sorted(rows, key=lambda row: -sum(v for v in row.values() if isinstance(v, int))),
            ["kept", *used],
            "Share of each source's rows kept and lost at each stage",
        ),
        "losses": told["losses"],
        "limited": [(h, charts.histogram(h)) for h in found if _limited(h)],
        "others": [(h, charts.histogram(h)) for h in found if not _limited(h)],
        "languages": _label_chart(told["languages"], "Rows kept by language"),
        "scripts": _label_chart(told["scripts"], "Rows kept by script"),
        "rewrites": charts.counts(dict(rewrites.most_common()), "Rows changed by each rewrite")
        if rewrites
        else None,
        "clusters": charts.counts(
            _cluster_bars(sizes), "Groups of duplicates by number of rows", "near"
        )
        if sizes
        else None,
        "cluster_sizes": sizes,
        "largest": _with_texts(build, largest),
        "use": stated_use(build.manifest, {k: f.kept for k, f in every.items()}),
        "examples": shown,
        "reasons": sorted({e.row["reason"] for e in shown if e.row["reason"]}),
        "recipe": yaml.safe_dump(build.manifest["recipe"], allow_unicode=True, sort_keys=False),
        "environment": json.dumps(build.manifest["environment"], indent=2, ensure_ascii=False),
        "tags": LANGUAGE_TAGS,
    }


def write_report(build: OpenedBuild, path: Path) -> int:
    """Writes the page; returns its bytes."""
    from curate.storage import opened_for_writing

    page = report_page(build).encode()
    with opened_for_writing(path) as file:
        file.write(page)
    return len(page)


def _limited(h: charts.Histogram) -> bool:
    return h.low is not None or h.high is not None


def _label_chart(labels: dict[str, dict[str, int]], title: str) -> Markup | None:
    rows = {label or "not measured": numbers["rows"] for label, numbers in labels.items()}
    return charts.counts(rows, title) if rows else None


def _cluster_bars(sizes: dict[int, int]) -> dict[str, int]:
    """Groups by size: 2, 3, 4, 5, then ranges that double."""
    bars: Counter[str] = Counter()
    for size, groups in sorted(sizes.items()):
        if size <= 5:
            bars[f"{size} rows"] += groups
        else:
            low = 6
            while size >= 2 * low - 1:
                low = 2 * low - 1
            bars[f"{low} to {2 * low - 2} rows"] += groups
    return dict(bars)


def _with_texts(build: OpenedBuild, largest: list[tuple[str, int, float]]) -> list[dict[str, Any]]:
    from manifests.examples import shown
    from manifests.texts import kept_texts

    texts = kept_texts(build, [row_id for row_id, *_ in largest])
    return [
        {
            "id": row_id,
            "size": size,
            "similarity": similarity,
            "text": shown(texts[row_id], 120) if row_id in texts else None,
        }
        for row_id, size, similarity in largest
    ]


def _percent(part: float, whole: float) -> str:
    if not whole:
        return "–"
    return "< 0.1%" if 0 < part / whole < 0.0005 else f"{part / whole:.1%}"
