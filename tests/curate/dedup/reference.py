"""Deduplication as the documentation words it, in plain Python: slow, and written apart."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

BLANK = "\0"


def normal(text: str) -> str:
    """The normal form, by regular expressions."""
    text = unicodedata.normalize("NFC", text)
    out = []
    for char in text:
        code = ord(char)
        if 0xFF01 <= code <= 0xFF5E:
            char = chr(code - 0xFEE0)
        category = unicodedata.category(char)
        if category.startswith("Z") or char in "\t\n\v\f\r\x85":
            out.append(BLANK)
        elif category in ("Cc", "Cf", "Cs") or "VARIATION SELECTOR" in unicodedata.name(char, ""):
            continue
        else:
            out.append(char.lower() if len(char.lower()) == 1 else char)
    joined = re.sub(f"{BLANK}+", BLANK, "".join(out))
    kept = []
    for i, char in enumerate(joined):
        if char != BLANK:
            kept.append(char)
        elif 0 < i < len(joined) - 1 and parted(joined[i - 1]) and parted(joined[i + 1]):
            kept.append(" ")
    return "".join(kept)


def parted(char: str) -> bool:
    """Whether blanks part words of this character's script."""
    unparted = ("CJK", "KANGXI", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "HALFWIDTH KATAKANA")
    return is_content(char) and not unicodedata.name(char, "").startswith(unparted)


def is_content(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"


@lru_cache(maxsize=1 << 14)
def shingle_set(text: str, size: int = 5) -> frozenset[object]:
    """The set of shingles of a text."""
    form = normal(text)
    content = "".join(char for char in form if is_content(char))
    if len(content) >= max(16, size):
        return frozenset(content[i : i + size] for i in range(len(content) - size + 1))
    if not form:
        return frozenset()
    marked = ["^", "^", *form, "$", "$"]
    trigrams: list[object] = [("short", *marked[i : i + 3]) for i in range(len(marked) - 2)]
    own = [("own", form, j) for j in range((len(form) + 2) // 8 + 1)]
    return frozenset(trigrams + own)


def jaccard(a: frozenset[object], b: frozenset[object]) -> float:
    return len(a & b) / len(a | b) if a or b else 0.0


def decided(
    texts: list[str], priorities: list[int] | None = None, threshold: float = 0.8
) -> list[tuple[int, float] | None]:
    """For every text None, or (index of the kept text it duplicates, similarity): all pairs."""
    levels = priorities or [50] * len(texts)
    ranked = sorted(range(len(texts)), key=lambda i: (-levels[i], -len(texts[i]), i))
    fates: list[tuple[int, float] | None] = [None] * len(texts)
    first_of: dict[str, int] = {}
    equal: dict[int, int] = {}
    for i in ranked:
        form = normal(texts[i])
        if form in first_of:
            equal[i] = first_of[form]
        else:
            first_of[form] = i
    sets = [shingle_set(text) for text in texts]
    kept: list[int] = []
    for i in ranked:
        if i in equal:
            continue
        similar = [(jaccard(sets[i], sets[k]), k) for k in kept]
        best = max((s for s, _ in similar), default=0.0)
        if best >= threshold:
            fates[i] = (next(k for s, k in similar if s == best), best)
        else:
            kept.append(i)
    for i, same in equal.items():
        fates[i] = fates[same] or (same, 1.0)
    return fates
