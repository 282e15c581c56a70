"""From a recipe to units of work: which files, which adapter, under which keys results are kept."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate import decide, ingest, outputs, refine
from curate.assembly import ledger_schema
from curate.decide import Refusal, refused
from curate.dedup import agreement, sketch, substance
from curate.dedup import plan as dedup_plan
from curate.dedup import sides as dedup_sides
from curate.dedup.options import ExactDedup, NearDedup, SideDedup
from curate.dedup.plan import Comparison
from curate.errors import RecipeError
from curate.fingerprint import fingerprint
from curate.instructions import refine as instructions
from curate.measure.base import Measure
from curate.measure.pair.base import AnyMeasure, PairMeasure
from curate.recipe import Recipe, Source
from curate.rewrite.base import Rewrite
from curate.rows import INSTRUCTION, PAIR, RowType
from sources.adapter import Adapter, InputFile, SourceError, Unit
from sources.archive import Rejected
from sources.catalogue import OWN_FILES, catalogue
from sources.catalogue import Source as Entry
from sources.inputs import input_files, open_units
from sources.licences import Terms
from sources.record import RECORD_NAME, FileRecord, read_record


@dataclass(frozen=True)
class SourcePlan:
    """A source of the recipe, ready to be read."""

    source: Source
    label: str
    adapter: Adapter
    entry: Entry | None
    """What the catalogue knows of the source, if it is there."""
    terms: Terms
    """Licence of its rows, and what that allows and asks for."""
    refusal: Refusal | None
    """Set where the recipe refuses the licence: every row is then dropped for it."""
    template: str
    rewrites: list[Rewrite]
    root: Path
    files: list[InputFile]
    """The files found, archives still packed."""
    origins: dict[str, FileRecord]
    """What `curate sources fetch` recorded of the files, by name."""
    units: list[Unit]
    rejected: list[Rejected]
    """Archive members refused; a quarantined row each."""
    left_out: list[tuple[str, str]]
    """Files that hold no data, and why they were not read."""
    making: ingest.Made | None = None
    """What makes instructions of what is read; None where rows stay what they are."""

    @property
    def row_type(self) -> RowType:
        """The kind of rows that are curated."""
        return self.adapter.row_type if self.making is None else INSTRUCTION

    def measured_by(self, measure: AnyMeasure) -> bool:
        """Whether a measure concerns rows of this kind."""
        if isinstance(measure, PairMeasure):
            return self.row_type is PAIR
        return isinstance(measure, Measure) or self.row_type is INSTRUCTION

    @property
    def is_pairs(self) -> bool:
        """Whether its rows have sides."""
        return self.row_type is PAIR

    def refine_options(self, measures: list[AnyMeasure], sides: bool = False) -> dict[str, Any]:
        """What, besides the rows, decides the refined text and measures.

        sides: whether the sides of pairs are hashed.
        """
        hashed = {"sides": dedup_sides.VERSION} if sides and self.is_pairs else {}
        return {
            **hashed,
            "version": [refine.VERSION, instructions.VERSION]
            if self.row_type is INSTRUCTION
            else refine.VERSION,
            "template": self.template,
            "rewrites": [step.fingerprint() for step in self.rewrites],
            "measures": [
                measure.fingerprint() for measure in measures if self.measured_by(measure)
            ],
        }

    def dropping(self) -> dict[str, str]:
        """Columns that rewrites count and that must be 0 in this source, each with its reason."""
        return {k: reason for step in self.rewrites for k, reason in step.dropping().items()}

    def manifest_entry(self, hashes: Mapping[Path, str]) -> dict[str, Any]:
        """What the manifest says about the source: where it is from, its files, what was done.

        `read_as` is the `file` of a file's rows in the ledger; null for archives, whose members
        are read, and for files without rows.
        """
        read_as = {file.name: unit.name for unit in self.units for file in unit.files}
        return {
            "name": self.source.name,
            "title": self.entry.title if self.entry else None,
            "homepage": self.entry.homepage if self.entry else None,
            "licence": self.terms.licence,
            "licence_stated": self.source.licence or (self.entry.licence if self.entry else None),
            "non_commercial": None if self.terms.commercial is None else not self.terms.commercial,
            "terms": self.terms.as_json(),
            "refused": self.refusal.limit if self.refusal else None,
            "row_type": self.adapter.row_type.name,
            "render": self.template,
            "rewrites": [step.fingerprint() for step in self.rewrites],
            "inputs": [
                {
                    "file": file.name,
                    "read_as": read_as.get(file.name),
                    "sha256": hashes[file.path],
                    "bytes": file.path.stat().st_size,
                    "url": origin.url if (origin := self.origins.get(file.name)) else None,
                    "revision": origin.revision if origin else None,
                }
                for file in self.files
            ],
            # Members of archives, as they were unpacked.
            "members": [
                {"file": file.name, "read_as": unit.name, "sha256": hashes[file.path]}
                for unit in self.units
                for file in unit.files
                if file.name not in {f.name for f in self.files}
            ],
            "not_read": [{"file": name, "why": why} for name, why in self.left_out],
        }


Member = Unit | Rejected
"""What has rows of its own: files that are read, or an archive member not unpacked, which is one
quarantined row."""

SMALL_BYTES = 1 << 20
"""Files with less are read together with others of their source,"""
BUNDLE_BYTES = 1 << 22
"""until they have so much, or their number is"""
BUNDLE_FILES = 512


@dataclass(frozen=True)
class Bundle:
    """Members of one source that are read one after the other, and the keys of the results."""

    plan: SourcePlan
    members: tuple[Member, ...]
    ingest_key: str
    refine_key: str
    size: int
    """Bytes of the files on disk."""

    @property
    def names(self) -> list[str]:
        """The `file` of the members' ids."""
        return [member.name for member in self.members]

    @property
    def prefix(self) -> str:
        """What its first id begins with."""
        return f"{self.plan.label}/{self.members[0].name}#"

    @property
    def label(self) -> str:
        """What it is called in messages."""
        others = f" and {len(self.members) - 1} more" if len(self.members) > 1 else ""
        return f"{self.plan.label}/{self.members[0].name}{others}"


