"""The report of a run: one HTML page that holds all it needs and asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from curate.errors import CurateError
from curate.storage import opened_for_writing, read_json
from curate.tokens.format.reader import Shards
from curate.tokens.tokenizer import Tokenizer, load_tokenizer
from manifests.examples import shown
from manifests.figures import big, number
from trainer.curves import COLORS, WIDE, Line, curve, span_of
from trainer.recorded import Recorded
from trainer.trace import opened, spikes, traced_step

SHOWN_SAMPLES = 5
"""Steps whose samples are shown side by side; samples.jsonl has all."""
SHOWN_SPIKES = 8
"""Jumps of the loss whose documents are listed, the highest."""
SHOWN_DOCUMENTS = 12
"""Documents of such a step; `curate train trace` lists all."""
EXCERPT = 160
"""Characters of a document."""
SAMPLE = 1500
"""Characters of a sample."""

SCORES = (
    ("loss", "held-out loss", False),
    ("perplexity", "perplexity", True),
    ("bits_per_character", "bits per character", False),
)
"""Column of evaluations.jsonl, its name on the page, and whether its axis is logarithmic."""


def report_page(run: Path, others: list[Path] | None = None, shards: Path | None = None) -> str:
    """The page as HTML. shards: where the run's shards are now, if they were moved.

    Raises RecipeError where a folder is no run's.
    """
    environment = Environment(
        loader=PackageLoader("trainer", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": number, "big": big, "clock": _clock, "size": _size}
    base, own, script = (
        resources.files(package).joinpath("page", name).read_text(encoding="utf-8")
        for package, name in (
            ("manifests", "report.css"),
            ("trainer", "report.css"),
            ("trainer", "report.js"),
        )
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html").render(
        style=Markup(base + own),
        script=Markup(script),
        script_hash=digest,
        **contents(_recorded([run, *(others or [])]), shards),
    )


def write_report(page: str, path: Path) -> int:
    """Writes the page; returns its bytes."""
    data = page.encode()
    with opened_for_writing(path) as file:
        file.write(data)
    return len(data)


def _recorded(folders: list[Path]) -> list[Recorded]:
    """The runs, under names that differ."""
    runs = [Recorded(folder) for folder in dict.fromkeys(folders)]
    names = [run.label for run in runs]
    return [
        Recorded(run.folder, str(run.folder)) if names.count(run.label) > 1 else run for run in runs
    ]


def contents(runs: list[Recorded], shards: Path | None = None) -> dict[str, Any]:
    """Everything the page shows: of the first run, and the curves of the others over its own."""
    run = runs[0]
    data, missing = _data(run, shards)
    jumps = spikes(run.folder)
    return {
        "run": run,
        "runs": runs,
        "colors": {r.label: i % COLORS + 1 for i, r in enumerate(runs)},
        "told": [summary(r) for r in runs],
        "loss": _loss(runs, jumps),
        "curves": _curves(runs),
        "heldout": _heldout(runs),
        "scores": _scores(run),
        "undrawn": max(0, len(run.sources) - (COLORS - 1)) if len(runs) == 1 else 0,
        "samples": _samples(runs),
        "jumps": _jumps(run, jumps, data),
        "jump_count": len(jumps),
        "data": _shards_facts(data) if data is not None else None,
        "missing": missing,
        "best": min(
            (c for c in run.checkpoints if c.heldout is not None),
            key=lambda c: (c.heldout, c.step),
            default=None,
        ),
        "config": yaml.safe_dump(run.facts["config"], allow_unicode=True, sort_keys=False),
        "facts": json.dumps(
            {k: v for k, v in run.facts.items() if k != "config"}, indent=2, ensure_ascii=False
        ),
    }


def summary(run: Recorded) -> dict[str, Any]:
    """What a run has come to, as JSON-ready values; None for what is not on file."""
    _, losses = run.values("loss")
    _, rates = run.values("tokens_per_s")
    heldout = {}
    for name, _, _ in SCORES:
        _, values = run.heldout("all", name)
        heldout[name] = values[-1] if values else None
    result: dict[str, Any] = {
        "run": str(run.folder),
        "name": run.label,
        "stage": run.facts["stage"],
        "step": run.step,
        "steps": run.steps,
        "finished": run.step >= run.steps,
        "tokens": int(run.metrics[-1].get("tokens", 0)) if run.metrics else 0,
        "seconds": run.seconds,
        "loss": float(np.mean(losses[-span_of(len(losses)) :])) if losses else None,
        "heldout": heldout,
        "tokens_per_s": float(np.median(rates)) if rates else None,
        "parameters": run.facts.get("model", {}).get("parameters"),
    }
    for name in ("mfu", "tflops"):
        _, values = run.values(name)
        result[name] = float(np.median(values)) if values else None
    _, steps = run.values("step_s")
    _, loading = run.values("data_s")
    result["data_share"] = sum(loading) / sum(steps) if steps and sum(steps) else None
    return result


def _loss(runs: list[Recorded], jumps: list[dict[str, Any]]) -> list[Markup]:
    """The loss twice, for a wide window and a phone; over tokens as well, where runs differ."""
    lines = [Line(run.label, *run.values("loss"), smooth=True) for run in runs]
    label = f"Training loss of {', '.join(run.label for run in runs)}"
    marks = [
        (jump["step"], jump["loss"], f"jump at step {jump['step']:,}: {jump['loss']:.4g}")
        for jump in jumps
    ]
    drawings = [
        curve(lines, label, marks=marks, width=WIDE, height=230),
        curve(lines, label, marks=marks, height=190),
    ]
    return [drawing for drawing in drawings if drawing is not None]


def _curves(runs: list[Recorded]) -> list[tuple[str, Markup]]:
    """Name and drawing of what else metrics.jsonl holds."""
    found = []
    if len(runs) > 1:
        lines = [Line(run.label, _tokens_of(run), run.values("loss")[1], True) for run in runs]
        drawing = curve(lines, "Training loss over tokens", x_title="tokens")
        if drawing is not None:
            found.append(("loss over tokens seen", drawing))
    known = any(run.values("mfu")[0] for run in runs)
    for name, title, smooth in (
        ("lr", "learning rate", False),
        ("gradient_norm", "norm of the gradient, before clipping", True),
        ("tokens_per_s", "tokens a second", True),
        ("mfu", "model FLOPs utilisation (MFU)", True)
        if known
        else ("tflops", "TFLOP/s a device", True),
    ):
        lines = [Line(run.label, *run.values(name), smooth=smooth) for run in runs]
        drawing = curve(lines, title, percent=name == "mfu")
        if drawing is not None:
            found.append((title, drawing))
    return found


def _tokens_of(run: Recorded) -> list[float]:
    """Tokens seen at the steps that have a loss."""
    at = dict(zip(*run.values("tokens"), strict=True))
    return [at.get(step, 0.0) for step in run.values("loss")[0]]


def _heldout(runs: list[Recorded]) -> list[tuple[str, Markup, list[str]]]:
    """Name, drawing and names of the lines of the held-out scores.

    Of one run a line for each source; of several a line for each run, and a drawing a source.
    """
    found = []

    def draw(title: str, lines: list[Line], logarithmic: bool) -> None:
        drawing = curve(lines, title, logarithmic=logarithmic, dotted=True)
        if drawing is not None:
            found.append((title, drawing, [line.label for line in lines]))

    if len(runs) == 1:
        sources = runs[0].sources[: COLORS - 1]
        # One source is all there is.
        sources = ["all", *sources] if len(runs[0].sources) > 1 else sources
        for name, title, logarithmic in SCORES:
            draw(title, [Line(s, *runs[0].heldout(s, name)) for s in sources], logarithmic)
        return found
    for name, title, logarithmic in SCORES:
        draw(title, [Line(run.label, *run.heldout("all", name)) for run in runs], logarithmic)
    for source in dict.fromkeys(s for run in runs for s in run.sources):
        lines = [Line(run.label, *run.heldout(source, "bits_per_character")) for run in runs]
        draw(f"bits per character of {source}", lines, False)
    return found


def _scores(run: Recorded) -> list[dict[str, Any]]:
    """First, best and last scores of every source."""
    rows = []
    for source in [*run.sources, "all"]:
        steps, losses = run.heldout(source, "loss")
        if not steps:
            continue
        _, bits = run.heldout(source, "bits_per_character")
        _, perplexity = run.heldout(source, "perplexity")
        best = int(np.argmin(losses))
        last = next(x for x in reversed(run.evaluations) if x["source"] == source)
        rows.append(
            {
                "source": source,
                "first": losses[0],
                "best": losses[best],
                "best_step": int(steps[best]),
                "last": losses[-1],
                "perplexity": perplexity[-1] if perplexity else None,
                "bits": (bits[0], bits[-1]) if bits else None,
                "tokens": last.get("tokens"),
                "characters": last.get("characters"),
            }
        )
    return rows


def _samples(runs: list[Recorded]) -> list[dict[str, Any]]:
    """For every prompt what was written at a few steps of every run."""
    prompts = dict.fromkeys(line["prompt"] for run in runs for line in run.samples)
    found = []
    for prompt in prompts:
        rows = []
        for run in runs:
            lines = {x["step"]: x for x in run.samples if x["prompt"] == prompt}
            steps = sorted(lines)
            picked = np.unique(np.linspace(0, len(steps) - 1, SHOWN_SAMPLES).round().astype(int))
            cells = [
                {
                    "step": steps[i],
                    "text": shown(lines[steps[i]]["text"], SAMPLE),
                    "tag": language_tag(lines[steps[i]]["text"]),
                }
                for i in (picked if steps else [])
            ]
            if cells:
                rows.append({"run": run.label, "cells": cells, "all": len(steps)})
        found.append({"prompt": shown(prompt, SAMPLE), "tag": language_tag(prompt), "rows": rows})
    return found


def language_tag(text: str) -> str:
    """What tells a browser which glyphs Han characters have: ja with kana, zh-Hans without."""
    if re.search("[\u3041-\u30ff]", text):
        return "ja"
    han = any(unicodedata.name(c, "").startswith("CJK UNIFIED") for c in text)
    return "zh-Hans" if han else ""


def _data(run: Recorded, shards: Path | None) -> tuple[Shards | None, str | None]:
    """The run's shards, or why they are not shown."""
    try:
        return opened(run.folder, run.facts, shards), None
    except CurateError as error:
        return None, str(error)


