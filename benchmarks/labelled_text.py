"""Real text whose language is known, cut to chosen lengths: the material of benchmarks/language.py.

Nothing of it is part of this project. It is read where it lies: the samples of published corpora
(CURATE_REAL_DATA), the message catalogues of Django and of the system, transcripts shipped with
pycantonese, and the Debian handbook where that package is installed. What is absent is left out,
and the counts that the benchmark prints say so.
"""

from __future__ import annotations

import csv
import gettext
import html
import importlib.util
import json
import os
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

BUCKETS = ((2, 4), (5, 9), (10, 29), (30, 200))
"""Lengths in characters, both ends included."""

_CATALOGUES = {
    "zh-Hant": ("zh_Hant", "zh_TW"), "ja": ("ja", "ja"), "ko": ("ko", "ko"),
    "fr": ("fr", "fr"), "de": ("de", "de"), "es": ("es", "es"), "pt": ("pt_BR", "pt_BR"),
    "it": ("it", "it"), "nl": ("nl", "nl"), "pl": ("pl", "pl"), "tr": ("tr", "tr"),
    "id": ("id", "id"), "vi": ("vi", "vi"), "ru": ("ru", "ru"), "uk": ("uk", "uk"),
    "ar": ("ar", "ar"), "th": ("th", "th"), "sv": ("sv", "sv"), "da": ("da", "da"),
    "no": ("nb", "nb"), "fi": ("fi", "fi"), "cs": ("cs", "cs"), "hu": ("hu", "hu"),
    "ro": ("ro", "ro"), "bg": ("bg", "bg"), "sr": ("sr", "sr"), "fa": ("fa", "fa"),
}  # fmt: skip
_HANDBOOK = {
    "zh-Hant": "zh-TW", "ja": "ja-JP", "ko": "ko-KR", "fr": "fr-FR", "de": "de-DE",
    "es": "es-ES", "pt": "pt-BR", "it": "it-IT", "nl": "nl-NL", "pl": "pl-PL", "tr": "tr-TR",
    "id": "id-ID", "vi": "vi-VN", "ru": "ru-RU", "ar": "ar-MA", "sv": "sv-SE", "da": "da-DK",
    "no": "nb-NO", "cs": "cs-CZ", "ro": "ro-RO", "fa": "fa-IR",
}  # fmt: skip
_UNSPACED = {"zh", "zh-Hant", "yue", "lzh", "ja", "th"}
_NO_LATIN = _UNSPACED | {"ko", "ru", "uk", "ar", "bg", "sr", "fa"}
_CLAUSE = re.compile(r"[^，。！？；：、,!?;:\s]+[，。！？；：、,!?;:]*")
_ENGLISH_WORDS = re.compile(r"\b(?:the|and|that|with|this|which|from|has)\b")
_WORD = re.compile(r"\S+")
_HAN = re.compile("[\u4e00-\u9fff]")


def real_data() -> Path:
    """Folder of the published corpora's samples: CURATE_REAL_DATA, else .cache/real."""
    default = Path(__file__).resolve().parent.parent / ".cache" / "real"
    return Path(os.environ.get("CURATE_REAL_DATA", default))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as handle:
        for line in handle:
            yield line.strip()


def _simplified(root: Path) -> Iterator[str]:
    yield from _lines(root / "cluecorpus_small" / "CLUECorpusSmall_sampled.txt")
    for line in _lines(root / "wiki_zh" / "AA" / "wiki_00"):
        yield from json.loads(line)["text"].split("\n")
    for line in _lines(root / "news_commentary" / "train_10k.jsonl"):
        yield json.loads(line)["zh"]
    yield from _lines(root / "wmt18" / "newstest2018-zhen.zh")
    for line in _lines(root / "csl" / "csl_camera_readly.tsv"):
        yield line.split("\t")[0]
    with (root / "reviews" / "waimai_10k.csv").open(encoding="utf-8") as handle:
        yield from (row[1] for row in csv.reader(handle))


def _traditional(root: Path) -> Iterator[str]:
    drcd = json.loads((root / "drcd" / "DRCD_dev.json").read_text(encoding="utf-8"))
    for article in drcd["data"]:
        for paragraph in article["paragraphs"]:
            yield paragraph["context"]
            yield from (qa["question"] for qa in paragraph["qas"])


def _classical(root: Path) -> Iterator[str]:
    for path in sorted((root / "classical_modern").rglob("bitext.txt")):
        for line in _lines(path):
            if line.startswith("古文"):
                yield line[3:]
    for path in sorted((root / "chinese_poetry").rglob("*.json")):
        for poem in json.loads(path.read_text(encoding="utf-8"))[:400]:
            yield "".join(poem["paragraphs"])


def _english(root: Path) -> Iterator[str]:
    for line in _lines(root / "news_commentary" / "train_10k.jsonl"):
        yield json.loads(line)["en"]
    for row in json.loads((root / "alpaca" / "alpaca_data.json").read_text())[:4000]:
        yield row["instruction"]
    for line in _lines(root / "ted_parallel" / "parallel_corpus_en_zh.txt"):
        yield line.split("\t")[0]
    yield from _lines(root / "wmt18" / "newstest2018-zhen.en")


def _cantonese(_: Path) -> Iterator[str]:
    found = importlib.util.find_spec("pycantonese")
    if found is None or found.origin is None:
        return
    for path in sorted((Path(found.origin).parent / "data").rglob("*.cha")):
        for line in _lines(path):
            if line.startswith("*"):
                said = re.sub(r"\d+_\d+|[#○\x15]", "", line.split("\t")[-1])
                said = re.sub(r"\s+", "", said)
                if len(said) > 1 and not re.search("[A-Za-z]", said):
                    yield said.replace(",", "，").replace(".", "。")


