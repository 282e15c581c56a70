"""Finds personal data in a text: what each kind looks like, and what only looks like it.

`found` is the definition; it reads the whole text with regular expressions. The rewrite calls it on
small windows that a compiled look has chosen (`curate.rewrite.privacy_gate`). Everything that
decides about a hit therefore lies within 24 characters before it and 16 behind it, or in the
same unbroken run of ASCII.
"""

from __future__ import annotations

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


_FINDERS: tuple[tuple[Kind, int, str, Callable[[str], Iterator[tuple[int, int]]]], ...] = (
    (Kind.EMAIL, 0, "@＠tT", emails),
    (Kind.IDENTITY, 15, "", identities),
    (Kind.IDENTITY, 9, "证證", taiwan_identities),
    (Kind.CARD, 14, "", cards),
    (Kind.PHONE, 10, "", phones),
    (Kind.LANDLINE, 9, "", landlines),
    (Kind.LANDLINE, 7, "", local_numbers),
    (Kind.HOTLINE, 10, "", hotlines),
    (Kind.PASSPORT, 7, "照证證tT", passports),
    (Kind.PLATE, 0, PROVINCES, plates),
    (Kind.IP, 0, ".:", addresses),
    (Kind.MAC, 0, ":-", macs),
    (Kind.WECHAT, 0, "信微tTxXnNvV", wechats),
    (Kind.QQ, 5, "Qq扣鹅群", qqs),
)
"""In order of precedence: the kind, digits that a number of the text must have (joints aside),
characters of which the text must have one, how the kind is found."""
_DIGITS = pattern(rf"\d(?:(?:[ ().+＋（）]|{DASH}){{0,2}}\d)*")
_IN_URLS = frozenset({Kind.EMAIL, Kind.IP})
"""Kinds that count inside an address of the web too; other numbers there name pages and goods."""


def found(text: str) -> list[Hit]:
    """Every hit in a text, in order, none overlapping another."""
    urls = _urls(text)
    hits: list[Hit] = []
    longest = max((sum(map(str.isdecimal, run)) for run in _DIGITS.findall(text)), default=0)
    for kind, least, characters, finder in _FINDERS:
        if longest < least:
            continue
        if characters and not any(character in text for character in characters):
            continue
        for start, end in finder(text):
            if kind not in _IN_URLS and any(a <= start < b for a, b in urls):
                continue
            if all(end <= hit.start or start >= hit.end for hit in hits):
                hits.append(Hit(start, end, kind))
    return sorted(hits)
