"""The recipe: one YAML file that says everything a build does, checked before any work starts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import curate.measure
import curate.measure.pair
import curate.rewrite
from curate.contamination.options import COLUMNS as CONTAMINATION
from curate.contamination.options import Contamination
from curate.dedup.options import ExactDedup, NearDedup, SideDedup
from curate.errors import RecipeError
from curate.ingest import Made
from curate.measure.base import Measure
from curate.measure.instruction.base import InstructionMeasure
from curate.measure.pair.base import AnyMeasure, PairMeasure
from curate.render import DEFAULTS, pieces
from curate.rewrite.base import Rewrite
from curate.rows import PAIR, RowType
from curate.step import S, discovered, imported
from sources.adapter import Adapter
from sources.catalogue import catalogue
from sources.licences import UNSTATED, Terms, matches, refusal, spdx_identifiers, terms
from sources.registry import adapter_class


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_DEFAULT_LIMITS: Sequence[tuple[str, str, dict[str, float]]] = (
    ("characters", "characters", {"min": 1}),
    ("untranslated", "copied_share", {"max": 0.8}),
    ("length", "length_z", {"min": -8, "max": 8}),
)


class Limit(_Model):
    """Bounds on a measure; the ledger says which bound a dropped row missed and by how much."""

    min: float | None = None
    """Lowest value kept."""
    max: float | None = None
    """Highest value kept."""
    from_characters: int = Field(default=0, ge=0)
    """The limit holds for texts of at least so many characters; shorter ones it lets pass."""

    @model_validator(mode="after")
    def _some_bound(self) -> Limit:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class Languages(_Model):
    """Which languages stay. Labels are those of docs/language.md."""

    keep: tuple[str, ...] = ("zh", "zh-Hant", "yue", "lzh", "und")
    """Labels that stay, for documents and papers. `und`: too little to judge."""
    zh: tuple[str, ...] = ("zh", "zh-Hant", "yue", "lzh", "und")
    """Labels that stay for the Chinese side of a pair."""
    en: tuple[str, ...] = ("en", "und")
    """Labels that stay for the English side of a pair."""
    confidence: float = Field(default=0.5, ge=0, le=1)
    """A document goes for its label only where the detector is at least so sure of it."""
    side_confidence: float = Field(default=0.9, ge=0, le=1)
    """The same for the side of a pair, of which its source says already what language it is."""
    en_characters: int = Field(default=200, ge=0)
    """English sides shorter than this always stay: names, headings and lists of countries look like
    any language."""


class Licences(_Model):
    """Which licences' rows stay.

    Patterns are SPDX identifiers, globs over these (`CC-BY-*`) or over words, or `unstated`.
    """

    allow: tuple[str, ...] = ()
    """Rows under anything else go; nothing here: all stay that nothing below refuses."""
    deny: tuple[str, ...] = ()
    """Rows under these go, whatever `allow` says."""
    non_commercial: Literal["allow", "deny"] = "allow"
    """Rows whose licence allows no commercial use."""
    unknown: Literal["allow", "deny"] = "allow"
    """Rows of which nobody says whether commercial use is allowed."""

    def refusal(self, terms: Terms) -> str | None:
        """Why these terms are refused, as the ledger's `limit` says it; None when they are not."""
        return refusal(
            terms, self.allow, self.deny, self.non_commercial == "allow", self.unknown == "allow"
        )


class Dedup(_Model):
    """Which duplicates are removed."""

    exact: ExactDedup | None = Field(default_factory=ExactDedup)
    """Same content after normalisation for comparison; `false` keeps them."""
    near: NearDedup | None = Field(default_factory=NearDedup)
    """Similar content, every candidate verified; `false` keeps them."""
    sides: SideDedup | None = Field(default=None, exclude_if=lambda value: value is None)
    """Pairs equal on one side only; kept unless asked for."""

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: None if v is False else {} if v is True else v for k, v in value.items()}
        return value


class Output(_Model):
    """What a build writes besides the Parquet shards, ledger and manifest."""

    shard_mb: int = Field(default=32, ge=1)
    """Text per Parquet shard in MB (10^6 bytes), before compression."""
    jsonl: bool = False
    """Also write jsonl/*.jsonl.zst, one object a line."""
    text: Literal["no", "escape", "fold"] = "no"
    """Also write text/*.txt.zst, one document a line; line breaks inside a document become `\\n`
    (escape) or a space (fold)."""


