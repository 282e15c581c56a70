"""The stages of deduplication as tasks, for any engine to run.

    sketch (a task a partition) -> exact pairs (a range of hashes) -> exact mask (one)
    -> candidates (a range of band keys) -> verify (a shard of rows) -> decide (one)
    -> side records (a partition) -> settled -> same zh (a range) -> settled -> same en (a range)
    -> duplicates (some partitions)

A stage needs the stages before it; its own tasks run in any order and number at once. Every task
writes the files it is listed with by atomic rename, and their bytes depend on the corpus and the
options only. How the work is cut follows from the number of rows and the memory budget, never from
the number of workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.dedup.candidate import key_ranges, shard_count
from curate.dedup.corpus import TextPartition, write_corpus
from curate.dedup.exact import exact_ranges
from curate.dedup.options import ExactDedup, NearDedup, SideDedup
from curate.dedup.sides import SIDES, side_ranges
from curate.dedup.verify import Judgement
from curate.engine.task import Task

VERSION = 3
"""Raised whenever the stages after the sketches may decide otherwise on the same sketches."""

_PARTITIONS_AT_ONCE = 32


@dataclass(frozen=True)
class Job:
    """A task and the files it leaves; a job whose files are all there need not run again."""

    task: Task
    outputs: tuple[Path, ...]

    def done(self) -> bool:
        """Whether all of its files are there."""
        return all(path.exists() for path in self.outputs)


@dataclass(frozen=True)
class Stage:
    """Jobs that may run side by side."""

    name: str
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class Comparison:
    """A search for rows that are alike, and what is made of those found."""

    name: str
    """For files and progress, such as `questions`; "" for the one of whole texts."""
    partitions: tuple[TextPartition, ...]
    """The rows of the corpus in the same order, perhaps with other texts and sketches."""
    near: NearDedup
    """Finds pairs; its threshold is the lowest that `judgement` needs."""
    judgement: Judgement
    same_when_exact: bool = False
    """Whether exact duplicates say the same in this comparison too: then one of them is enough."""

    def verified(self, folder: Path) -> list[Path]:
        """The files of its verified pairs, among those of `later_stages`."""
        rows = sum(partition.rows for partition in self.partitions)
        return [_verified_path(folder, self.name, shard) for shard in range(shard_count(rows))]


def sketch_stage(
    partitions: Sequence[TextPartition], exact: ExactDedup | None, near: NearDedup | None
) -> Stage:
    """The stage that looks at texts; its outputs are the partitions' `sketch` files."""
    jobs = [Job(sketch_task([p], exact, near), (Path(p.sketch),)) for p in partitions]
    return Stage("sketch", tuple(jobs))


def sketch_task(
    partitions: Sequence[TextPartition], exact: ExactDedup | None, near: NearDedup | None
) -> Task:
    """The task that writes the sketches of some small partitions, or of one."""
    arguments = {
        "texts": [partition.texts for partition in partitions],
        "decisions": [partition.decision for partition in partitions],
        "outputs": [partition.sketch for partition in partitions],
        "exact": exact,
        "near": near,
    }
    label = f"sketch of {Path(partitions[0].texts).name}"
    return Task("curate.dedup.sketch:write_sketches", arguments, label)


def _job(function: str, label: str, output: Path, **arguments: Any) -> Job:
    task = Task(f"curate.dedup.{function}", {**arguments, "output": str(output)}, label)
    return Job(task, (output,))


