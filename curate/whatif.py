"""What other limits would keep and drop, from the ledger of a finished build, without building.

The rules are those of `curate.decide`, on the measures that the ledger holds. What deduplication
would make of it cannot be known from a ledger, and is said so: rows that come back were never
compared with others, and rows whose duplicate goes are compared anew in a build.
"""

from __future__ import annotations

import difflib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel

import curate.rewrite
from curate.contamination.options import SCORE
from curate.decide import Refusal, decided, refused
from curate.errors import RecipeError
from curate.instructions.recipe import InstructionRecipe
from curate.recipe import Languages, Licences, Limit, Recipe, checked
from curate.rewrite.base import Rewrite
from curate.rows import INSTRUCTION, PAIR
from curate.step import discovered
from manifests import ledger
from manifests.opened import OpenedBuild

SECTIONS = ("quality", "language", "licences")
"""Parts of a recipe that only compare what the ledger holds; `policies` too, of instructions."""

STAYS = "stays"
DROPPED = "newly_dropped"
RETURNS = "returns"
FREED = "freed"
DUPLICATE = "duplicate"
LEFT = "left"
OUT = "out"
"""What becomes of a row: kept and kept again; kept and now dropped; dropped by a limit and now past
every limit; duplicate of a row now dropped; duplicate still; left out by cap or budget, and past
every limit; dropped by a limit still or now."""

_BATCH = 200_000
_EXAMPLES_PER_GROUP = 2


@dataclass
class Prediction:
    """What a build with other limits would make of the rows of this one."""

    recipe: Recipe
    rows: dict[str, Counter[str]]
    """Rows by source and fate (STAYS, DROPPED, ...)."""
    reasons: dict[tuple[str, str, str], list[int]]
    """Rows and characters by (fate, source, reason): the new reason of rows newly dropped, the old
    one of rows that return or are freed."""
    moved: Counter[tuple[str, str, str]]
    """Rows out before and after, by (source, old reason, new reason) where these differ."""
    examples: list[dict[str, Any]]
    seconds: float = 0.0

    def total(self, fate: str) -> int:
        """Rows of all sources with this fate."""
        return sum(counts[fate] for counts in self.rows.values())


@dataclass
class _Tally:
    rows: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: dict[tuple[str, str, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0])
    )
    moved: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)
    shown: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def changed_recipe(build: OpenedBuild, settings: Sequence[str]) -> Recipe:
    """The build's recipe with `section.key=value` settings made.

    Values are YAML; `null` takes a limit away. Raises RecipeError for anything but `quality`,
    `language` and `licences`, and for keys and values that these lack.
    """
    instructions = build.manifest["kind"] == "instructions"
    sections = (*SECTIONS, "policies") if instructions else SECTIONS
    recipe: dict[str, Any] = dict(build.manifest["recipe"])
    for setting in settings:
        recipe = _with(recipe, setting, sections)
    if isinstance(quality := recipe.get("quality"), dict):
        recipe["quality"] = {k: v for k, v in quality.items() if not _without_bounds(v)}
    result: Recipe = checked(recipe, "--set", InstructionRecipe if instructions else Recipe)
    result.check("--set")
    columns = measure_columns(build)
    asked = "\n".join(settings)
    for column in result.quality:
        if column not in columns and f"quality.{column}" in asked:
            raise RecipeError(
                f"--set quality.{column}: the ledger has no measure {column!r}"
                f"{_meant(column, columns)}"
            )
    # Limits that came after an older build was made are none of its own.
    own = {column: limit for column, limit in result.quality.items() if column in columns}
    return result.model_copy(update={"quality": own})


def _with(recipe: dict[str, Any], setting: str, sections: Sequence[str]) -> dict[str, Any]:
    path, equals, text = setting.partition("=")
    keys = path.strip().split(".")
    if not equals or (len(keys) < 2 and text.strip() != "false"):
        raise RecipeError(
            f"--set {setting!r} is no setting; write it as quality.han_ratio.min=0.6 or "
            "language.keep=zh,zh-Hant"
        )
    if keys[0] not in sections:
        raise RecipeError(
            f"--set {path}: only {', '.join(sections)} can be judged from a ledger"
            f"{_meant(keys[0], list(sections))}; for the rest build with a changed recipe and "
            "compare with `curate manifest diff`"
        )
    if _takes_words(keys):
        words = text.strip().removeprefix("[").removesuffix("]").split(",")
        return _replaced(recipe, keys, [word.strip(" \"'") for word in words if word.strip()])
    try:
        return _replaced(recipe, keys, yaml.safe_load(text))
    except yaml.YAMLError:
        raise RecipeError(f"--set {setting!r}: {text!r} is no value") from None