def member_size(member: Member) -> int:
    """Bytes of a member's files on disk."""
    files = () if isinstance(member, Rejected) else member.files
    return sum(file.path.stat().st_size for file in files)


def bundled(members: Iterable[tuple[Member, int]]) -> Iterator[list[Member]]:
    """Members with their sizes, in parts that are read together.

    A file costs as much to open, and a partition to work on, for ten rows as for thousands. Where
    parts end depends mostly on the names in them: a new file changes the part that it falls
    into and not all behind it.
    """
    part: list[Member] = []
    held = 0
    for member, size in members:
        full = held + size > BUNDLE_BYTES or len(part) == BUNDLE_FILES
        # One name in 256 begins a part whatever came before.
        begins = int(fingerprint(member.name)[:2], 16) == 0
        large = size >= SMALL_BYTES
        if part and (full or begins or large):
            yield part
            part, held = [], 0
        part.append(member)
        # A large file is read alone.
        held += BUNDLE_BYTES if large else size
    if part:
        yield part


def located(source: Source, recipe_folder: Path, data_folder: Path) -> Path:
    """Where a source's files are. Raises RecipeError when they are not there."""
    if source.path is not None:
        path = Path(source.path).expanduser()
        root = path if path.is_absolute() else recipe_folder / path
        if "*" in source.path or root.exists():
            return root
        raise RecipeError(
            f"source {source.id_prefix!r}: there is no {root}; correct `path:` in the recipe"
        )
    root = data_folder / source.name
    if root.exists():
        return root
    raise RecipeError(
        f"source {source.id_prefix!r} has no `path:` and {root} does not exist; "
        f"run `curate sources fetch {source.name}` or give a `path:`"
    )


