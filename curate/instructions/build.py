"""Runs an instruction build: a corpus build with other rows, and files to train from at the end.

ingest (and make tasks) -> refine -> compare (with evaluation questions) -> decide
-> exact -> near -> mixture -> write -> training files -> manifest
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.build import Build, Options, Piece, kept_per_piece
from curate.dedup.corpus import TextPartition
from curate.engine.local import Engine
from curate.engine.task import Task
from curate.fingerprint import file_sha256, fingerprint
from curate.instructions import comparison, mixture, publish
from curate.instructions.publish import dataset_info, file_names
from curate.instructions.recipe import InstructionOutput, InstructionRecipe
from curate.outputs import Partition
from curate.progress import Progress
from curate.storage import read_json, write_json

DATASET_INFO = "dataset_info.json"


class InstructionBuild(Build):
    """One run of an instruction recipe in a folder."""

    kind = "instructions"

    def __init__(
        self, recipe: InstructionRecipe, options: Options, progress: Progress | None = None
    ) -> None:
        super().__init__(recipe, options, progress)
        self.instructions = recipe
        self.tags = recipe.columns_with("tag")
        self.drops = recipe.columns_with("drop")
        self.drawn: list[Path] = []
        self.bounds: Path | None = None
        self.training: list[dict[str, Any]] = []
        """Training files written, with their rows."""

    def dropping(self, piece: Piece) -> dict[str, str]:
        """Columns that must be 0: what rewrites count, and the flags that the recipe drops."""
        return super().dropping(piece) | self.drops

    # Duplicates: rows are compared by their questions and answers, not as rendered.

    @kept_per_piece
    def comparison_path(self, piece: Piece) -> Path:
        """The file that a piece is compared by."""
        key = fingerprint(
            *("comparison", comparison.VERSION, piece.unit.refine_key, piece.number),
            *(self.instructions.dedup.answers, sorted(self.tags.items())),
        )
        return self.work / "comparison" / f"{key}.arrow"

    @kept_per_piece
    def sketch_path(self, piece: Piece) -> Path:
        """The sketch of a piece, named by what it is compared by besides."""
        key = fingerprint(super().sketch_path(piece).stem, self.comparison_path(piece).stem)
        return self.work / "sketch" / f"{key}.sketch"

    def text_partition(self, piece: Piece) -> TextPartition:
        """As of other rows, with the texts that instructions are compared by."""
        return replace(super().text_partition(piece), texts=str(self.comparison_path(piece)))

    def row_tasks(self, piece: Piece) -> Iterator[tuple[Path, Task]]:
        """The steps of a partition, each with the file it leaves."""
        for path, task in super().row_tasks(piece):
            if path == self.sketch_path(piece):
                yield self.comparison_path(piece), self.comparison_task(piece)
            yield path, task

    def comparison_task(self, piece: Piece) -> Task:
        """Writes what a piece is compared by."""
        return Task(
            "curate.instructions.comparison:write_comparison",
            {
                "refined": str(self.refined_path(piece)),
                "output": str(self.comparison_path(piece)),
                "answers": self.instructions.dedup.answers,
                "reasons": self.tags,
            },
            f"{piece.unit.prefix} comparison {piece.number}",
        )

    # Mixture and results

    def write(
        self, runner: Engine, pieces: list[Piece], duplicates: list[Path] | None
    ) -> list[dict[str, Any]]:
        """Draws the mixture, writes shards, then the training files; what was written, in order."""
        self.draw(runner, pieces, duplicates)
        shards = super().write(runner, pieces, duplicates)
        return [*shards, self.publish(runner, shards)]

    def draw(self, runner: Engine, pieces: list[Piece], duplicates: list[Path] | None) -> None:
        """Draws split and order of every piece, and shares out what caps and budget leave."""
        self.progress.stage("mixture", len(pieces) + 1, "parts")
        own = self.instructions.mixture
        draws = own.model_dump(include={"valid", "seed"})
        self.drawn = []
        for i, piece in enumerate(pieces):
            lost = str(duplicates[i]) if duplicates is not None else None
            key = fingerprint(
                *(
                    "draw",
                    mixture.VERSION,
                    self.decision_path(piece).stem,
                    piece.unit.prefix,
                    draws,
                ),
                "/".join(Path(lost).parts[-2:]) if lost else None,
            )
            path = self.work / "mixture" / f"{key}.arrow"
            self.used.add(path)
            self.drawn.append(path)
            if path.exists():
                self.progress.advance(1)
                continue
            arguments = {
                "refined": str(self.refined_path(piece)),
                "decision": str(self.decision_path(piece)),
                "duplicates": lost,
                "unit": piece.unit.prefix.removesuffix("#"),
                "output": str(path),
                "mixture": own,
            }
            label = f"{piece.unit.prefix} draw {piece.number}"
            runner.submit(Task("curate.instructions.mixture:draw", arguments, label))
        self.finish_tasks(runner)
        self.share_out(runner, pieces)

    def share_out(self, runner: Engine, pieces: list[Piece]) -> None:
        """Finds the bounds of caps and budget, where the recipe has any."""
        recipe = self.instructions
        sources = {source.id_prefix: source for source in recipe.sources}
        caps = {label: source.cap for label, source in sources.items()}
        limits = [recipe.mixture.rows, recipe.mixture.characters]
        limits += [limit for cap in caps.values() for limit in (cap.rows, cap.characters)]
        if not any(limits):
            return
        drawn: dict[str, list[str]] = {label: [] for label in sources}
        for piece, path in zip(pieces, self.drawn, strict=True):
            drawn[piece.unit.plan.label].append(str(path))
        weights = {label: source.weight for label, source in sources.items()}
        key = fingerprint(
            *(
                "share out",
                mixture.VERSION,
                [Path(p).stem for paths in drawn.values() for p in paths],
            ),
            *({label: cap.model_dump() for label, cap in caps.items()}, weights),
            recipe.mixture.model_dump(),
        )
        self.bounds = self.work / "mixture" / f"{key}.json"
        self.used.add(self.bounds)
        if not self.bounds.exists():
            arguments = {
                "drawn": drawn,
                "caps": caps,
                "weights": weights,
                "mixture": recipe.mixture,
                "output": str(self.bounds),
            }
            runner.submit(Task("curate.instructions.mixture:share_out", arguments, "shares"))
            self.finish_tasks(runner)

    def finish_tasks(self, runner: Engine) -> None:
        """Waits for what was submitted."""
        for report in self.reports(runner):
            if report.last:
                self.progress.advance(1)

    def partition(self, number: int, piece: Piece, duplicates: Path | None) -> Partition:
        """As of other rows, with what was drawn."""
        return replace(
            super().partition(number, piece, duplicates),
            drawn=str(self.drawn[number]),
            bounds=str(self.bounds) if self.bounds is not None else None,
            tags=self.tags,
        )

    def also_written(self, number: int, key: str) -> dict[str, Any]:
        """The rows of a shard for training files."""
        path = self.work / "training" / f"{number:05d}-{key}.arrow"
        self.used.add(path)
        return {"training": str(path.relative_to(self.folder))}

    def publish(self, runner: Engine, shards: list[dict[str, Any]]) -> dict[str, Any]:
        """Writes the training files of all shards; what was written, as a shard without rows."""
        output = self.instructions.output
        rows = [str(self.folder / shard["training"]) for shard in shards]
        names = file_names(output)
        self.progress.stage("training files", len(names), "files")
        outputs: list[dict[str, Any]] = []
        waiting: dict[str, tuple[str, Path]] = {}
        for (form, split), name in names.items():
            key = fingerprint("publish", publish.VERSION, [Path(r).stem for r in rows], form, split)
            record = self.work / "publish" / f"{key}.json"
            self.used.add(record)
            if record.exists() and self.is_there(name, known := read_json(record)):
                outputs.append({"path": name, **known})
                self.progress.advance(1)
                continue
            path = str(self.folder / name)
            arguments = {"shuffled": rows, "form": form, "split": split, "output": path}
            task = Task("curate.instructions.publish:write_training_file", arguments, name)
            waiting[name] = (name, record)
            (self.folder / "manifest.json").unlink(missing_ok=True)
            runner.submit(task)
        for report in self.reports(runner):
            name, record = waiting[report.task.label]
            write_json(record, report.value)
            outputs.append({"path": name, **report.value})
            self.progress.advance(1)
        outputs.sort(key=lambda output: list(names.values()).index(output["path"]))
        self.training = list(outputs)
        if names:
            info = self.folder / DATASET_INFO
            write_json(info, dataset_info(self.recipe.name, output))
            outputs.append(
                {
                    "path": DATASET_INFO,
                    "rows": len(names),
                    "bytes": info.stat().st_size,
                    "sha256": file_sha256(info),
                }
            )
        return {"outputs": outputs, "fates": [], "labels": []}

    def is_there(self, name: str, known: dict[str, Any]) -> bool:
        """Whether a training file is there as it was written."""
        path = self.folder / name
        return path.exists() and path.stat().st_size == known["bytes"]

    def leftovers(self) -> list[Path]:
        """Files that an earlier build may have left in the folder."""
        every = InstructionOutput(jsonl=True, messages=True, sharegpt=True)
        names = [DATASET_INFO, *file_names(every).values()]
        return [*super().leftovers(), *(self.folder / name for name in names)]
