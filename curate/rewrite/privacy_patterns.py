"""Finds personal data in a text: what each kind looks like, and what only looks like it.

`found` is the definition; it reads the whole text with regular expressions. The rewrite calls it on
small windows that a compiled look has chosen (`curate.rewrite.privacy_gate`). Everything that
decides about a hit therefore lies within 24 characters before it and 16 behind it, or in the
same unbroken run of ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from curate.rewrite.privacy_accounts import addresses, emails, macs, qqs, wechats
from curate.rewrite.privacy_context import DASH, pattern
from curate.rewrite.privacy_documents import cards, identities, passports, plates, taiwan_identities
from curate.rewrite.privacy_numbers import PROVINCES
from curate.rewrite.privacy_phones import hotlines, landlines, local_numbers, phones


class Kind(StrEnum):
    """Kinds of personal data, in the order in which they are looked for: the first one has it."""

    EMAIL = "email"
    IDENTITY = "identity"
    CARD = "card"
    PHONE = "phone"
    LANDLINE = "landline"
    HOTLINE = "hotline"
    PASSPORT = "passport"
    PLATE = "plate"
    IP = "ip"
    MAC = "mac"
    WECHAT = "wechat"
    QQ = "qq"


class Hit(NamedTuple):
    """Where personal data stands: `text[start:end]`."""

    start: int
    end: int
    kind: Kind


_URL = pattern(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,11}://|\bwww\.|\b10\.\d{4,9}/)[\x21-\x7e]+")
"""Addresses of the web, and DOIs."""


def _urls(text: str) -> list[tuple[int, int]]:
    if "/" not in text and "www." not in text:
        return []
    return [match.span() for match in _URL.finditer(text)]


_TRUNKS = r"(?<![0-9_])0[1-9]|86|85[23]"
_ANYTHING = pattern("")
_FINDERS: tuple[
    tuple[Kind, int, str, re.Pattern[str], Callable[[str], Iterator[tuple[int, int]]]], ...
] = (
    (Kind.EMAIL, 0, "@＠tT", pattern(r"[@＠]|[\[(（【] ?(?:at|AT)"), emails),
    (Kind.IDENTITY, 15, "", _ANYTHING, identities),
    (Kind.IDENTITY, 9, "证證", _ANYTHING, taiwan_identities),
    (Kind.CARD, 14, "", _ANYTHING, cards),
    (Kind.PHONE, 10, "", pattern(rf"(?<![0-9_])(?:0?1[3-9]\d|09\d)|{_TRUNKS}"), phones),
    (Kind.LANDLINE, 9, "", pattern(_TRUNKS), landlines),
    (Kind.LANDLINE, 7, "", pattern(r"(?<!\d)[2-9]\d{2,3}[- ]?\d{4}(?![0-9_])"), local_numbers),
    (Kind.HOTLINE, 10, "", pattern(r"(?<![0-9_])[48]00"), hotlines),
    (Kind.PASSPORT, 7, "照证證tT", pattern(r"[照证證]|[Pp]assport|PASSPORT"), passports),
    (Kind.PLATE, 0, PROVINCES, _ANYTHING, plates),
    (
        Kind.IP,
        0,
        ".:",
        pattern(r"\d\.\d{1,3}\.\d{1,3}\.\d|:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"),
        addresses,
    ),
    (Kind.MAC, 0, ":-", pattern(r"[:-][0-9A-Fa-f]{2}[:-]"), macs),
    (
        Kind.WECHAT,
        0,
        "信微tTxXnNvV",
        pattern(r"[信微]|[Ww]e[Cc]hat|WECHAT|[Ww]ei[Xx]in|[VvWw][Xx]|[加+＋][Vv]|[Vv] ?[:：]"),
        wechats,
    ),
    (Kind.QQ, 5, "Qq扣鹅群", _ANYTHING, qqs),
)
"""In order of precedence: the kind, digits that a number of the text must have (joints aside),
characters of which the text must have one, what else must be found in it, how the kind is found."""
_DIGITS = pattern(rf"\d(?:(?:[ ().+＋（）]|{DASH}){{0,2}}\d)*")
_IN_URLS = frozenset({Kind.EMAIL, Kind.IP})
"""Kinds that count inside an address of the web too; other numbers there name pages and goods."""


def found(text: str) -> list[Hit]:
    """Every hit in a text, in order, none overlapping another."""
    urls = _urls(text)
    hits: list[Hit] = []
    longest = max((sum(map(str.isdecimal, run)) for run in _DIGITS.findall(text)), default=0)
    for kind, least, characters, needed, finder in _FINDERS:
        if longest < least:
            continue
        if characters and not any(character in text for character in characters):
            continue
        if not needed.search(text):
            continue
        for start, end in finder(text):
            if kind not in _IN_URLS and any(a <= start < b for a, b in urls):
                continue
            if all(end <= hit.start or start >= hit.end for hit in hits):
                hits.append(Hit(start, end, kind))
    return sorted(hits)