def planned_source(
    recipe: Recipe,
    source: Source,
    recipe_folder: Path,
    data_folder: Path,
    unpack_folder: Path,
) -> SourcePlan:
    """Everything about a source that can be known without reading its rows.

    Archives are unpacked under `unpack_folder` (once, by content).
    """
    adapter = source.adapter()
    kind = adapter.row_type
    entry = catalogue().get(source.name)
    template = recipe.template(source, kind)
    root = located(source, recipe_folder, data_folder)
    try:
        opened = open_units(adapter, root, unpack_folder)
        files = [file for file in input_files(root) if file.path.name not in OWN_FILES]
    except SourceError as error:
        raise RecipeError(f"source {source.id_prefix!r}: {error}") from None
    return SourcePlan(
        source=source,
        label=source.id_prefix,
        adapter=adapter,
        terms=source.terms,
        refusal=refused(recipe, source),
        entry=entry,
        template=template,
        rewrites=recipe.rewrites(source),
        root=root,
        files=files,
        origins=(read_record(root, source.name).files if (root / RECORD_NAME).exists() else {}),
        units=opened.units,
        rejected=opened.rejected,
        left_out=opened.left_out,
        making=recipe.making(source, kind),
    )


def ingest_key(
    adapter: Adapter,
    unit: Unit,
    hashes: Mapping[Path, str],
    limit: int | None,
    making: ingest.Made | None = None,
) -> str:
    """Key of a unit's rows: its bytes, its name, how it is read, what is made of it."""
    kind = type(adapter)
    return fingerprint(
        "ingest",
        [ingest.VERSION, ingest.PARTITION_BYTES, ingest.PARTITION_ROWS],
        [f"{kind.__module__}:{kind.__qualname__}", kind.version, adapter.model_dump(mode="json")],
        unit.name,
        [[file.name, hashes[file.path]] for file in unit.files],
        limit,
        *([] if making is None else making.fingerprint()),
    )


def rejected_key(kind: RowType, rejected: Rejected) -> str:
    """Key of the one quarantined row of an archive member that was refused."""
    row = [rejected.name, rejected.reason, rejected.detail]
    return fingerprint("rejected", ingest.VERSION, kind.name, row)


def bundle_key(keys: Sequence[str]) -> str:
    """Key of the rows of members that are read together, of the members' own."""
    return keys[0] if len(keys) == 1 else fingerprint("bundle", list(keys))


def sketch_key(decided: str, exact: ExactDedup | None, near: NearDedup | None) -> str:
    """Key of a partition's sketch for deduplication."""
    return fingerprint(
        "sketch",
        sketch.VERSION,
        decided,
        exact.model_dump(mode="json") if exact else None,
        near.model_dump(mode="json") if near else None,
    )


def dedup_key(
    sketches: list[str],
    priorities: list[int],
    sides: SideDedup | None = None,
    comparisons: Sequence[Comparison] = (),
) -> str:
    """Key of the duplicates among partitions: their sketches in order, and who is preferred."""
    compared: list[Any] = [dedup_sides.VERSION, sides.model_dump(mode="json")] if sides else []
    compared += [
        [c.name, [Path(p.sketch).stem for p in c.partitions], asdict(c.judgement)]
        for c in comparisons
    ]
    versions = [dedup_plan.VERSION, substance.VERSION, agreement.VERSION]
    return fingerprint("dedup", versions, sketches, priorities, *compared)


def decide_key(
    refine_key: str,
    number: int,
    recipe: Recipe,
    compared: str | None = None,
    refusal: Refusal | None = None,
    dropping: Mapping[str, str] | None = None,
) -> str:
    """Key of the decisions on partition `number` of a bundle with scores of the key `compared`.

    dropping: columns that must be 0, each with its reason, as `decide` takes them.
    """
    return fingerprint(
        "decide",
        decide.VERSION,
        refine_key,
        number,
        {name: limit.model_dump() for name, limit in recipe.quality.items()},
        list(recipe.quality),
        recipe.language.model_dump() if recipe.language else None,
        compared,
        [recipe.contamination.limit, recipe.contamination.policy] if recipe.contamination else None,
        [refusal.licence, refusal.limit] if refusal else None,
        sorted((dropping or {}).items()),
    )


def write_key(parts: list[Any], recipe: Recipe, compared: list[str]) -> str:
    """Key of a written shard: its partitions, their decisions and duplicates, the format.

    compared: the key of the duplicates, and the files of all partitions, which duplicates name;
    empty when none are removed.
    """
    return fingerprint(
        "write",
        outputs.VERSION,
        importlib.metadata.version("pyarrow"),
        str(ledger_schema(recipe.measures(), recipe.other_columns())),
        parts,
        compared,
        recipe.output.model_dump(mode="json"),
    )
