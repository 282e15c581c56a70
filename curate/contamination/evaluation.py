"""The evaluation sets of a build: found, read and indexed before any row is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.contamination import compare, index, questions
from curate.contamination.index import Index, built
from curate.contamination.options import Contamination
from curate.contamination.questions import EvaluationFile, Question, evaluation_files
from curate.errors import RecipeError
from curate.fingerprint import fingerprint
from curate.storage import column_array, read_arrow, write_arrow


@dataclass(frozen=True)
class Evaluation:
    """The evaluation sets of a recipe and where their index lies."""

    options: Contamination
    files: list[EvaluationFile]
    folder: Path
    """Holds `index.arrow` and `questions.arrow` (id, set and text of every question)."""

    @property
    def key(self) -> str:
        """Of the index: the files' contents, names and options, and the code that reads them."""
        return self.folder.name

    @property
    def index(self) -> Path:
        return self.folder / "index.arrow"

    @property
    def questions(self) -> Path:
        return self.folder / "questions.arrow"

    def prepare(self) -> None:
        """Reads and indexes the sets, unless that has been done.

        Raises RecipeError when a file cannot be read or two questions have the same id.
        """
        if self.index.exists() and self.questions.exists():
            return
        every: list[Question] = [q for file in self.files for q in questions.questions(file)]
        ids = [question.id for question in every]
        if len(set(ids)) < len(ids):
            twice = next(key for key, n in Counter(ids).items() if n > 1)
            raise RecipeError(
                f"contamination: two questions are called {twice}; give their sets different "
                "names with `set:`"
            )
        write_arrow(
            self.questions,
            pa.table({"id": ids, "set": [question.set for question in every]}),
        )
        built(every, self.options.ngram, self.options.common).write(self.index)

    def compare_key(self, refine_key: str, number: int) -> str:
        """Key of the scores of partition `number` of a unit."""
        return fingerprint("compare", compare.VERSION, refine_key, number, self.key)

    def manifest_entry(self, hashes: Mapping[Path, str], report: pa.Table) -> dict[str, Any]:
        """What the manifest says: options, files, and how much of each set was found."""
        rows = report.to_pylist()
        sets: dict[str, dict[str, Any]] = {}
        for file in self.files:
            entry = sets.setdefault(
                file.set, {"questions": 0, "too_short": 0, "found": 0, "files": []}
            )
            path = file.file.path
            entry["files"].append(
                {"file": file.file.name, "sha256": hashes[path], "bytes": path.stat().st_size}
            )
        for row in rows:
            sets[row["set"]]["questions"] += 1
            sets[row["set"]]["too_short"] += row["rule"] == index.RULES[index.TOO_SHORT]
            sets[row["set"]]["found"] += row["rows"] > 0
        return {
            "ngram": self.options.ngram,
            "common": self.options.common,
            "limit": self.options.limit,
            "policy": self.options.policy,
            "sets": sets,
        }

    def read(self) -> tuple[Index, pa.Array, pa.Array]:
        """(index, ids, sets) of what `prepare` wrote."""
        table = read_arrow(self.questions)
        return Index.read(self.index), column_array(table, "id"), column_array(table, "set")


def evaluation(
    options: Contamination, recipe_folder: Path, hashes: Mapping[Path, str], work: Path
) -> Evaluation:
    """The recipe's evaluation sets; `hashes` knows all of their files."""
    files = found_files(options, recipe_folder)
    key = fingerprint(
        "evaluation",
        [questions.VERSION, index.VERSION, options.ngram, options.common],
        [
            [f.set, f.file.name, hashes[f.file.path], f.spec.model_dump(exclude={"path", "set"})]
            for f in files
        ],
        (Path(__file__).parent / "phrases.txt").read_text(encoding="utf-8"),
    )
    return Evaluation(options, files, work / key)


def found_files(options: Contamination, recipe_folder: Path) -> list[EvaluationFile]:
    """All files of all sets, in the order of the recipe. Raises RecipeError for what is missing."""
    return [file for spec in options.files for file in evaluation_files(spec, recipe_folder)]
