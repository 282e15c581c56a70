"""Runs a corpus build: every stage in its order, each result kept under the key of what made it.

    ingest -> refine (rewrite, render, measure) -> compare (with evaluation questions) -> decide
           -> exact -> near -> sides -> write -> manifest

A stage's result is a file named after a fingerprint of its inputs, its part of the recipe and its
code version. What is there is not done again; so a crash, a changed limit or a new file costs what
it must and no more, and a resumed build cannot differ from an uninterrupted one.
"""

from __future__ import annotations

import functools
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.assembly import Partition
from curate.contamination.evaluation import Evaluation, evaluation, found_files
from curate.contamination.report import REPORT_NAME, question_report, written_report
from curate.dedup.corpus import TextPartition
from curate.dedup.options import NearDedup
from curate.dedup.plan import Comparison, later_stages, sketch_task
from curate.dedup.verify import Judgement
from curate.engine.local import Engine, engine
from curate.engine.task import Report, Task
from curate.fingerprint import fingerprint
from curate.hashes import FileHashes
from curate.ingest import ingested, partition_path
from curate.lock import locked
from curate.plan import (
    Bundle,
    Member,
    SourcePlan,
    bundle_key,
    bundled,
    decide_key,
    dedup_key,
    ingest_key,
    member_size,
    planned_source,
    rejected_key,
    sketch_key,
    write_key,
)
from curate.progress import Progress, Silent
from curate.recipe import Recipe
from curate.refine import prepare_pairs
from curate.rows import INSTRUCTION, PAIR
from curate.storage import read_json, write_json, write_listing
from manifests.manifest import Account, accounts, corpus_manifest, total
from manifests.seal import write_sealed
from sources.adapter import InputFile
from sources.archive import Rejected
from sources.record import now

WORK = ".work"


@dataclass
class Options:
    """How to run a build; only `limit` changes its result."""

    out: Path
    """Folder of builds; the build gets a folder of its own in it."""
    workers: int = 1
    limit: int | None = None
    """Read at most so many rows of every file."""
    recipe_folder: Path = field(default_factory=Path)
    """Folder that relative paths of the recipe start from."""
    data_folder: Path = Path("data")
    """Where `curate sources fetch` puts upstream sets."""


@dataclass
class Result:
    """What a finished build tells the user."""

    folder: Path
    accounts: dict[str, Account]
    seconds: float
    workers: int
    clock: dict[str, float]
    """CPU seconds by part of the work done in this run; results found ready cost nothing."""

    def summary(self) -> dict[str, Any]:
        """The closing JSON object that others rely on."""
        sums = total(self.accounts)
        return {
            "build": str(self.folder),
            "rows_read": sums["read"],
            "kept": sums["kept"],
            "dropped": sums["dropped"],
            "quarantined": sums["quarantined"],
            "duplicates": sums["duplicates"],
            "seconds": round(self.seconds, 3),
            "mb_per_s_per_core": round(
                sums["bytes_read"] / 1e6 / max(self.seconds, 1e-9) / self.workers, 3
            ),
        }


@dataclass(frozen=True)
class Piece:
    """A partition on its way through the stages: bundle, number in it, rows, bytes of text."""

    bundle: Bundle
    number: int
    rows: int
    bytes: int


SMALL_BYTES = 1 << 18
"""Partitions with less text go through the steps together with others of their source,"""
TOGETHER_BYTES = 1 << 21
"""until they have so much text, or their number is"""
TOGETHER = 256

RowStep = tuple[Callable[[Piece], Path], Callable[[list[Piece]], Task]]
"""The file that a step leaves of a partition, and its task for partitions of one source."""


def paths_of(path_of: Callable[[Piece], Path], pieces: list[Piece]) -> list[str]:
    """The paths of pieces, for a task."""
    return [str(path_of(piece)) for piece in pieces]


def label_of(pieces: list[Piece], what: str) -> str:
    """What a task that does something for pieces is called in messages."""
    others = f" and {len(pieces) - 1} more" if len(pieces) > 1 else ""
    return f"{pieces[0].bundle.prefix} {what} {pieces[0].number}{others}"