class Source(_Model):
    """One source: an upstream set by its name, or one's own files through a generic adapter."""

    name: str
    """Catalogue or adapter name (`curate sources list`), or `package.module:Adapter`."""
    label: str = ""
    """First part of the rows' ids; the name unless given. Labels must differ."""
    path: str | None = None
    """File, folder or glob, relative to the recipe; without it, what `curate sources fetch` got."""
    licence: str | None = None
    """Licence of the rows: an SPDX expression or words; the catalogue's unless given."""
    non_commercial: bool | None = None
    """Whether the licence given here bars commercial use; for words, which no list explains."""
    priority: int = Field(default=50, ge=0, le=255)
    """Of two duplicates the one with the higher priority stays."""
    render: str | None = None
    """How the fields of a pair or paper become one text, such as `"{zh}\\n{en}"`."""
    rewrite: dict[str, Any] = Field(default_factory=dict)
    """Changes to the recipe's rewrites for this source, such as `spaces: {segmented: always}`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the adapter; they may also stand beside `path`."""

    @model_validator(mode="before")
    @classmethod
    def _adapter_options_beside(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        own = {k: v for k, v in value.items() if k in cls.model_fields}
        beside = {k: v for k, v in value.items() if k not in cls.model_fields}
        return {**own, "options": {**beside, **own.get("options", {})}}

    @property
    def id_prefix(self) -> str:
        return self.label or self.name.rpartition(":")[2]

    @property
    def terms(self) -> Terms:
        """What the rows' licence allows and asks for, from here or from the catalogue."""
        entry = catalogue().get(self.name)
        if self.licence is None and self.non_commercial is None and entry is not None:
            return entry.terms
        return terms(self.licence, self.non_commercial)

    def adapter(self) -> Adapter:
        """The adapter with this source's options; raises RecipeError for options it lacks."""
        entry = catalogue().get(self.name)
        try:
            kind = adapter_class(entry.adapter if entry and entry.adapter else self.name)
        except ValueError as error:
            raise RecipeError(f"source {self.id_prefix!r}: {error}") from None
        try:
            return kind(**self.options)
        except ValidationError as error:
            where = f"source {self.id_prefix!r}"
            known = set(type(self).model_fields)
            raise RecipeError(explained(error, kind, where, also=known)) from None


class Recipe(_Model):
    """Everything a corpus build does."""

    usual_limits: ClassVar[Sequence[tuple[str, str, dict[str, float]]]] = _DEFAULT_LIMITS
    """Measure, column and limit of what stands under `quality` unless the recipe gives another."""
    steps: ClassVar[tuple[type[AnyMeasure], ...]] = (Measure, PairMeasure)
    """Kinds of measures that may stand under `measure`."""

    name: str = Field(pattern=r"^[\w.-]+$")
    """Name of the build; its folder under --out."""
    sources: tuple[Source, ...] = Field(min_length=1)
    """What is read."""
    rewrite: dict[str, Any] = Field(default_factory=dict)
    """Rewrite steps by name: `false` switches one off, a mapping gives its options, and a name like
    `my_package.filters:Tidy` adds a step of your own."""
    measure: dict[str, Any] = Field(default_factory=dict)
    """Measures of texts and of pairs by name, in the same way."""
    quality: dict[str, Limit] = Field(default_factory=dict)
    """Limits on measures, by ledger column. Limits on measures of pairs concern pairs only."""
    language: Languages | None = Field(default_factory=Languages)
    """Languages that stay; `false` keeps all."""
    contamination: Contamination | None = None
    """Evaluation sets that the corpus must not hold."""
    licences: Licences = Field(default_factory=Licences)
    """Licences whose rows stay."""
    dedup: Dedup = Field(default_factory=Dedup)
    output: Output = Field(default_factory=Output)

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, value: Any) -> Any:
        if isinstance(value, dict):
            value = dict(value)
            if value.get("language") is False:
                value["language"] = None
            if value.get("dedup") is False:
                value["dedup"] = {"exact": False, "near": False}
            if isinstance(given := value.get("quality", {}), dict):
                switches = value.get("measure")
                off = switches if isinstance(switches, dict) else {}
                usual = {c: limit for m, c, limit in cls.usual_limits if off.get(m) is not False}
                value["quality"] = {**usual, **given}
        return value

    @model_validator(mode="after")
    def _different_labels(self) -> Recipe:
        labels = [source.id_prefix for source in self.sources]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(
                    f"two sources are called {label!r}; give each a `label:` of its own"
                )
        return self

    @model_validator(mode="after")
    def _patterns_of_licences(self) -> Recipe:
        """A pattern that fits no licence there is would let through what it should refuse."""
        if not (self.licences.allow or self.licences.deny):
            return self
        stated = [source.terms.licence for source in self.sources]
        stated += [entry.terms.licence for entry in catalogue().values()] + [UNSTATED]
        for key, patterns in (("allow", self.licences.allow), ("deny", self.licences.deny)):
            for pattern in patterns:
                if not any(matches(name, pattern) for name in [*stated, *spdx_identifiers()]):
                    raise ValueError(
                        f"licences.{key}: {pattern!r} fits no SPDX identifier and no licence of "
                        f"the sources{nearest(pattern, [*spdx_identifiers()], few=True)}"
                    )
        return self

    def rewrites(self, source: Source) -> list[Rewrite]:
        """The rewrite steps of a source, in the order they run."""
        wanted = self.wanted_rewrites(source)
        return _steps(discovered(curate.rewrite, Rewrite), (Rewrite,), wanted, "rewrite")

    def wanted_rewrites(self, source: Source) -> dict[str, Any]:
        """What is said of rewrites for a source: the recipe's section with the source's over it."""
        return {**self.rewrite, **source.rewrite}

    def other_columns(self) -> pa.Schema:
        """Ledger columns other than measures: what rewrites of any source count, contamination."""
        steps = [step for source in self.sources for step in self.rewrites(source)]
        steps.sort(key=lambda step: (step.order, step.name))
        columns = {name: kind for step in steps for name, kind in step.columns.items()}
        return pa.schema(columns | (CONTAMINATION if self.contamination else {}))

    def measures(self) -> list[AnyMeasure]:
        """The measures, in the order they run."""
        return _steps(self.known_measures(), self.steps, self.measure, "measure")

    def known_measures(self) -> dict[str, type[AnyMeasure]]:
        """The measures that may be named, by name."""
        return {
            **discovered(curate.measure, Measure),
            **discovered(curate.measure.pair, PairMeasure),
        }

    def template(self, source: Source, kind: RowType) -> str:
        """How rows of a source become one text. Raises RecipeError for rows that do not."""
        if kind.name not in DEFAULTS:
            raise RecipeError(
                f"source {source.id_prefix!r} holds {kind.name} rows; a corpus build takes "
                f"{', '.join(DEFAULTS)} rows, `curate build instructions` takes instructions"
            )
        template = source.render or DEFAULTS[kind.name]
        pieces(template, kind)
        return template

    def making(self, source: Source, kind: RowType) -> Made | None:
        """What makes other rows of those read; None where they stay what they are."""
        return None

    def check(self, where: str) -> None:
        """Raises RecipeError for what only shows when steps and sources are known."""


