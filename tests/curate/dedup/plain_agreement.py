"""`curate.dedup.agreement` once more, a pair at a time and by regular expressions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from curate.dedup.substance import ABOUT_FORM, PARTICLES
from tests.curate.dedup import reference

_VALUES = {c: str(n) for n, c in enumerate("二三四五六七八九", 2)} | {"两": "2"}
_NUMBER = re.compile(
    r"\d+(?:\.\d+)?|第一|[〇零一二三四五六七八九十百千万亿两]{2,}|[二三四五六七八九两]"
)
_IDEOGRAPH = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[A-Za-z](?:[\w'’-]*[A-Za-z0-9])?", re.ASCII)
_NAME = re.compile(r"(?<=[ ,])[A-Z][\w'’-]*", re.ASCII)
_QUOTED = re.compile(
    '《([^《》\n]+)》|“([^“”\n]+)”|「([^「」\n]+)」|『([^『』\n]+)』|"([^"\n]+)"|<([^<>\n]+)>'
)
ANNOUNCING = re.compile(
    r"\b(?:so|thus|hence|therefore|the|final|answer|is)\b|因此|所以|最终|答案(?:是|为)?",
    re.IGNORECASE,
)


def content(text: str) -> str:
    """Letters, digits and ideographs."""
    return re.sub(r"[\W_]+", "", text.lower().replace("ς", "σ"))


class Question:
    """What a question has."""

    def __init__(self, text: str, answer: str) -> None:
        self.about_form = re.search(ABOUT_FORM, text) is not None
        text = unicodedata.normalize("NFKC", text)
        self.ideographs = Counter(c for c in _IDEOGRAPH.findall(text) if c not in PARTICLES)
        if self.ideographs:
            names = _WORD.findall(text)
        else:
            # Behind the end of a sentence a capital says nothing.
            inside = _NAME.findall(re.sub(r"([.?!:]['\"”)]*) +", r"\1", text))
            names = [n for n in inside if n != "I" and (len(n) <= 3 or n in answer)]
        self.names = {name.lower() for name in names}
        self.numbers = Counter(_VALUES.get(number, number) for number in _NUMBER.findall(text))
        self.quoted = [content("".join(groups)) for groups in _QUOTED.findall(text)]
        self.content = content(text)


def same_question(one: Question, other: Question) -> bool:
    """Whether questions have all in common that they must."""
    if bool(one.ideographs) != bool(other.ideographs):
        return False
    for a, b in ((set(one.numbers), set(other.numbers)), (one.names, other.names)):
        if a - b and b - a:
            return False
    return all(q in other.content for q in one.quoted) or all(
        q in one.content for q in other.quoted
    )


def _trigrams(text: str) -> set[str]:
    return {text[i : i + 3] for i in range(len(text) - 2)}


def _substance(text: str) -> str:
    """Of a short answer: its normal form without particles and marks but for those inside."""
    form = reference.normal(text)
    if re.search(ABOUT_FORM, text):
        return f"form {form}"
    kept = []
    for i, c in enumerate(form):
        if c in PARTICLES:
            continue
        mark = unicodedata.category(c)[0] == "P" and c not in "+-*/=<>%()[]{}#&^_|\\`@$~"
        if mark or c in "，、；,;":
            around = form[max(i - 1, 0) : i] + form[i + 1 : i + 2]
            if len(around) < 2 or not all(_joins(a) for a in around):
                continue
            c = "," if c in "，、；,;" else c
        kept.append(c)
    return "".join(kept)


def _joins(c: str) -> bool:
    """Whether marks between two such characters are of their substance."""
    code = ord(c)
    unparted = 0x2E80 <= code < 0xA4D0 or 0xF900 <= code < 0xFB00 or code >= 0x20000
    return (unicodedata.category(c) in ("Nd", "Nl", "No") or c.isalpha()) and not unparted


def agree(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two rows of question and answer are one row in two wordings."""
    a, b = Question(*one), Question(*other)
    if not same_question(a, b):
        return False
    size = min(len(content(answer[:128])) for _, answer in (one, other))
    said = [ANNOUNCING.sub("", answer) for _, answer in (one, other)]
    if size >= 32:
        x, y = (_trigrams(content(text)) for text in said)
        return len(x & y) >= 0.5 * len(x | y)
    form = a.about_form or b.about_form
    x, y = (reference.normal(text) if form else _substance(text) for text in said)
    label = size * 8 < min(len(a.content), len(b.content))
    more = (a.ideographs - b.ideographs).total(), (b.ideographs - a.ideographs).total()
    return x == y and a.numbers == b.numbers and min(more) <= (0 if label else 2)