def _shards_facts(shards: Shards) -> dict[str, Any]:
    index = shards.index
    whole = sum(s.train_tokens for s in index.sources.values())
    entries = _upstream(shards)
    sources = [
        {
            "source": name,
            "documents": s.documents,
            "tokens": s.train_tokens,
            "share": s.train_tokens / whole if whole else 0.0,
            "heldout": s.validation_tokens,
            "licence": entries.get(name, {}).get("licence"),
            "homepage": web_address(entries.get(name, {}).get("homepage")),
        }
        for name, s in index.sources.items()
    ]
    return {
        "name": index.name,
        "folder": str(shards.folder),
        "fingerprint": index.fingerprint,
        "kind": index.kind,
        "seq_length": index.seq_length,
        "rows": shards.split.rows,
        "tokens": shards.split.tokens,
        "fill": shards.split.fill,
        "tokenizer": index.tokenizer.fingerprint,
        "vocabulary": index.tokenizer.vocab_size,
        "builds": [{"name": b.name, "fingerprint": b.fingerprint} for b in index.builds],
        "sources": sorted(sources, key=lambda s: (-s["tokens"], s["source"])),
    }


def _upstream(shards: Shards) -> dict[str, dict[str, Any]]:
    """What the builds' manifests say of their sources; nothing where they cannot be read."""
    found: dict[str, dict[str, Any]] = {}
    for build in shards.index.builds:
        if build.manifest is not None:
            try:
                found |= read_json(shards.folder / build.manifest)["sources"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return found


def web_address(value: Any) -> str | None:
    """An address that a link may lead to, None for anything but http and https."""
    return value if isinstance(value, str) and re.match(r"https?://", value) else None


def _jumps(run: Recorded, jumps: list[dict[str, Any]], data: Shards | None) -> list[dict[str, Any]]:
    """The highest jumps of the loss with documents of their steps, by step."""
    highest = sorted(jumps, key=lambda j: j["median"] - j["loss"])[:SHOWN_SPIKES]
    tokenizer = _tokenizer(run, data)
    found = []
    for jump in sorted(highest, key=lambda j: j["step"]):
        rows: list[dict[str, Any]] = []
        if data is not None:
            for row in traced_step(run.folder, jump["step"], data.folder)["rows"]:
                rows += [{**entry, "in_split": row["row_in_split"]} for entry in row["documents"]]
        documents = [
            {
                "row": entry["in_split"],
                "id": entry["document"],
                "source": entry["source"],
                "licence": entry["licence"],
                "url": web_address(entry["url"]),
                "text": _excerpt(data, tokenizer, entry) if data and tokenizer else None,
            }
            for entry in rows[:SHOWN_DOCUMENTS]
        ]
        found.append({**jump, "documents": documents, "more": len(rows) - len(documents)})
    return found


def _tokenizer(run: Recorded, data: Shards | None) -> Tokenizer | None:
    options = run.facts["config"]["model"]
    try:
        tokenizer = load_tokenizer(Path(options.get("tokenizer") or options["path"]))
        if data is not None:
            data.check_tokenizer(tokenizer.fingerprint)
    except (CurateError, KeyError, TypeError):
        return None
    return tokenizer


def _excerpt(data: Shards, tokenizer: Tokenizer, entry: dict[str, Any]) -> str:
    ids = data.tokens(entry["in_split"])[entry["begin"] : entry["end"]].astype("uint32")
    return shown(tokenizer.decode(ids, inner=entry["offset"] > 0), EXCERPT)


def _size(value: int) -> str:
    return f"{big(float(value))}B" if value >= 1000 else f"{value} B"


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