R = TypeVar("R", bound=Recipe)


def nearest(word: str, known: list[str], few: bool = False) -> str:
    """The nearest known word, else all of them, or with `few` nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return "" if few else f"; known: {', '.join(sorted(known))}"


def _steps(
    known: Mapping[str, type[S]], bases: tuple[type[S], ...], wanted: dict[str, Any], where: str
) -> list[S]:
    chosen: dict[str, type[S]] = {n: k for n, k in known.items() if k.default}
    options: dict[str, dict[str, Any]] = {}
    for key, value in wanted.items():
        if key in known:
            kind = known[key]
        elif ":" in key:
            try:
                kind = imported(key, bases)
            except ValueError as error:
                raise RecipeError(f"recipe, {where}: {error}") from None
        else:
            raise RecipeError(f"recipe, {where}: no step {key!r}{nearest(key, list(known))}")
        if value is False:
            chosen.pop(kind.name, None)
            continue
        chosen[kind.name] = kind
        if isinstance(value, dict):
            options[kind.name] = value
        elif value not in (True, None):
            raise RecipeError(f"recipe, {where}.{key}: give true, false or options, not {value!r}")
    steps = []
    for kind in sorted(chosen.values(), key=lambda k: (k.order, k.name)):
        try:
            steps.append(kind(**options.get(kind.name, {})))
        except ValidationError as error:
            raise RecipeError(explained(error, kind, f"recipe, {where}.{kind.name}")) from None
    return steps


def _fields_at(model: Any, path: tuple[Any, ...]) -> list[str]:
    """Field names of the model that an error's location ends in."""
    skip = False
    for part in path:
        if isinstance(part, int) or skip:
            skip = False
            continue
        field = getattr(model, "model_fields", {}).get(part)
        if field is None:
            return []
        annotation = field.annotation
        skip = getattr(annotation, "__origin__", None) is dict
        found = [
            a
            for a in (annotation, *getattr(annotation, "__args__", ()))
            if isinstance(a, type) and issubclass(a, BaseModel)
        ]
        if not found:
            return []
        model = found[0]
    return list(getattr(model, "model_fields", {}))


