"""Runs an instruction build: a corpus build with other rows, and files to train from at the end.

ingest (and make tasks) -> refine -> compare (with evaluation questions) -> decide
-> exact -> near -> mixture -> write -> training files -> manifest
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from curate.assembly import Partition
from curate.build import (
    Build,
    Options,
    Piece,
    RowStep,
    kept_per_piece,
    label_of,
    paths_of,
    together,
)
from curate.dedup import sketch, substance
from curate.dedup.corpus import TextPartition
from curate.dedup.kind import QUESTION_KIND
from curate.dedup.options import NearDedup
from curate.dedup.plan import Comparison
from curate.dedup.verify import Judgement
from curate.engine.local import Engine
from curate.engine.task import Task
from curate.fingerprint import file_sha256, fingerprint
from curate.ingest import partition_path
from curate.instructions import clusters, comparison, mixture, publish
from curate.instructions.making import choices_drawn
from curate.instructions.publish import dataset_info, file_names
from curate.instructions.recipe import (
    Cap,
    InstructionOutput,
    InstructionRecipe,
    InstructionSource,
    Mixture,
)
from curate.plan import SourcePlan
from curate.progress import Progress
from curate.storage import read_json, write_json
from curate.tokens.tokenizer import Tokenizer, load_tokenizer

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
        self.tokenizer: Tokenizer | None = None
        self.choices: dict[str, Counter[str]] = {}
        """Questions with choices by what became of these, by source."""
        self.training: list[dict[str, Any]] = []
        """Training files written, with their rows."""

    def plans(self) -> list[SourcePlan]:
        """The sources; what counts tokens is loaded here too, so that it fails before any work."""
        if self.instructions.counts_tokens and (given := self.instructions.mixture.tokenizer):
            self.tokenizer = load_tokenizer(self.options.recipe_folder / Path(given).expanduser())
        return super().plans()

    def dropping(self, piece: Piece) -> dict[str, str]:
        """Columns that must be 0: what rewrites count, and the flags that the recipe drops."""
        return super().dropping(piece) | self.drops

    # Duplicates: rows are compared by their questions and answers, not as rendered.

    @kept_per_piece
    def comparison_path(self, piece: Piece) -> Path:
        """The file that a piece is compared by."""
        searches = (self.near_search(), self.question_search())
        key = fingerprint(
            *("comparison", comparison.VERSION, sketch.VERSION, substance.VERSION),
            *(self.decision_path(piece).stem, sorted(self.tags.items())),
            self.instructions.dedup.model_dump(mode="json", include={"answers", "exact"}),
            [search.model_dump(mode="json") if search else None for search in searches],
            self.instructions.dedup.questions is not None,
        )
        return self.work / "comparison" / f"{key}.arrow"

    def sketch_path(self, piece: Piece) -> Path:
        """The sketch of a piece, of its rows as a whole and of their questions."""
        return self.comparison_path(piece).with_suffix(".sketch")

    def text_partition(self, piece: Piece) -> TextPartition:
        """As of other rows, with the texts that instructions are compared by."""
        return replace(
            super().text_partition(piece),
            texts=str(self.comparison_path(piece)),
            decision=None,
            ranked=self.instructions.dedup.questions is not None,
        )

    def question_partition(self, piece: Piece) -> TextPartition:
        """The questions of a piece."""
        return replace(
            self.text_partition(piece),
            column=comparison.QUESTION,
            section=comparison.QUESTION_SECTION,
        )

    @property
    def removes_duplicates(self) -> bool:
        """Whether rows are compared with each other: for a split they are in any case."""
        dedup, mixture = self.instructions.dedup, self.instructions.mixture
        return super().removes_duplicates or dedup.questions is not None or mixture.valid > 0

    def near_search(self) -> NearDedup | None:
        """Finds what the recipe drops, and what the split keeps together."""
        return self.lowered(self.instructions.dedup.near)

    def question_search(self) -> NearDedup | None:
        """The same for questions."""
        return self.lowered(self.instructions.dedup.questions)

    def lowered(self, near: NearDedup | None) -> NearDedup | None:
        """A search down to where the split keeps rows together."""
        mixture = self.instructions.mixture
        if not mixture.valid:
            return near
        if near is None:
            return NearDedup(threshold=mixture.apart)
        return near.model_copy(update={"threshold": min(near.threshold, mixture.apart)})

    def comparisons(self, pieces: list[Piece], partitions: list[TextPartition]) -> list[Comparison]:
        """Of rows as a whole, and of their questions."""
        dedup, mixture = self.instructions.dedup, self.instructions.mixture
        alike = mixture.apart if mixture.valid else None
        found = []
        if (search := self.near_search()) is not None:
            removes = dedup.near.threshold if dedup.near else None
            judgement = Judgement(removes, alike, answers=bool(dedup.near and dedup.near.substance))
            found.append(Comparison("", tuple(partitions), search, judgement))
        if (search := self.question_search()) is not None:
            asked = dedup.questions
            removes, substance = (asked.threshold, asked.substance) if asked else (None, False)
            judgement = Judgement(removes, alike, substance, kind=QUESTION_KIND)
            own = tuple(self.question_partition(piece) for piece in pieces)
            # Rows are exact duplicates by their questions, and joined for the split as such.
            same = asked is None
            found.append(Comparison("questions", own, search, judgement, same_when_exact=same))
        return found

    def row_steps(self) -> list[RowStep]:
        """As of other rows, with what they are compared by, which is written with the sketches."""
        steps = super().row_steps()
        if self.removes_duplicates:
            steps.insert(-1, (self.comparison_path, self.sketch_task))
        return steps

    def sketch_task(self, pieces: list[Piece]) -> Task:
        """Writes what pieces, and their questions, are compared by, and the sketches."""
        return Task(
            "curate.instructions.comparison:write_comparison",
            {
                "refined": paths_of(self.refined_path, pieces),
                "decisions": paths_of(self.decision_path, pieces),
                "outputs": paths_of(self.comparison_path, pieces),
                "sketches": paths_of(self.sketch_path, pieces),
                "answers": self.instructions.dedup.answers,
                "reasons": self.tags,
                "exact": self.instructions.dedup.exact is not None,
                "near": self.near_search(),
                "questions": self.question_search(),
                "substance": self.instructions.dedup.questions is not None,
            },
            label_of(pieces, "comparison"),
        )

    # Mixture and results

    def write(
        self, runner: Engine, pieces: list[Piece], duplicates: list[Path] | None
    ) -> list[dict[str, Any]]:
        """Draws the mixture, writes shards, then the training files; what was written, in order."""
        self.choices = self.choices_of(pieces)
        self.draw(runner, pieces, duplicates)
        shards = super().write(runner, pieces, duplicates)
        return [*shards, self.publish(runner, shards)]

    def choices_of(self, pieces: list[Piece]) -> dict[str, Counter[str]]:
        """Questions by what became of their choices, of every source that has such."""
        every: dict[str, Counter[str]] = defaultdict(Counter)
        for piece in pieces:
            path = partition_path(self.ingest_folder(piece.bundle), piece.number)
            every[piece.bundle.plan.label].update(choices_drawn(path))
        return {label: found for label, found in every.items() if found}

    def counted_with(self) -> dict[str, Any] | None:
        """Fingerprint and vocabulary of what counts tokens."""
        if self.tokenizer is None:
            return None
        found = self.tokenizer
        return {"fingerprint": found.fingerprint, "vocab_size": found.vocab_size}

    def source_entry(self, plan: SourcePlan) -> dict[str, Any]:
        """As of other sources, with what became of choices."""
        entry = super().source_entry(plan)
        if found := self.choices.get(plan.label):
            entry["choices"] = {fate: found[fate] for fate in ("drawn", "not_listed", "unclear")}
        return entry

    def draw(self, runner: Engine, pieces: list[Piece], duplicates: list[Path] | None) -> None:
        """Draws split and order of every piece, and shares out what caps and budget leave."""
        self.progress.stage("mixture", len(pieces) + 2, "parts")
        own = self.instructions.mixture
        clusters = self.clusters(runner, pieces, duplicates) if own.valid and duplicates else None
        draws = own.model_dump(include={"valid", "seed"})
        draws |= {"clusters": clusters.stem if clusters else None}
        draws |= {"tokenizer": self.tokenizer.fingerprint if self.tokenizer else None}
        self.drawn = []
        missing: list[int] = []
        for i, piece in enumerate(pieces):
            lost = duplicates[i] if duplicates is not None else None
            key = fingerprint(
                *("draw", mixture.VERSION, self.decision_path(piece).stem),
                *(piece.bundle.plan.label, draws, self.epochs(piece)),
                "/".join(lost.parts[-2:]) if lost else None,
            )
            path = self.work / "mixture" / f"{key}.arrow"
            self.used.add(path)
            self.drawn.append(path)
            if path.exists():
                self.progress.advance(1)
            else:
                missing.append(i)
        for numbers in together(pieces, missing):
            runner.submit(self.draw_task(pieces, numbers, duplicates, clusters))
        for report in self.reports(runner):
            self.progress.advance(len(report.task.arguments["outputs"]))
        self.share_out(runner, pieces)

    def draw_task(
        self,
        pieces: list[Piece],
        numbers: list[int],
        duplicates: list[Path] | None,
        clusters: Path | None,
    ) -> Task:
        """Draws for those of the pieces with these numbers, which are of one source."""
        chosen = [pieces[i] for i in numbers]
        arguments = {
            "refined": paths_of(self.refined_path, chosen),
            "decisions": paths_of(self.decision_path, chosen),
            "duplicates": [str(duplicates[i]) for i in numbers] if duplicates else None,
            "files": [piece.bundle.names for piece in chosen],
            "source": chosen[0].bundle.plan.label,
            "outputs": [str(self.drawn[i]) for i in numbers],
            "mixture": self.instructions.mixture,
            "questions": paths_of(self.comparison_path, chosen) if clusters else None,
            "clusters": str(clusters) if clusters else None,
            "epochs": self.epochs(chosen[0]),
            "tokenizer": str(self.tokenizer.path) if self.tokenizer else None,
        }
        return Task("curate.instructions.mixture:draw", arguments, label_of(chosen, "draw"))

    def epochs(self, piece: Piece) -> float:
        """How often the rows of a piece stand in the training files."""
        source = piece.bundle.plan.source
        assert isinstance(source, InstructionSource)
        return source.epochs

    def clusters(self, runner: Engine, pieces: list[Piece], duplicates: list[Path]) -> Path:
        """The file of what is on one side of training and validation."""
        own = self.instructions.mixture
        folder = duplicates[0].parent
        partitions = [self.question_partition(piece) for piece in pieces]
        key = fingerprint(
            *("clusters", clusters.VERSION, folder.name, own.valid, own.seed),
            [Path(partition.texts).stem for partition in partitions],
        )
        path = self.work / "mixture" / f"{key}.arrow"
        self.used.add(path)
        if not path.exists():
            whole = [self.text_partition(piece) for piece in pieces]
            verified = [v for c in self.comparisons(pieces, whole) for v in c.verified(folder)]
            arguments = {
                "corpus": str(folder / "questions-corpus.json"),
                "exact": [str(found) for found in sorted(folder.glob("exact-*.pairs"))],
                "verified": [str(found) for found in verified],
                "valid": own.valid,
                "seed": own.seed,
                "output": str(path),
            }
            runner.submit(Task("curate.instructions.clusters:write_clusters", arguments, "split"))
            self.finish_tasks(runner)
        return path

    def share_out(self, runner: Engine, pieces: list[Piece]) -> None:
        """Finds the bounds of caps and budget, where the recipe has any."""
        recipe = self.instructions
        sources = {source.id_prefix: source for source in recipe.sources}
        caps = {label: source.cap for label, source in sources.items()}
        every: list[Mixture | Cap] = [recipe.mixture, *caps.values()]
        if not any(most.rows or most.characters or most.tokens for most in every):
            return
        drawn: dict[str, list[str]] = {label: [] for label in sources}
        for piece, path in zip(pieces, self.drawn, strict=True):
            drawn[piece.bundle.plan.label].append(str(path))
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
