"""Reads evaluation sets: multiple choice as CSV, JSON of reading comprehension, JSON Lines.

Known by their keys: C-Eval and CMMLU (`question` or `Question`, options `A` to `D`), C3 (lists of
passage, questions and id), CMRC and SQuAD (`data`, `paragraphs`, `qas`), and objects with a key
such as `question`. Anything else needs `question:` in the recipe.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from curate.contamination.options import EvaluationFiles
from curate.errors import RecipeError
from sources.adapter import InputFile, SourceError
from sources.inputs import input_files, is_data
from sources.sniff import Content, content
from sources.stream import Blocks

VERSION = 1

_QUESTION = (
    *("question", "query", "query_text", "problem", "stem", "prompt", "instruction"),
    *("问题", "题目", "题干"),
)
_OPTIONS = ("options", "choices", "choice", "candidates", "选项")
_LETTERS = tuple("abcdefghij")
_ANSWER = ("answers", "answer", "target", "output", "答案")
_NESTED = ("data", "paragraphs", "questions", "examples")


@dataclass(frozen=True)
class EvaluationFile:
    """A file of a set."""

    set: str
    file: InputFile
    spec: EvaluationFiles


@dataclass(frozen=True)
class Question:
    """A question as its set has it."""

    id: str
    """`set/file#row`, questions of a file counted from 1."""
    set: str
    text: str
    options: tuple[str, ...]
    """What it can be answered with; for questions without options the answer alone."""
    answer: int = -1
    """Which of the options is the answer; -1 where the set does not say."""


def evaluation_files(spec: EvaluationFiles, recipe_folder: Path) -> list[EvaluationFile]:
    """The files at a path of the recipe. Raises RecipeError if there are none."""
    path = Path(spec.path).expanduser()
    path = path if path.is_absolute() else recipe_folder / path
    try:
        files = input_files(path)
    except SourceError as error:
        raise RecipeError(f"contamination: {error}") from None
    single = path.is_file()
    files = [file for file in files if single or is_data(file.name)]
    if not files:
        raise RecipeError(f"contamination: nothing at {path} looks like an evaluation set")
    name = spec.set or (path.stem if single else _folder_name(path))
    return [EvaluationFile(name, file, spec) for file in files]


def _folder_name(path: Path) -> str:
    """The last part of a path that is no pattern."""
    parts = [part for part in path.parts if not set(part) & set("*?[")]
    return parts[-1] if parts else "evaluation"


def questions(file: EvaluationFile) -> list[Question]:
    """Every question of a file, in order.

    Raises RecipeError, naming file and row, when the file cannot be read as an evaluation set.
    """
    where = f"contamination: {file.file.path}"
    try:
        found = content(file.file.path)
    except OSError as error:
        raise RecipeError(f"{where}: {error.strerror}") from None
    if found.problem is not None:
        raise RecipeError(f"{where}: {found.problem.detail}")
    if found.format == "empty":
        raise RecipeError(f"{where} is empty")
    result = []
    for row, fields in enumerate(_rows(file, found, where), 1):
        key = f"{file.set}/{file.file.name}#{row}"
        text, options, answer = _question(fields, file.spec, f"{where}, question {row}")
        result.append(Question(key, file.set, text, options, answer))
    if not result:
        raise RecipeError(f"{where} holds no questions")
    return result


def _rows(file: EvaluationFile, found: Content, where: str) -> Iterator[Mapping[str, Any]]:
    """The questions of a file as mappings of its keys."""
    blocks = Blocks(file.file.path, found.encoding)
    raw = b"".join(blocks)
    if blocks.fault is not None:
        raise RecipeError(f"{where}: {blocks.fault.detail}")
    if found.format == "jsonl":
        for number, line in enumerate(raw.split(b"\n"), 1):
            if line.strip():
                yield from _walked(_parsed(line, f"{where}, line {number}"), file.spec, where)
    elif found.format in ("json_array", "json_objects"):
        yield from _walked(_parsed(raw, where), file.spec, where)
    elif found.format in ("csv", "tsv"):
        yield from _records(raw, found.delimiter, where)
    else:
        raise RecipeError(f"{where} is neither CSV nor JSON but {found.format}")


def _parsed(raw: bytes, where: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RecipeError(f"{where} is not valid JSON: {error}") from None


def _records(raw: bytes, delimiter: str, where: str) -> Iterator[Mapping[str, Any]]:
    try:
        reader = csv.reader(io.StringIO(raw.decode(), newline=""), delimiter=delimiter, strict=True)
        header = [name.strip() for name in next(reader, [])]
        for record in reader:
            if record:
                yield dict(zip(header, record, strict=False))
    except UnicodeDecodeError as error:
        raise RecipeError(f"{where} is not UTF-8 at byte {error.start}") from None
    except csv.Error as error:
        raise RecipeError(f"{where} is not sound CSV at line {reader.line_num}: {error}") from None


def _walked(value: Any, spec: EvaluationFiles, where: str) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("qas"), list):
            yield from _walked(value["qas"], spec, where)
            return
        if _text_at(value, (spec.question,) if spec.question else _QUESTION) is None:
            nested = [value[key] for key in _NESTED if isinstance(value.get(key), list)]
            if nested:
                for inner in nested:
                    yield from _walked(inner, spec, where)
                return
        yield value
    elif isinstance(value, list):
        # C3: [lines of the passage or dialogue], [questions], id
        if len(value) == 3 and isinstance(value[2], str) and isinstance(value[1], list):
            value = value[1]
        for inner in value:
            yield from _walked(inner, spec, where)
    else:
        raise RecipeError(f"{where} holds {value!r:.40} where an object was expected")


def _text_at(fields: Mapping[str, Any], keys: tuple[str, ...]) -> str | None:
    lowered = {key.lower(): value for key, value in fields.items() if isinstance(key, str)}
    for key in keys:
        if isinstance(value := lowered.get(key.lower()), str):
            return value
    return None


def _question(
    fields: Mapping[str, Any], spec: EvaluationFiles, where: str
) -> tuple[str, tuple[str, ...], int]:
    """(text, options, which of them is the answer)."""
    text = _text_at(fields, (spec.question,) if spec.question else _QUESTION)
    if text is None:
        asked = f"no {spec.question!r}" if spec.question else "no question"
        keys = ", ".join(str(key) or "(nameless)" for key in fields)
        raise RecipeError(f"{where}: {asked} among {keys}; name the key with `question:`")
    lowered = {str(key).lower(): value for key, value in fields.items()}
    options: list[str] = []
    for key in spec.options or (*_OPTIONS, *_LETTERS):
        options += _strings(lowered.get(key.lower()))
    options = [option for option in options if option.strip()]
    answers: list[str] = []
    for key in (spec.answer,) if spec.answer else _ANSWER:
        answers += _strings(lowered.get(key.lower()))
    if not options:
        return text, tuple(answers[:1]), 0 if answers else -1
    return text, tuple(options), _answer(options, answers[0].strip() if answers else "")


def _answer(options: list[str], answer: str) -> int:
    """The number of the option that an answer names by its letter or its text."""
    if len(answer) == 1 and answer.lower() in _LETTERS[: len(options)]:
        return _LETTERS.index(answer.lower())
    return options.index(answer) if answer in options else -1


def _strings(value: Any) -> list[str]:
    """The strings in a value: itself, its items, or the texts of its answers."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    if isinstance(value, dict):
        inner = value.get("text", list(value.values()))
        return _strings(inner)
    return []
