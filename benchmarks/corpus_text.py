"""The input of the corpus benchmarks: JSON Lines {"id", "text"} of Chinese text, any size, seeded.

The text comes from a folder of real sample files in whatever formats they were published in: every
string of at least 20 characters, mostly Han, found in a JSON, JSONL, CSV, TSV or text file is a
text. Sentence-a-line files are joined to documents again, long texts are split at paragraphs, then
sentences, to at most 800 characters; what occurs twice is taken once. A few per cent of English
give the language filter something to do. About one document in twenty is followed, some thousands
of rows later, by an exact copy, and as many by a copy with one character edited for every 120.

Where the samples end before the wanted size, documents are recombined: each takes sentences of one
script, in a seeded order, from as many different documents, to the length of a real one. How much
of the output that is stands in the statistics that the script prints.

    python benchmarks/corpus_text.py --mb 120 --out text.jsonl
"""

from __future__ import annotations

import argparse
import bisect
import csv
import hashlib
import heapq
import json
import os
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MIN_CHARACTERS = 20
MAX_CHARACTERS = 800
EXACT_SHARE = 0.05
NEAR_SHARE = 0.11
"""Of the documents long enough for an edit, which about half are."""
NEAR_MIN_CHARACTERS = 100
CHARACTERS_PER_EDIT = 120
FOREIGN_SHARE = 0.03
"""Share of the bytes before copies that is English text."""
COPY_DELAY = 20_000
"""A copy follows its original by at most this many documents."""

