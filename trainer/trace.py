"""What a step saw: its rows and their documents, down to the published files."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from curate.errors import CurateError, RecipeError
from curate.storage import read_json
from curate.tokens.format.reader import Shards
from curate.tokens.trace import traced
from trainer.order import Order
from trainer.watch import METRICS, lines_of

RUN = "run.json"

BEFORE = 20
"""Steps that a jump of the loss is measured against."""
DEVIATIONS = 5.0
"""A jump is a loss so many deviations above the median of the steps before it."""


def run_facts(run: Path) -> dict[str, Any]:
    """The run.json of a run. Raises RecipeError where there is none."""
    try:
        facts: dict[str, Any] = read_json(run / RUN)
    except FileNotFoundError:
        raise RecipeError(
            f"{run} is no training run: it has no {RUN}; give the folder that `curate train` wrote"
        ) from None
    except ValueError:
        raise CurateError(f"{run / RUN} is damaged") from None
    return facts


def opened(run: Path, facts: dict[str, Any], shards: Path | None = None) -> Shards:
    """The shards of a run. Raises CurateError where they are not those it was trained on."""
    folder = shards or Path(facts["config"]["shards"])
    found = Shards(folder)
    if found.index.fingerprint != facts["data"]["shards"]:
        raise CurateError(
            f"{folder} are other shards ({found.index.fingerprint[:12]}) than {run} was trained on "
            f"({facts['data']['shards'][:12]}); give theirs with --shards"
        )
    return found


def step_rows(facts: dict[str, Any], step: int) -> list[int]:
    """Rows of a step, counted from 1 as metrics.jsonl does. Raises CurateError beyond the run."""
    if not 1 <= step <= facts["steps"]:
        raise CurateError(f"there is no step {step}; steps are 1 to {facts['steps']}")
    data = facts["data"]
    order = Order(data["shards"], data["seed"], data["rows"], data["batch.rows"])
    rows: list[int] = order.batch_rows(step - 1).tolist()
    return rows


def traced_step(run: Path, step: int, shards: Path | None = None) -> dict[str, Any]:
    """The documents of a step with their sources, as JSON-ready values."""
    facts = run_facts(run)
    found = opened(run, facts, shards)
    rows = []
    for row in step_rows(facts, step):
        documents = []
        for segment in found.segments(row):
            entry = traced(found, row, segment.begin)
            for key in ("shards", "split", "row_in_split", "token", "token_id"):
                del entry[key]
            offset = entry.pop("token_in_document")
            documents.append(
                {"begin": segment.begin, "end": segment.end, "offset": offset, **entry}
            )
        rows.append({"row_in_split": row, "documents": documents})
    return {"run": str(run), "step": step, "shards": found.index.name, "rows": rows}


def spikes(run: Path) -> list[dict[str, Any]]:
    """Steps where the loss jumped, as {step, loss, median, deviation}.

    The deviation is the median of the distances from the median of the last steps, which a jump
    among them hardly moves.
    """
    lines = lines_of(run / METRICS)
    found = []
    for number in range(BEFORE, len(lines)):
        before = [line["loss"] for line in lines[number - BEFORE : number]]
        middle = statistics.median(before)
        deviation = statistics.median(abs(value - middle) for value in before)
        loss = lines[number]["loss"]
        if loss - middle > DEVIATIONS * max(deviation, 1e-3):
            found.append(
                {
                    "step": lines[number]["step"],
                    "loss": loss,
                    "median": middle,
                    "deviation": deviation,
                }
            )
    return found