def _without_bounds(limit: Any) -> bool:
    """Whether nothing of a limit is left, its bounds having been taken away."""
    if not isinstance(limit, dict):
        return limit is None
    known = set(limit) <= set(Limit.model_fields)
    return known and limit.get("min") is None and limit.get("max") is None


def _meant(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _takes_words(keys: list[str]) -> bool:
    models: dict[str, type[BaseModel]] = {"language": Languages, "licences": Licences}
    model = models.get(keys[0])
    known = model.model_fields.get(keys[1]) if model is not None and len(keys) == 2 else None
    return known is not None and "tuple" in str(known.annotation)


def _replaced(node: Any, keys: list[str], value: Any) -> dict[str, Any]:
    inner = dict(node) if isinstance(node, dict) else {}
    inner[keys[0]] = value if len(keys) == 1 else _replaced(inner.get(keys[0]), keys[1:], value)
    return inner


def measure_columns(build: OpenedBuild) -> list[str]:
    """The ledger columns that hold numbers or labels of measures."""
    with build.connection() as database:
        names = [row[0] for row in database.execute("DESCRIBE ledger").fetchall()]
    return [name for name in names if name not in ledger.COLUMNS.names]


def predicted(build: OpenedBuild, recipe: Recipe, examples: int = 3) -> Prediction:
    """What a build with `recipe`'s limits would make of every row of `build`.

    One pass over the ledger for the decisions, one over its duplicates; memory grows with the
    number of duplicates only. `examples`: about so many rows are picked for every reason.
    """
    started = time.monotonic()
    tally = _Tally()
    partners = _partners(build)
    gone: list[pa.Array] = []
    for table, label, refusal in _pieces(build, recipe):
        new = _decided(build, recipe, table, label, refusal)
        table = table.append_column("new_reason", new.column("reason"))
        table = table.append_column("new_measure", new.column("measure"))
        table = table.append_column("new_limit", new.column("limit"))
        fates = _fates(table)
        _count(tally, table, label, fates, examples)
        dropped = table.filter(pa.array(fates == DROPPED)).column("id").combine_chunks()
        gone.append(dropped.filter(pc.is_in(dropped, value_set=partners)))
    if any(map(len, gone)):
        _free(build, tally, pa.concat_arrays(gone), recipe, examples)
    return Prediction(
        recipe,
        dict(sorted(tally.rows.items())),
        dict(sorted(tally.reasons.items())),
        tally.moved,
        tally.examples,
        time.monotonic() - started,
    )


def _decided(
    build: OpenedBuild, recipe: Recipe, table: pa.Table, label: str, refusal: Refusal | None
) -> pa.Table:
    """The decisions on rows of one source, as a build makes them."""
    kind = build.manifest["sources"][label]["row_type"]
    return decided(
        table,
        recipe.quality,
        recipe.language,
        INSTRUCTION.name if isinstance(recipe, InstructionRecipe) else kind,
        _dropping(build, label) | _flags(recipe),
        recipe.contamination,
        refusal,
    )


def _dropping(build: OpenedBuild, label: str) -> dict[str, str]:
    """Columns that rewrites of a source counted and that had to be 0, each with its reason.

    Only of the project's own steps: what else a manifest names is not run for the asking.
    """
    steps = build.manifest["sources"][label]["rewrites"]
    asked = [step for step in steps if "drop" in step["options"].values()]
    if not asked:
        return {}
    known = discovered(curate.rewrite, Rewrite)
    found: dict[str, str] = {}
    for step in asked:
        kind = known.get(step["step"])
        if kind is not None and step["class"] == f"{kind.__module__}:{kind.__qualname__}":
            found |= kind(**step["options"]).dropping()
    return found


def _flags(recipe: Recipe) -> dict[str, str]:
    """Columns of flags that a recipe of instructions drops, each with its reason."""
    return recipe.columns_with("drop") if isinstance(recipe, InstructionRecipe) else {}


def _pieces(
    build: OpenedBuild, recipe: Recipe, where: str = "true"
) -> Iterator[tuple[pa.Table, str, Refusal | None]]:
    """The ledger's rows but the quarantined, as plain columns, in pieces of one source."""
    refusals = {source.id_prefix: refused(recipe, source) for source in recipe.sources}
    listed = ", ".join(f'"{name}"' for name in _read(build, recipe))
    with build.connection() as database:
        reader = database.sql(
            f"SELECT {listed} FROM ledger WHERE status <> 'quarantined' AND ({where})"
        ).to_arrow_reader(_BATCH)
        for batch in reader:
            table = pa.Table.from_batches([batch])
            for i, column in enumerate(table.columns):
                if pa.types.is_dictionary(column.type):
                    table = table.set_column(i, table.column_names[i], column.cast(pa.string()))
            none = pa.nulls(table.num_rows, pa.string())
            table = table.append_column("quarantine", none)
            labels = table.column("source").unique().to_pylist()
            for label in labels:
                own = table.filter(pc.equal(table.column("source"), label))
                yield own, label, refusals[label]


def _read(build: OpenedBuild, recipe: Recipe) -> list[str]:
    """The ledger columns that decisions and their account need."""
    measured = {*recipe.quality, "characters", "lang", "lang_confidence", SCORE, *_flags(recipe)}
    for label in build.manifest["sources"]:
        measured |= set(_dropping(build, label))
    for side in PAIR.fields:
        measured |= {f"{side}_{name}" for name in ("characters", "lang", "lang_confidence")}
    found = [name for name in measure_columns(build) if name in measured]
    own = ("id", "source", "status", "stage", "reason", "measure", "limit", "duplicate_of")
    return [*own, *found]


def _partners(build: OpenedBuild) -> pa.Array:
    """Ids of the rows that others are duplicates of."""
    with build.connection() as database:
        found = database.sql(
            "SELECT DISTINCT duplicate_of FROM ledger WHERE duplicate_of IS NOT NULL"
        ).to_arrow_table()
    return found.column(0).cast(pa.string()).combine_chunks()


def _fates(table: pa.Table) -> NDArray[np.object_]:
    status = table.column("status").to_numpy()
    stage = table.column("stage").to_numpy()
    passes = table.column("new_reason").combine_chunks().is_null().to_numpy(zero_copy_only=False)
    by_limit = stage == "decide"
    kept = status == ledger.KEPT
    fates = np.full(len(status), OUT, object)
    fates[passes] = DUPLICATE
    fates[passes & (stage == "mixture")] = LEFT
    fates[passes & by_limit] = RETURNS
    fates[passes & kept] = STAYS
    fates[~passes & kept] = DROPPED
    return fates


def _count(
    tally: _Tally, table: pa.Table, label: str, fates: NDArray[np.object_], examples: int
) -> None:
    names, numbers = np.unique(fates.astype(str), return_counts=True)
    tally.rows[label].update(dict(zip(names.tolist(), numbers.tolist(), strict=True)))
    for fate, column in ((DROPPED, "new_reason"), (RETURNS, "reason")):
        rows = table.filter(pa.array(fates == fate))
        _book(tally, rows, fate, label, column, examples)
    out = table.filter(pa.array(fates == OUT)).select(["reason", "new_reason"])
    for row in out.group_by(["reason", "new_reason"]).aggregate([([], "count_all")]).to_pylist():
        if row["reason"] != row["new_reason"]:
            tally.moved[label, row["reason"], row["new_reason"]] += row["count_all"]


def _book(tally: _Tally, rows: pa.Table, fate: str, label: str, column: str, examples: int) -> None:
    """Counts rows of one fate and source by the reason in `column`, and picks examples."""
    if not rows.num_rows:
        return
    grouped = rows.select([column, "characters"]).group_by(column)
    for row in grouped.aggregate([([], "count_all"), ("characters", "sum")]).to_pylist():
        sums = tally.reasons[fate, label, row[column]]
        sums[0] += row["count_all"]
        sums[1] += row["characters_sum"] or 0
        key = (fate, label, row[column])
        quota = min(examples, _EXAMPLES_PER_GROUP) - tally.shown[key]
        if quota <= 0:
            continue
        own = rows.filter(pc.equal(rows.column(column), row[column]))
        # Spread over the rows instead of the first of them.
        picked = np.unique(np.linspace(0, own.num_rows - 1, quota + 2).astype(int)[1:-1])
        tally.shown[key] += len(picked)
        for one in own.take(pa.array(picked)).to_pylist():
            tally.examples.append(
                {
                    "fate": fate,
                    "id": one["id"],
                    "source": label,
                    "reason": one[column],
                    "measure": one["new_measure" if fate == DROPPED else "measure"],
                    "limit": one["new_limit" if fate == DROPPED else "limit"],
                    "duplicate_of": one["duplicate_of"],
                }
            )


def _free(build: OpenedBuild, tally: _Tally, gone: pa.Array, recipe: Recipe, examples: int) -> None:
    """Moves duplicates of rows now dropped from DUPLICATE to FREED."""
    for table, label, refusal in _pieces(build, recipe, "duplicate_of IS NOT NULL"):
        new = _decided(build, recipe, table, label, refusal)
        passes = new.column("reason").combine_chunks().is_null()
        freed = table.filter(
            pc.and_(passes, pc.is_in(table.column("duplicate_of"), value_set=gone))
        )
        tally.rows[label][FREED] += freed.num_rows
        tally.rows[label][DUPLICATE] -= freed.num_rows
        _book(tally, freed, FREED, label, "reason", examples)


def caveats(prediction: Prediction) -> list[str]:
    """What the ledger cannot tell about this prediction, in sentences."""
    found = []
    if returns := prediction.total(RETURNS):
        found.append(
            f"{returns:,} rows would come back; they were never compared with others, so a build "
            "may find duplicates among them, or keep one of them instead of a row kept now."
        )
    if freed := prediction.total(FREED):
        found.append(
            f"{freed:,} duplicates would be freed, since the row they duplicate would go; a build "
            "compares them anew and keeps some of them, perhaps instead of a row that resembles "
            "them."
        )
    if isinstance(recipe := prediction.recipe, InstructionRecipe):
        changed = sum(prediction.total(fate) for fate in (RETURNS, FREED, DROPPED))
        if changed and (left := prediction.total(LEFT)):
            found.append(
                f"{left:,} rows are left out by caps and budget; a build shares these out anew, "
                "and takes some of them for rows that go, or leaves out others for rows that "
                "come back."
            )
        if changed and recipe.mixture.valid:
            found.append(
                "Which rows are for validation may change where rows that were compared come or go."
            )
    return found


def as_json(build: OpenedBuild, prediction: Prediction) -> dict[str, Any]:
    """The prediction as JSON-ready values."""
    p = prediction
    before = p.total(STAYS) + p.total(DROPPED)
    return {
        "build": str(build.folder),
        "kept_before": before,
        "kept": p.total(STAYS),
        "newly_dropped": p.total(DROPPED),
        "returns": p.total(RETURNS),
        "freed": p.total(FREED),
        "kept_at_most": p.total(STAYS) + p.total(RETURNS) + p.total(FREED),
        "exact": not p.total(RETURNS) and not p.total(FREED),
        "sources": {
            label: {
                "kept_before": counts[STAYS] + counts[DROPPED],
                "kept": counts[STAYS],
                "newly_dropped": counts[DROPPED],
                "returns": counts[RETURNS],
                "freed": counts[FREED],
            }
            for label, counts in p.rows.items()
        },
        "reasons": [
            {"fate": fate, "source": label, "reason": reason, "rows": rows, "characters": chars}
            for (fate, label, reason), (rows, chars) in p.reasons.items()
        ],
        "moved": [
            {"source": label, "from": old, "to": new, "rows": rows}
            for (label, old, new), rows in sorted(p.moved.items())
        ],
        "cannot_know": caveats(p),
        "examples": p.examples,
        "limits": p.recipe.model_dump(mode="json", include={*SECTIONS, "policies"}),
        "seconds": round(p.seconds, 3),
    }