def together(pieces: list[Piece], numbers: list[int]) -> Iterator[list[int]]:
    """The numbers of pieces, in parts of one source each that one task takes."""
    part: list[int] = []
    size = 0
    for i in numbers:
        full = len(part) == TOGETHER or size + pieces[i].bytes > TOGETHER_BYTES
        if part and (full or pieces[part[0]].bundle.plan is not pieces[i].bundle.plan):
            yield part
            part, size = [], 0
        part.append(i)
        size += pieces[i].bytes
    if part:
        yield part


PathOf = Callable[[Any, Piece], Path]


def kept_per_piece(path_of: PathOf) -> PathOf:
    """A method for a path of a piece, worked out once: the key in it is a hash of many options."""

    @functools.wraps(path_of)
    def kept(build: Build, piece: Piece) -> Path:
        place = (path_of.__qualname__, piece.bundle.prefix, piece.number)
        path = build.paths.get(place)
        if path is None:
            path = build.paths[place] = path_of(build, piece)
        return path

    return kept


class Build:
    """One run of a recipe in a folder."""

    kind = "corpus"
    """What the manifest says was built."""

    def __init__(self, recipe: Recipe, options: Options, progress: Progress | None = None) -> None:
        self.recipe = recipe
        self.options = options
        self.folder = options.out / recipe.name
        self.work = self.folder / WORK
        self.measures = [m.located(options.recipe_folder) for m in recipe.measures()]
        self.progress = progress or Silent()
        self.clock: dict[str, float] = defaultdict(float)
        self.used: set[Path] = set()
        self.paths: dict[tuple[str, str, int], Path] = {}
        """What `kept_per_piece` keeps."""
        self.hashes = FileHashes(self.work / "hashes.json")
        self.evaluation: Evaluation | None = None

    def plans(self) -> list[SourcePlan]:
        """The recipe's sources with their files found and archives unpacked."""
        return [
            planned_source(
                self.recipe,
                source,
                self.options.recipe_folder,
                self.options.data_folder,
                self.work / "unpacked",
            )
            for source in self.recipe.sources
        ]

    def refine_options(self, plan: SourcePlan) -> dict[str, Any]:
        """What, besides the rows, decides a source's refined partitions."""
        return plan.refine_options(self.measures, self.recipe.dedup.sides is not None)

    def bundles(self, plans: list[SourcePlan]) -> list[Bundle]:
        """What is read, with its keys, in the order of the ids."""
        planned = []
        for plan in plans:
            options = self.refine_options(plan)
            members: list[Member] = [*plan.units, *plan.rejected]
            members.sort(key=lambda member: f"{member.name}#")
            for part in bundled((member, member_size(member)) for member in members):
                key = bundle_key([self.member_key(plan, member) for member in part])
                refine_key = fingerprint("refine", key, options)
                size = sum(map(member_size, part))
                planned.append(Bundle(plan, tuple(part), key, refine_key, size))
        return sorted(planned, key=lambda bundle: f"{bundle.plan.label}/")

    def member_key(self, plan: SourcePlan, member: Member) -> str:
        """The key of a member's rows."""
        if isinstance(member, Rejected):
            return rejected_key(plan.row_type, member)
        return ingest_key(plan.adapter, member, self.hashes, self.options.limit, plan.making)

    def run(self) -> Result:
        """The whole build. Raises CurateError, saying what to do, when it cannot be finished."""
        started = time.monotonic()
        with locked(self.folder):
            plans = self.plans()
            self.hash_inputs(plans)
            self.read_evaluation()
            bundles = self.bundles(plans)
            # The first run on a machine compiles here; later ones load what it compiled.
            self.progress.stage("kernels (compiled in the first run)")
            if any(plan.row_type is PAIR for plan in plans):
                prepare_pairs(self.measures)
            runner = engine(self.options.workers)
            try:
                pieces = self.rows(runner, bundles)
                duplicates = self.duplicates(runner, pieces)
                shards = self.write(runner, pieces, duplicates)
            finally:
                runner.close()
            every = accounts(
                [(p.bundle.plan.label, p.rows, p.bytes) for p in pieces],
                [tuple(fate) for shard in shards for fate in shard["fates"]],
                [tuple(label) for shard in shards for label in shard["labels"]],
            )
            self.progress.stage("manifest")
            self.finish(plans, every, shards, self.question_report(pieces))
            seconds = time.monotonic() - started
            result = Result(self.folder, every, seconds, self.options.workers, dict(self.clock))
            write_sealed(self.folder / "run.json", self.run_record(result))
        self.progress.close()
        return result

    def run_record(self, result: Result) -> dict[str, Any]:
        """What may differ between equal builds: time, speed, and where things were read from."""
        return {
            **result.summary(),
            "workers": result.workers,
            "cpu_seconds": result.clock,
            "finished": now(),
            "recipe_folder": str(self.options.recipe_folder.absolute()),
            "data_folder": str(self.options.data_folder.absolute()),
        }

    def forget(self) -> None:
        """Removes the intermediates of earlier runs, so that everything is done again."""
        with locked(self.folder):
            shutil.rmtree(self.work, ignore_errors=True)

    def dry_run(self) -> dict[str, Any]:
        """The plan as JSON-ready values: sources with files and sizes, steps, what is ready."""
        with locked(self.folder):
            plans = self.plans()
            self.hash_inputs(plans)
            self.read_evaluation()
            bundles = self.bundles(plans)
        entries = []
        for plan in plans:
            own = [bundle for bundle in bundles if bundle.plan is plan]
            ready = [b for b in own if ingested(self.ingest_folder(b)) is not None]
            entries.append(
                {
                    "source": plan.label,
                    "row_type": plan.adapter.row_type.name,
                    "files": sum(len(unit.files) for unit in plan.units),
                    "bytes": sum(bundle.size for bundle in own),
                    "ready": f"{sum(len(b.members) for b in ready)} of "
                    f"{sum(len(b.members) for b in own)} read",
                    "licence": plan.terms.licence,
                    "refused": plan.refusal.limit if plan.refusal else None,
                }
            )
        return {
            "build": str(self.folder),
            "sources": entries,
            "bytes": sum(bundle.size for bundle in bundles),
            "rewrites": [step.name for step in self.recipe.rewrites(self.recipe.sources[0])],
            "measures": [measure.name for measure in self.measures],
        }

    def reports(self, runner: Engine) -> Iterator[Report]:
        """The runner's reports, with their CPU times booked.

        A task that says nothing of its parts is booked under the function's name.
        """
        for report in runner.reports():
            parts = report.value.get("clock") if isinstance(report.value, dict) else None
            whole = {report.task.function.partition(":")[2].replace("_", " "): report.cpu_seconds}
            for name, seconds in (parts or (whole if report.last else {})).items():
                self.clock[name] += seconds
            yield report

    def hash_inputs(self, plans: list[SourcePlan]) -> None:
        """SHA-256 of every input; files not touched since the last build are not read again."""
        files = sorted(
            {file.path for file in self.evaluation_inputs()}
            | {file.path for plan in plans for file in plan.files}
            | {file.path for plan in plans for unit in plan.units for file in unit.files}
        )
        self.progress.stage("inputs", sum(path.stat().st_size for path in files))
        for path in files:
            self.hashes.of(path)
            self.progress.advance(path.stat().st_size)
        self.hashes.save()

    # Evaluation questions

    def evaluation_inputs(self) -> list[InputFile]:
        """The files of the evaluation sets."""
        if (asked := self.recipe.contamination) is None:
            return []
        return [found.file for found in found_files(asked, self.options.recipe_folder)]

    def read_evaluation(self) -> None:
        """Reads and indexes the evaluation sets, before any work on rows."""
        if (asked := self.recipe.contamination) is None:
            return
        folder = self.work / "evaluation"
        self.evaluation = evaluation(asked, self.options.recipe_folder, self.hashes, folder)
        self.used.add(self.evaluation.folder)
        self.progress.stage("evaluation questions")
        self.evaluation.prepare()

    def question_report(self, pieces: list[Piece]) -> pa.Table | None:
        """What `contamination.parquet` says of every question."""
        if self.evaluation is None:
            return None
        return question_report(
            self.evaluation,
            (
                (
                    self.scores_path(p),
                    self.refined_path(p),
                    [f"{p.bundle.plan.label}/{name}" for name in p.bundle.names],
                )
                for p in pieces
            ),
        )

    # Rows: ingest, refine, compare, decide

    @kept_per_piece
    def refined_path(self, piece: Piece) -> Path:
        return self.work / "refine" / f"{piece.bundle.refine_key}-{piece.number:06d}.arrow"

    @kept_per_piece
    def scores_path(self, piece: Piece) -> Path:
        assert self.evaluation is not None
        key = self.evaluation.compare_key(piece.bundle.refine_key, piece.number)
        return self.work / "compare" / f"{key}.arrow"

    @kept_per_piece
    def decision_path(self, piece: Piece) -> Path:
        plan = piece.bundle.plan
        compared = self.scores_path(piece).stem if self.evaluation else None
        dropping = self.dropping(piece)
        key = decide_key(
            piece.bundle.refine_key, piece.number, self.recipe, compared, plan.refusal, dropping
        )
        return self.work / "decide" / f"{key}.arrow"

    @kept_per_piece
    def sketch_path(self, piece: Piece) -> Path:
        dedup = self.recipe.dedup
        key = sketch_key(self.decision_path(piece).stem, dedup.exact, self.near_search())
        return self.work / "sketch" / f"{key}.sketch"

    def ingest_folder(self, bundle: Bundle) -> Path:
        return self.work / "ingest" / bundle.ingest_key

    def rows(self, runner: Engine, bundles: list[Bundle]) -> list[Piece]:
        """Does what is not there yet up to the sketches; all partitions in order of the ids."""
        expected = sum(bundle.size for bundle in bundles)
        self.progress.stage("rows", expected)
        pieces: list[Piece] = []
        ingesting: dict[str, Bundle] = {}
        refining: dict[str, tuple[list[Piece], Iterator[RowStep]]] = {}
        text_bytes: Counter[str] = Counter()
        small: dict[str, list[Piece]] = defaultdict(list)

        def follow(chosen: list[Piece], steps: Iterator[RowStep]) -> None:
            """Submits the next of the steps that is not done for all of the pieces."""
            for path_of, task_for in steps:
                paths = [path_of(piece) for piece in chosen]
                self.used.update(paths)
                missing = [p for p, path in zip(chosen, paths, strict=True) if not path.exists()]
                if missing:
                    task = task_for(missing)
                    refining[task.label] = chosen, steps
                    runner.submit(task, 1)
                    return
            self.progress.advance(sum(piece.bytes for piece in chosen), expected)

        def take(piece: Piece) -> None:
            """Works on a piece, if it is small together with others of its source."""
            pieces.append(piece)
            if piece.bytes >= SMALL_BYTES:
                follow([piece], iter(self.row_steps()))
                return
            waiting = small[piece.bundle.plan.label]
            waiting.append(piece)
            if len(waiting) == TOGETHER or sum(p.bytes for p in waiting) >= TOGETHER_BYTES:
                take_small(piece.bundle.plan.label)

        def take_small(label: str) -> None:
            """Works on what small pieces of a source are waiting."""
            if waiting := small.pop(label, None):
                follow(waiting, iter(self.row_steps()))

        for bundle in bundles:
            self.used.add(self.ingest_folder(bundle))
            sizes = ingested(self.ingest_folder(bundle))
            if sizes is None:
                task = self.ingest_task(bundle)
                ingesting[task.label] = bundle
                runner.submit(task, 2)
                continue
            expected += sum(s["bytes"] for s in sizes) - bundle.size
            for number, size in enumerate(sizes):
                take(Piece(bundle, number, size["rows"], size["bytes"]))
        unread = Counter(bundle.plan.label for bundle in ingesting.values())
        for label in [label for label in small if not unread[label]]:
            take_small(label)
        for report in self.reports(runner):
            label, value = report.task.label, report.value
            if label not in ingesting:
                follow(*refining.pop(label))
            elif report.last:
                # Text and file differ in size; now that the text's is known, expect that.
                bundle = ingesting[label]
                expected += text_bytes[label] - bundle.size
                unread[bundle.plan.label] -= 1
                if not unread[bundle.plan.label]:
                    take_small(bundle.plan.label)
            else:
                text_bytes[label] += value["bytes"]
                take(Piece(ingesting[label], value["partition"], value["rows"], value["bytes"]))
        return sorted(pieces, key=lambda p: (p.bundle.prefix, p.number))

    def row_steps(self) -> list[RowStep]:
        """The steps that partitions go through, each by the file it leaves of one and its task."""
        steps: list[RowStep] = [(self.refined_path, self.refine_task)]
        if self.evaluation is not None:
            steps.append((self.scores_path, self.compare_task))
        steps.append((self.decision_path, self.decide_task))
        if self.removes_duplicates:
            steps.append((self.sketch_path, self.sketch_task))
        return steps

    def ingest_task(self, bundle: Bundle) -> Task:
        return Task(
            "curate.ingest:ingest",
            {
                "adapter": bundle.plan.adapter,
                "members": bundle.members,
                "folder": str(self.ingest_folder(bundle)),
                "row_limit": self.options.limit,
                "making": bundle.plan.making,
            },
            bundle.label,
        )

    def refine_task(self, pieces: list[Piece]) -> Task:
        plan = pieces[0].bundle.plan
        arguments: dict[str, Any] = {
            "partitions": [
                str(partition_path(self.ingest_folder(piece.bundle), piece.number))
                for piece in pieces
            ],
            "outputs": paths_of(self.refined_path, pieces),
            "rewrites": plan.rewrites,
            "measures": self.measures,
        }
        label = label_of(pieces, "partition")
        if plan.row_type is INSTRUCTION:
            return Task("curate.instructions.refine:refine_instructions", arguments, label)
        arguments |= {"row_type": plan.row_type.name, "template": plan.template}
        arguments["sides"] = self.recipe.dedup.sides is not None
        return Task("curate.refine:refine", arguments, label)

    def compare_task(self, pieces: list[Piece]) -> Task:
        assert self.evaluation is not None
        return Task(
            "curate.contamination.compare:compare",
            {
                "refined": paths_of(self.refined_path, pieces),
                "index": str(self.evaluation.index),
                "names": str(self.evaluation.questions),
                "outputs": paths_of(self.scores_path, pieces),
            },
            label_of(pieces, "questions"),
        )

    def decide_task(self, pieces: list[Piece]) -> Task:
        plan = pieces[0].bundle.plan
        return Task(
            "curate.decide:decide",
            {
                "refined": paths_of(self.refined_path, pieces),
                "outputs": paths_of(self.decision_path, pieces),
                "limits": self.recipe.quality,
                "languages": self.recipe.language,
                "row_type": plan.row_type.name,
                "dropping": self.dropping(pieces[0]),
                "contamination": self.recipe.contamination,
                "scores": paths_of(self.scores_path, pieces) if self.evaluation else None,
                "refusal": plan.refusal,
            },
            label_of(pieces, "decisions"),
        )

    def sketch_task(self, pieces: list[Piece]) -> Task:
        partitions = [self.text_partition(piece) for piece in pieces]
        return sketch_task(partitions, self.recipe.dedup.exact, self.near_search())

    def dropping(self, piece: Piece) -> dict[str, str]:
        """Columns that must be 0 in a piece, each with the reason for which rows go."""
        return piece.bundle.plan.dropping()

    # Duplicates

    @property
    def removes_duplicates(self) -> bool:
        """Whether rows are compared with each other."""
        dedup = self.recipe.dedup
        return any(part is not None for part in (dedup.exact, dedup.near, dedup.sides))

    def counted_with(self) -> dict[str, Any] | None:
        """The tokenizer that budgets count with, for the manifest; None where none does."""
        return None

    def near_search(self) -> NearDedup | None:
        """How rows that are alike are looked for; None where they are not."""
        return self.recipe.dedup.near

    def comparisons(self, pieces: list[Piece], partitions: list[TextPartition]) -> list[Comparison]:
        """The searches for rows that are alike, of the partitions' texts and others."""
        if (near := self.recipe.dedup.near) is None:
            return []
        return [Comparison("", tuple(partitions), near, Judgement(near.threshold))]

    def text_partition(self, piece: Piece) -> TextPartition:
        return TextPartition(
            texts=str(self.refined_path(piece)),
            sketch=str(self.sketch_path(piece)),
            rows=piece.rows,
            decision=str(self.decision_path(piece)),
            priority=piece.bundle.plan.source.priority,
        )

    def duplicates(self, runner: Engine, pieces: list[Piece]) -> list[Path] | None:
        """A file of duplicates for every partition, or None when the recipe removes none."""
        if not self.removes_duplicates:
            return None
        partitions = [self.text_partition(piece) for piece in pieces]
        sides = self.recipe.dedup.sides
        comparisons = self.comparisons(pieces, partitions)
        key = dedup_key(
            [Path(partition.sketch).stem for partition in partitions],
            [partition.priority for partition in partitions],
            sides,
            comparisons,
        )
        folder = self.work / "dedup" / key
        if sides is not None:
            partitions = [
                replace(partition, sides=str(folder / f"sides-{i:06d}.records"))
                if piece.bundle.plan.is_pairs
                else partition
                for i, (piece, partition) in enumerate(zip(pieces, partitions, strict=True))
            ]
        self.used.add(folder)
        outputs = [folder / f"duplicates-{i:06d}.arrow" for i in range(len(pieces))]
        if all(output.exists() for output in outputs):
            return outputs
        stages = later_stages(
            partitions, folder, outputs, self.recipe.dedup.exact, None, sides, comparisons
        )
        for stage in stages:
            self.progress.stage(stage.name, len(stage.jobs), "parts")
            for job in stage.jobs:
                if job.done():
                    self.progress.advance(1)
                else:
                    runner.submit(job.task)
            for report in self.reports(runner):
                if report.last:
                    self.progress.advance(1)
        return outputs

    # Results

    def write(
        self, runner: Engine, pieces: list[Piece], duplicates: list[Path] | None
    ) -> list[dict[str, Any]]:
        """Writes data and ledger shards; what was written, in order."""
        self.progress.stage("write", sum(piece.bytes for piece in pieces))
        # A manifest stands for a whole build: an unfinished one must not be found beside new data.
        partitions = [
            self.partition(i, piece, duplicates[i] if duplicates is not None else None)
            for i, piece in enumerate(pieces)
        ]
        listing = self.work / "partitions.json"
        write_listing(listing, [p.as_json() for p in partitions])
        results: dict[int, dict[str, Any]] = {}
        waiting: dict[str, tuple[int, Path, int]] = {}
        # A duplicate's row names another partition's, and went by what all partitions hold.
        compared = [Path(path).parent.name for path in (duplicates or [])[:1]]
        compared += [unit for p in partitions for unit in p.units] if compared else []
        for number, members in enumerate(self.groups(pieces)):
            key = write_key(
                [
                    [
                        # Files that are numbered in a folder named by what they were made of.
                        *["/".join(Path(path).parts[-2:]) for path in p.made_of()],
                        *[p.source, p.files, p.licence, p.tags],
                    ]
                    for p in (partitions[m] for m in members)
                ],
                self.recipe,
                compared,
            )
            record = self.work / "write" / f"{number:05d}-{key}.json"
            self.used.add(record)
            size = sum(pieces[m].bytes for m in members)
            if (done := self.written_before(record)) is not None:
                results[number] = done
                self.progress.advance(size)
                continue
            task = self.write_task(number, members, listing, key)
            waiting[task.label] = (number, record, size)
            runner.submit(task)
        if waiting:
            (self.folder / "manifest.json").unlink(missing_ok=True)
        for report in self.reports(runner):
            number, record, size = waiting[report.task.label]
            value = {k: v for k, v in report.value.items() if k != "clock"}
            write_json(record, value)
            results[number] = value
            self.progress.advance(size)
        return [results[number] for number in sorted(results)]

    def partition(self, number: int, piece: Piece, duplicates: Path | None) -> Partition:
        """What the tasks that write shards are told of piece `number`."""
        plan = piece.bundle.plan
        return Partition(
            rows=str(partition_path(self.ingest_folder(piece.bundle), piece.number)),
            refined=str(self.refined_path(piece)),
            decision=str(self.decision_path(piece)),
            duplicates=str(duplicates) if duplicates is not None else None,
            source=plan.label,
            files=piece.bundle.names,
            licence=plan.terms.licence,
            row_type=plan.row_type.name,
            scores=str(self.scores_path(piece)) if self.evaluation else None,
        )

    def groups(self, pieces: list[Piece]) -> list[list[int]]:
        """Runs of consecutive partitions that share a shard."""
        groups: list[list[int]] = [[]]
        size = 0
        for i, piece in enumerate(pieces):
            if groups[-1] and size + piece.bytes > self.recipe.output.shard_mb * 1_000_000:
                groups.append([])
                size = 0
            groups[-1].append(i)
            size += piece.bytes
        return groups

    def write_task(self, number: int, members: list[int], listing: Path, key: str) -> Task:
        return Task(
            "curate.outputs:write_shard",
            {
                "members": members,
                "listing": str(listing),
                "measures": self.measures,
                "folder": str(self.folder),
                "data": f"data/{number:05d}.parquet",
                "fates": f"ledger/{number:05d}.parquet",
                "others": self.recipe.other_columns(),
                **self.also_written(number, key),
            },
            f"shard {number:05d}",
        )

    def also_written(self, number: int, key: str) -> dict[str, Any]:
        """What `write_shard` writes of a shard besides data and ledger, as its arguments."""
        output = self.recipe.output
        return {
            "jsonl": f"jsonl/{number:05d}.jsonl.zst" if output.jsonl else None,
            "text": f"text/{number:05d}.txt.zst" if output.text != "no" else None,
            "line_end": "\\n" if output.text == "escape" else " ",
        }

    def written_before(self, record: Path) -> dict[str, Any] | None:
        """What an earlier run wrote under this key, if all of it is still there."""
        if not record.exists():
            return None
        value: dict[str, Any] = read_json(record)
        for output in value["outputs"]:
            path = self.folder / output["path"]
            if not path.exists() or path.stat().st_size != output["bytes"]:
                return None
        if (training := value.get("training")) is not None:
            self.used.add(self.folder / training)
            return value if (self.folder / training).exists() else None
        return value

    def leftovers(self) -> list[Path]:
        """Files that an earlier build may have left in the folder."""
        names = ("data", "ledger", "jsonl", "text")
        left = [path for name in names for path in sorted((self.folder / name).glob("*"))]
        # What a killed build was writing beside its manifest.
        return [*left, *sorted(self.folder.glob(".*.partial"))]

    def source_entry(self, plan: SourcePlan) -> dict[str, Any]:
        """What the manifest says of a source, besides its counts."""
        return plan.manifest_entry(self.hashes)

    def finish(
        self,
        plans: list[SourcePlan],
        every: dict[str, Account],
        shards: list[dict[str, Any]],
        report: pa.Table | None,
    ) -> None:
        """Removes what earlier builds left in the folder and writes the manifest last."""
        outputs = [output for shard in shards for output in shard["outputs"]]
        asked = None
        if self.evaluation is not None and report is not None:
            outputs.append(written_report(self.folder, report))
            asked = self.evaluation.manifest_entry(self.hashes, report)
        else:
            (self.folder / REPORT_NAME).unlink(missing_ok=True)
        wanted = {self.folder / output["path"] for output in outputs}
        for path in self.leftovers():
            if path not in wanted:
                path.unlink(missing_ok=True)
        for stage in sorted(self.work.iterdir()):
            if stage.is_dir() and stage.name != "unpacked":
                for path in sorted(stage.iterdir()):
                    if path not in self.used:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
        manifest = corpus_manifest(
            kind=self.kind,
            name=self.recipe.name,
            recipe=self.recipe.model_dump(mode="json"),
            limit=self.options.limit,
            measures=[measure.fingerprint() for measure in self.measures],
            sources={plan.label: self.source_entry(plan) for plan in plans},
            every=every,
            contamination=asked,
            tokenizer=self.counted_with(),
            outputs=sorted(outputs, key=lambda o: str(o["path"])),
        )
        write_sealed(self.folder / "manifest.json", manifest)