def explained(
    error: ValidationError, model: type[BaseModel], where: str, also: set[str] | None = None
) -> str:
    """A validation error in one sentence, with the nearest known key for an unknown one."""
    every = error.errors(include_url=False)
    # A misspelt key explains a missing one.
    first = next((e for e in every if e["type"] == "extra_forbidden"), every[0])
    path = tuple(first["loc"])
    dotted = ".".join(str(p + 1) if isinstance(p, int) else str(p) for p in path)
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1]) + sorted(also or ())
        return f"{where}: unknown key {dotted!r}{nearest(str(path[-1]), known)}"
    if first["type"] == "missing":
        return f"{where}: {dotted} is missing"
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {dotted}: {message}" if dotted else f"{where}: {message}"


def ledger_columns(measures: Sequence[AnyMeasure]) -> list[str]:
    """Names of the columns that measures fill, those of the sides of pairs included."""
    columns = [column for measure in measures for column in measure.columns]
    if not has_sides(measures):
        return columns
    columns += [f"{side}_characters" for side in PAIR.fields]
    for measure in measures:
        if isinstance(measure, Measure) and measure.sides:
            columns += [f"{side}_{column}" for column in measure.columns for side in PAIR.fields]
    return columns


def has_sides(measures: Sequence[AnyMeasure]) -> bool:
    """Whether pairs are measured side by side: not where they become instructions first."""
    return not any(isinstance(measure, InstructionMeasure) for measure in measures)


def checked(value: dict[str, Any], where: str, kind: type[R] = Recipe) -> R:  # type: ignore[assignment]
    """A recipe from a mapping. Raises RecipeError, in words for its author."""
    try:
        return kind(**value)
    except ValidationError as error:
        raise RecipeError(explained(error, kind, where)) from None


def parsed(text: str, where: str = "recipe", kind: type[R] = Recipe) -> R:  # type: ignore[assignment]
    """A recipe from YAML text. Raises RecipeError, in words for its author."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", error)
        raise RecipeError(f"{where} is not valid YAML{line}: {problem}") from None
    if not isinstance(value, dict):
        raise RecipeError(f"{where} must be a mapping with at least `name` and `sources`")
    recipe = checked(value, where, kind)
    measures = recipe.measures()
    columns = ledger_columns(measures)
    for source in recipe.sources:
        source.adapter()
        recipe.rewrites(source)
    columns += [field.name for field in recipe.other_columns()]
    for column in recipe.quality:
        if column not in columns:
            raise RecipeError(f"{where}, quality: no measure {column!r}{nearest(column, columns)}")
    sides = recipe.dedup.sides
    if sides is not None and sides.by_score and "pair_score" not in columns:
        raise RecipeError(
            f"{where}, dedup.sides: `best` needs the measure `pair_score`; do not switch it off, "
            "or say `first`"
        )
    scoped = any(limit.from_characters for limit in recipe.quality.values())
    if scoped and "characters" not in columns:
        raise RecipeError(
            f"{where}, quality: `from_characters` needs the measure `characters`; "
            "do not switch it off"
        )
    recipe.check(where)
    return recipe


def read(path: Path, kind: type[R] = Recipe) -> R:  # type: ignore[assignment]
    """A recipe from a file. Raises RecipeError when it is missing or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}; `recipes/` has ready ones") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read recipe {path}: {error}") from None
    return parsed(text, str(path), kind)