def _catalogue(label: str) -> Iterator[str]:
    django_name, system_name = _CATALOGUES[label]
    files: list[Path] = []
    found = importlib.util.find_spec("django")
    if found is not None and found.origin is not None:
        files += sorted(Path(found.origin).parent.rglob(f"locale/{django_name}/LC_MESSAGES/*.mo"))
    system = Path("/usr/share/locale") / system_name / "LC_MESSAGES"
    files += sorted(path for path in system.glob("*.mo") if not path.name.startswith("iso"))
    for path in files:
        try:
            with path.open("rb") as handle:
                messages = gettext.GNUTranslations(handle)._catalog  # type: ignore[attr-defined]
        except UnicodeDecodeError:  # a catalogue in an older encoding
            continue
        for source, text in messages.items():
            text = " ".join(text.split())
            # Placeholders, options, paths and untranslated entries are no text in any language.
            if (
                text != source
                and len(_ENGLISH_WORDS.findall(text)) < 2
                and not re.search(r"[%{}<>\\_=|/@#$*&~^`\[\]]|--|\.\w", text)
            ):
                yield text


def _handbook(label: str) -> Iterator[str]:
    folder = Path(os.environ.get("DEBIAN_HANDBOOK", "/usr/share/doc/debian-handbook/html"))

    def paragraphs(name: str) -> Iterator[str]:
        for path in sorted((folder / name).glob("*.html")):
            page = path.read_text(encoding="utf-8")
            for paragraph in re.findall(r'<div class="para">(.*?)</div>', page, re.DOTALL):
                yield " ".join(html.unescape(re.sub(r"<[^>]+>", "", paragraph)).split())

    if folder.is_dir() and label in _HANDBOOK:
        english = set(paragraphs("en-US"))
        for text in paragraphs(_HANDBOOK[label]):
            # Not yet translated, with at most a chapter's name put into the language.
            if text not in english and len(_ENGLISH_WORDS.findall(text)) < 2:
                yield text


def _cut(text: str, low: int, high: int, spaced: bool, rng: random.Random) -> str:
    """A piece of low to high characters from a place where a clause or a word begins, or ""."""
    pieces = list((_WORD if spaced else _CLAUSE).finditer(text))
    if not pieces:
        return ""
    start = rng.choice(pieces[: max(1, len(pieces) - low // 8)]).start()
    ends = [m.end() for m in pieces if low <= m.end() - start <= high]
    if ends:
        return text[start : rng.choice(ends)]
    if spaced or len(text) - start < low:
        return ""
    return text[start : start + rng.randint(low, high)]


def labelled(limit: int, half: int | None = None) -> dict[tuple[str, int], list[str]]:
    """Up to `limit` distinct texts for every (label, index into BUCKETS).

    half: 0 or 1 takes only the texts of that half of the material (rules were chosen on half 0,
    figures are given on half 1). A piece that occurs under two labels is in neither.
    """
    root = real_data()
    sources: dict[str, list[Callable[[], Iterable[str]]]] = defaultdict(list)
    for label, reader in (
        ("zh", _simplified), ("zh-Hant", _traditional), ("lzh", _classical),
        ("yue", _cantonese), ("en", _english),
    ):  # fmt: skip
        if label == "yue" or root.is_dir():
            sources[label].append(lambda reader=reader: reader(root))  # type: ignore[misc]
    for label in _CATALOGUES:
        sources[label].append(lambda label=label: _catalogue(label))  # type: ignore[misc]
        sources[label].append(lambda label=label: _handbook(label))  # type: ignore[misc]

    pieces: dict[tuple[str, int], dict[str, None]] = {}
    for label, readers in sources.items():
        texts = list(dict.fromkeys(text for read in readers for text in read() if len(text) > 1))
        if half is not None:
            texts = [t for t in texts if zlib.crc32(t.encode()) >> 7 & 1 == half]
        if label in _NO_LATIN:
            texts = [t for t in texts if not re.search("[A-Za-z]{3}", t)]
        for b, (low, high) in enumerate(BUCKETS):
            rng = random.Random(f"{label}{b}")
            order = rng.sample(texts, len(texts))
            chosen: dict[str, None] = {}
            for text in order:
                piece = _cut(text, low, high, label not in _UNSPACED, rng)
                letters = sum(c.isalpha() for c in piece)
                acronym = piece.isupper() and len(piece) < 6
                if letters >= 2 and letters * 2 >= len(piece) and not acronym:
                    chosen[piece] = None
                if len(chosen) == 3 * limit:
                    break
            pieces[label, b] = chosen
    owners: dict[str, set[str]] = defaultdict(set)
    for (label, _), chosen in pieces.items():
        for piece in chosen:
            owners[_key(piece)].add(label)
    return {
        key: [piece for piece in chosen if len(owners[_key(piece)]) == 1][:limit]
        for key, chosen in pieces.items()
    }


def _key(piece: str) -> str:
    return "".join(c for c in piece.casefold() if c.isalpha())


def kanji_only(pieces: Iterable[str]) -> list[str]:
    """The pieces that hold Han characters and no kana: the hard case of Japanese."""
    kana = re.compile("[\u3040-\u30ff]")
    return [p for p in pieces if _HAN.search(p) and not kana.search(p)]