def later_stages(
    partitions: Sequence[TextPartition],
    folder: Path,
    outputs: Sequence[Path],
    exact: ExactDedup | None,
    near: NearDedup | None,
    sides: SideDedup | None = None,
    comparisons: Sequence[Comparison] = (),
) -> list[Stage]:
    """The stages after the sketches; also writes `folder`/corpus.json, which their tasks read.

    folder: holds what the stages hand on; name it by a fingerprint of the partitions, in order, and
    the options. outputs: the file of duplicates (curate.dedup.resolve.DUPLICATES) to be written for
    each partition. At least one of exact, near and sides must be given; with sides, partitions of
    pairs say where their side records go. comparisons: others than of the texts by `near`; the near
    duplicates of all of them are decided together, so that no row goes for one that goes itself.
    """
    if exact is None and near is None and sides is None and not comparisons:
        raise ValueError("there is nothing to do without exact and near deduplication")
    corpus = str(folder / "corpus.json")
    write_corpus(folder / "corpus.json", partitions)
    rows = sum(partition.rows for partition in partitions)
    stages: list[Stage] = []
    exact_files: list[str] = []
    mask: str | None = None
    if exact is not None:
        jobs = [
            _job(
                "exact:write_exact_pairs",
                f"exact duplicates {first}",
                folder / f"exact-{first:04d}.pairs",
                corpus=corpus,
                first=first,
                last=last,
            )
            for first, last in exact_ranges(rows, exact.memory_mb)
        ]
        exact_files = [str(job.outputs[0]) for job in jobs]
        stages.append(Stage("exact", tuple(jobs)))
    fates: str | None = None
    compared = [*comparisons]
    if near is not None:
        judgement = Judgement(removes=near.threshold)
        compared.insert(0, Comparison("", tuple(partitions), near, judgement))
    if compared:
        if exact is not None:
            job = _job(
                "exact:write_exact_mask",
                "exact mask",
                folder / "exact.mask",
                corpus=corpus,
                pairs=exact_files,
            )
            mask = str(job.outputs[0])
            stages.append(Stage("exact mask", (job,)))
        for comparison in compared:
            stages += _near_stages(folder, rows, mask, comparison)
        removing = [c for c in compared if c.judgement.removes is not None]
        if removing:
            verified = [str(path) for c in removing for path in c.verified(folder)]
            decided = _job(
                "resolve:write_fates",
                "decision on near duplicates",
                folder / "near.fates",
                corpus=corpus,
                verified=verified,
                mask=mask,
            )
            stages.append(Stage("decide near", (decided,)))
            fates = str(decided.outputs[0])
    side_files: list[list[str]] = []
    if sides is not None:
        side_stages, side_files = _side_stages(
            corpus, partitions, folder, exact_files, fates, sides
        )
        stages += side_stages
    jobs = []
    for begin in range(0, len(outputs), _PARTITIONS_AT_ONCE):
        chosen = dict(enumerate(outputs[begin : begin + _PARTITIONS_AT_ONCE], begin))
        arguments = {
            "corpus": corpus,
            "exact": exact_files,
            "fates": fates,
            "partitions": {number: str(path) for number, path in chosen.items()},
            "sides": side_files,
        }
        task = Task(
            "curate.dedup.resolve:write_duplicates", arguments, f"duplicates from partition {begin}"
        )
        jobs.append(Job(task, tuple(chosen.values())))
    stages.append(Stage("duplicates", tuple(jobs)))
    return stages


def _verified_path(folder: Path, name: str, shard: int) -> Path:
    return folder / f"{name}{'-' if name else ''}verified-{shard:05d}.pairs"


def _near_stages(folder: Path, rows: int, mask: str | None, comparison: Comparison) -> list[Stage]:
    near, name = comparison.near, comparison.name
    if comparison.judgement.alike is not None and not comparison.same_when_exact:
        # What is alike is asked of all rows, also of those that are exact duplicates of others.
        mask = None
    prefix, words = (f"{name}-", f" of {name}") if name else ("", "")
    corpus = str(folder / f"{prefix}corpus.json")
    if name:
        write_corpus(Path(corpus), comparison.partitions)
    bits, ranges = key_ranges(rows, near)
    candidates = [
        _job(
            "candidate:write_candidates",
            f"candidate pairs{words} {value + 1} of {ranges}",
            folder / f"{prefix}candidates-{value:05d}.pairs",
            corpus=corpus,
            mask=mask,
            bits=bits,
            value=value,
            near=near,
        )
        for value in range(ranges)
    ]
    shards = shard_count(rows)
    verified = [
        _job(
            "verify:write_verified",
            f"verified pairs{words} {shard + 1} of {shards}",
            _verified_path(folder, name, shard),
            corpus=corpus,
            shard=shard,
            candidates=[str(job.outputs[0]) for job in candidates],
            near=near,
            judgement=comparison.judgement,
        )
        for shard in range(shards)
    ]
    return [
        Stage(f"candidates{words}", tuple(candidates)),
        Stage(f"verify{words}", tuple(verified)),
    ]


def _side_stages(
    corpus: str,
    partitions: Sequence[TextPartition],
    folder: Path,
    exact: list[str],
    near: str | None,
    sides: SideDedup,
) -> tuple[list[Stage], list[list[str]]]:
    """The stages that compare sides, and the files of pairs of every side decided."""
    pairs = [p for p in partitions if p.sides is not None]
    records = [
        Job(
            Task(
                "curate.dedup.sides:write_side_records",
                {
                    "texts": partition.texts,
                    "decision": partition.decision,
                    "output": partition.sides,
                    "options": sides,
                },
                f"side records of {Path(partition.texts).name}",
            ),
            (Path(str(partition.sides)),),
        )
        for partition in pairs
    ]
    stages = [Stage("side records", tuple(records))]
    ranges = side_ranges(sum(partition.rows for partition in pairs), sides.memory_mb)
    decided: list[list[str]] = []
    for section, side in enumerate(SIDES):
        choice = getattr(sides, side)
        if choice == "all":
            decided.append([])
            continue
        settled = _job(
            "sides:write_settled",
            f"rows kept before same {side}",
            folder / f"settled-{side}.rows",
            corpus=corpus,
            exact=exact,
            near=near,
            sides=list(decided),
        )
        jobs = [
            _job(
                "sides:write_side_pairs",
                f"same {side} {first}",
                folder / f"same-{side}-{first:04d}.pairs",
                corpus=corpus,
                settled=str(settled.outputs[0]),
                section=section,
                by_score=choice == "best",
                first=first,
                last=last,
            )
            for first, last in ranges
        ]
        stages += [Stage(f"before same {side}", (settled,)), Stage(f"same {side}", tuple(jobs))]
        decided.append([str(job.outputs[0]) for job in jobs])
    return stages, decided