LEFT_OUT = {"benchmarks", "tokenizers", "lexicons", "quirks"}
"""Folders of the samples that hold no running text."""
SENTENCE_LINES = ("un_pc", "wmt18", "news_commentary", "ted_parallel", "iwslt2017")
"""Folders whose rows are consecutive sentences of articles or talks."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_SENTENCE = re.compile(r"[^。！？!?\n]*[。！？!?\n]+[」』”’）)]*|[^。！？!?\n]+$")
_EDIT_CHARACTERS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动"
)


class NoSamples(Exception):
    """There is no folder of samples to make text from."""


def samples_folder(data: Path | None) -> Path:
    """The folder of real samples: `data`, else $CURATE_REAL_DATA, else .cache/real.

    Raises NoSamples, in words for the user, when it is not there.
    """
    root = Path(__file__).resolve().parent.parent
    folder = data or Path(os.environ.get("CURATE_REAL_DATA") or root / ".cache" / "real")
    if not folder.is_dir():
        raise NoSamples(
            f"no sample files in {folder}. Name a folder of Chinese text files (JSON, JSONL, CSV, "
            "TSV or text) with --data, or give a JSONL file of your own, one "
            '{"id": ..., "text": ...} a line, to the benchmark with --input FILE.'
        )
    return folder


def _json_strings(value: object) -> Iterator[str]:
    """Every string in a JSON value; a list of short strings (a poem's lines) is one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        if value and all(isinstance(v, str) and len(v) < 60 for v in value):
            yield "".join(value)
        else:
            for v in value:
                yield from _json_strings(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from _json_strings(v)


def _file_strings(path: Path) -> Iterator[str]:
    """The strings in one file, in its order; a file that cannot be read has none."""
    raw = path.read_bytes()
    try:
        content = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return
    if path.suffix in (".json", ".jsonl"):
        try:
            yield from _json_strings(json.loads(content))
            return
        except json.JSONDecodeError:
            pass
    # Not one JSON value: JSON a line, whatever its name, else lines of cells or of text.
    if path.suffix == ".csv":
        for cells in csv.reader(content.splitlines()):
            yield from cells
        return
    for line in content.splitlines():
        if line.startswith("{"):
            try:
                yield from _json_strings(json.loads(line))
            except json.JSONDecodeError:
                continue
        elif path.suffix != ".json":
            yield from line.split("\t")


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of at most MAX_CHARACTERS, cut at paragraphs, else at sentences."""
    if len(text) <= MAX_CHARACTERS:
        yield text
        return
    parts: list[str] = []
    for paragraph in text.splitlines(keepends=True):
        if len(paragraph) <= MAX_CHARACTERS:
            parts.append(paragraph)
            continue
        for sentence in _SENTENCE.findall(paragraph):
            parts.extend(
                sentence[i : i + MAX_CHARACTERS] for i in range(0, len(sentence), MAX_CHARACTERS)
            )
    piece = ""
    for part in parts:
        if piece and len(piece) + len(part) > MAX_CHARACTERS * 3 // 4:
            yield piece
            piece = ""
        piece += part
    if piece:
        yield piece


def _joined(rows: Iterator[str], rng: random.Random) -> Iterator[str]:
    """Consecutive sentences as documents of varying length."""
    document, target = "", 0
    for row in rows:
        if not document:
            target = 60 + int(rng.random() ** 2 * 500)
        document += row.strip()
        if len(document) >= target:
            yield document
            document = ""
    if document:
        yield document


def real_texts(folder: Path, seed: int) -> tuple[list[str], list[str]]:
    """(Chinese documents, English documents) of the samples, each in a seeded order."""
    rng = random.Random(f"join {seed}")
    chinese: list[str] = []
    english: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        group = path.relative_to(folder).parts[0]
        if group in LEFT_OUT or path.name == "INVENTORY.tsv":
            continue
        strings = _file_strings(path)
        if group in SENTENCE_LINES:
            rows = (s for s in strings if len(_HAN.findall(s)) * 3 > len(s))
            strings = _joined(rows, rng)
        for string in strings:
            text = string.strip().encode("utf-8", "ignore").decode()
            if len(text) < MIN_CHARACTERS:
                continue
            han = len(_HAN.findall(text))
            if han * 3 > len(text):
                chinese.extend(p.strip() for p in _pieces(text) if len(p.strip()) >= MIN_CHARACTERS)
            elif han == 0 and text.count(" ") * 12 > len(text) and "/" not in text:
                english.extend(p.strip() for p in _pieces(text) if len(p.strip()) >= 100)
    # The samples repeat prompts and whole sets; the duplicates are to be those planted below.
    chinese, english = list(dict.fromkeys(chinese)), list(dict.fromkeys(english))
    return _shuffled(chinese, f"zh {seed}"), _shuffled(english, f"en {seed}")


def _shuffled(items: list[str], seed: str) -> list[str]:
    # Only Random.random() promises the same numbers in every Python version.
    rng = random.Random(seed)
    keys = [rng.random() for _ in items]
    return [items[i] for i in sorted(range(len(items)), key=keys.__getitem__)]


def _is_encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def recombined_texts(chinese: list[str], seed: int) -> Iterator[str]:
    """Documents without end, of sentences that each come from another document.

    A document takes its sentences from one script, as real ones nearly always do: those GB 2312 can
    write, or those only Big5 can; sentences that neither can write are not used.
    """
    pools: dict[str, dict[str, None]] = {"gb2312": {}, "big5": {}}
    for text in chinese:
        for sentence in _SENTENCE.findall(text):
            words = sentence.strip()
            if 8 <= len(words) <= 120:
                for encoding, pool in pools.items():
                    if _is_encodable(words, encoding):
                        pool[words] = None
                        break
    simplified, traditional = (list(pool) for pool in pools.values())
    if len(simplified) < 1000:
        raise NoSamples("the samples hold fewer than 1000 Chinese sentences to recombine")
    lengths = [len(t) for t in chinese if len(t) >= 60]
    share = len(traditional) / (len(simplified) + len(traditional))
    streams = [
        _documents(pool, lengths, f"{name} {seed}")
        for name, pool in (("simplified", simplified), ("traditional", traditional))
    ]
    rng = random.Random(f"scripts {seed}")
    while True:
        yield next(streams[rng.random() < share])


def _documents(sentences: list[str], lengths: list[int], seed: str) -> Iterator[str]:
    rng = random.Random(f"lengths {seed}")
    document: list[str] = []
    size, target, turn = 0, lengths[0], 0
    while True:
        for sentence in _shuffled(sentences, f"pool {seed} {turn}"):
            if document and len(document) >= 3 and size + len(sentence) > target:
                yield "".join(document)
                document, size = [], 0
                target = lengths[int(rng.random() * len(lengths))]
            document.append(sentence)
            size += len(sentence)
        turn += 1


def _edited(text: str, rng: random.Random) -> str:
    """The text with a character replaced, inserted or removed for every CHARACTERS_PER_EDIT."""
    for _ in range(max(1, len(text) // CHARACTERS_PER_EDIT)):
        i = int(rng.random() * len(text))
        character = _EDIT_CHARACTERS[int(rng.random() * len(_EDIT_CHARACTERS))]
        kind = int(rng.random() * 3)
        text = text[:i] + (character if kind < 2 else "") + text[i + (kind != 1) :]
    return text


@dataclass
class Statistics:
    """What was written: documents and bytes of UTF-8 text by kind, and the length distribution."""

    documents: dict[str, int] = field(default_factory=dict)
    text_bytes: dict[str, int] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=lambda: [0] * (MAX_CHARACTERS * 2))
    characters: int = 0

    def add(self, kind: str, text: str, size: int) -> None:
        self.documents[kind] = self.documents.get(kind, 0) + 1
        self.text_bytes[kind] = self.text_bytes.get(kind, 0) + size
        self.lengths[min(len(text), len(self.lengths) - 1)] += 1
        self.characters += len(text)

    def as_json(self) -> dict[str, object]:
        total = sum(self.documents.values())
        cumulative, running = [], 0
        for count in self.lengths:
            running += count
            cumulative.append(running)
        quantiles = {
            f"p{q}": bisect.bisect_left(cumulative, max(1, total * q / 100))
            for q in (1, 10, 25, 50, 75, 90, 99)
        }
        return {
            "documents": total,
            "text_mb": round(sum(self.text_bytes.values()) / 1e6, 3),
            "mean_characters": round(self.characters / max(1, total), 1),
            "characters": quantiles,
            "documents_by_kind": dict(sorted(self.documents.items())),
            "mb_by_kind": {k: round(v / 1e6, 3) for k, v in sorted(self.text_bytes.items())},
        }


def write_text(folder: Path, out: Path, mb: float, seed: int = 1) -> dict[str, object]:
    """Write `mb` million bytes of UTF-8 text as JSONL to `out`; returns the statistics.

    Ids say what a row is: `r…` real, `t…` recombined (top-up), `e…` English, `x…` an exact copy and
    `n…` a near copy, both followed by `-` and the id of the original. Memory does not grow with mb.
    """
    chinese, english = real_texts(folder, seed)
    if not chinese:
        raise NoSamples(f"no Chinese text in {folder}")
    statistics = Statistics()
    rng = random.Random(f"copies {seed}")
    edits = random.Random(f"edits {seed}")
    target = int(mb * 1e6)
    real, foreign, topup = iter(chinese), iter(english), recombined_texts(chinese, seed)
    waiting: list[tuple[int, str, str]] = []
    waiting_bytes = written = foreign_bytes = position = 0

    partial = out.with_name(out.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:

        def write(key: str, text: str) -> None:
            nonlocal written
            size = len(text.encode())
            file.write(json.dumps({"id": key, "text": text}, ensure_ascii=False) + "\n")
            statistics.add(KINDS[key[0]], text, size)
            written += size

        while written + waiting_bytes < target:
            position += 1
            text, kind = None, "e"
            if foreign_bytes < written * FOREIGN_SHARE:
                text = next(foreign, None)
                foreign_bytes += len(text.encode()) if text else 0
            if text is None:
                text, kind = next(real, None), "r"
            if text is None:
                text, kind = next(topup), "t"
            key = f"{kind}{position:08d}"
            write(key, text)
            draw = rng.random()
            due = position + 1 + int(rng.random() * COPY_DELAY)
            if draw < EXACT_SHARE:
                heapq.heappush(waiting, (due, f"x{position:08d}-{key}", text))
                waiting_bytes += len(text.encode())
            elif draw < EXACT_SHARE + NEAR_SHARE and len(text) >= NEAR_MIN_CHARACTERS:
                copy = _edited(text, edits)
                heapq.heappush(waiting, (due, f"n{position:08d}-{key}", copy))
                waiting_bytes += len(copy.encode())
            while waiting and waiting[0][0] <= position:
                _, copy_key, copy = heapq.heappop(waiting)
                waiting_bytes -= len(copy.encode())
                write(copy_key, copy)
        while waiting:
            _, copy_key, copy = heapq.heappop(waiting)
            write(copy_key, copy)
    partial.replace(out)
    return statistics.as_json()


KINDS = {"r": "real", "t": "recombined", "e": "english", "x": "exact copies", "n": "near copies"}
"""First letter of an id -> what the row is."""


def folder_fingerprint(folder: Path) -> str:
    """A short hash of this script and of the names and sizes below the folder.

    Two equal fingerprints and the same size and seed give the same text.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\t{path.stat().st_size}\n".encode())
    return digest.hexdigest()[:12]


def main() -> int:
    """Write the text and print its statistics as one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, required=True, help="the JSONL file to write")
    parser.add_argument("--mb", type=float, default=120, help="million bytes of UTF-8 text (120)")
    parser.add_argument("--data", type=Path, help="folder of sample files (.cache/real)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        statistics = write_text(samples_folder(options.data), options.out, options.mb, options.seed)
    except NoSamples as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(statistics, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
