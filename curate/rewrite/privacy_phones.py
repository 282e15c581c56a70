"""Finds telephone numbers: mobile ones, fixed lines, and the 400 and 800 numbers of companies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.rewrite.privacy_context import (
    CALL,
    CALLING,
    DASH,
    END,
    JOIN,
    NUMBER,
    UNITS,
    before,
    glued,
    pattern,
    runs_on,
)
from curate.rewrite.privacy_numbers import AREA_CODE, MOBILE, digits

_CHINA = rf"(?:[(（]?(?:\+|＋|00)?86[)）]?{JOIN})?"
_PHONE = pattern(
    rf"{NUMBER}{_CHINA}0?(?:{MOBILE}(?:\d{{8}}|({DASH})\d{{4}}\1\d{{4}}| \d{{4}} \d{{4}})"
    rf"|(?P<odd>(?={MOBILE})(?:\d{{4}}([- ])\d{{3}}\3\d{{4}}|\d{{3}}([- ])\d{{3}}\4\d{{5}}"
    rf"|\d{{4}}([- ])\d{{4}}\5\d{{3}}|\d{{5}}([- ])\d{{6}}))){END}"
)
_TAIWAN_PHONE = pattern(
    rf"{NUMBER}(?:[(（]?(?:\+|＋|00)?886[)）]?{JOIN}[(（]?0?[)）]?|0)9\d{{2}}({JOIN})\d{{3}}\1\d{{3}}{END}"
)
_ABROAD = pattern(
    rf"{NUMBER}[(（]?(?P<plus>\+|＋|00)?(?P<code>852|853)[)）]?(?P<join>{JOIN})"
    rf"(?P<first>[2-9])\d{{3}}{JOIN}\d{{4}}{END}"
)
_LANDLINE = pattern(
    rf"{NUMBER}(?:[(（]?(?:\+|＋|00)?86[)）]?{JOIN}"
    rf"[(（]?(?:{AREA_CODE}|{AREA_CODE.replace('0', '', 1)})[)）]?{JOIN}"
    rf"|[(（]{AREA_CODE}[)）] ?{DASH}?|{AREA_CODE}(?:{DASH}| {{1,2}}{DASH}? ?|(?P<bare>)))"
    rf"(?P<local>[2-9]\d{{2,3}}[- ]?\d{{4}})(?:{DASH}\d{{1,6}}(?!\d)|[转轉]\d{{1,6}})?"
    r"(?![0-9_])(?!\.\d)"
)
_TAIWAN_LANDLINE = pattern(
    rf"{NUMBER}(?:[(（]?(?:\+|＋|00)886[)）]?{JOIN}[(（]?0?[)）]?[2-8]\d?{JOIN}|886-[2-8]\d?-"
    rf"|[(（]0[2-8]\d?[)）] ?|0[2-8]{DASH})"
    rf"\d{{3,4}}{JOIN}\d{{4}}{END}"
)
_LOCAL_NUMBER = pattern(
    rf"(?:{CALL})(?:号码|號碼|号|號)?[是为為]?[\s:：.．]{{0,3}}"
    rf"(?P<number>[2-9]\d{{2,3}}(?:-| )?\d{{4}}){END}"
)
_HOTLINE = pattern(
    rf"{NUMBER}(?:[48]00([- ])\d{{3}}\1\d{{4}}|[48]00[- ]\d{{4}}[- ]?\d{{3}}"
    rf"|[48]00[- ]?\d{{3}}[- ]?\d{{2}}[- ]?\d{{2}}|[48]00[- ]\d{{7}}){END}"
)


def _is_telephone(text: str, start: int, end: int) -> bool:
    return not (glued(text, start) or runs_on(text, end) or UNITS.match(text, end))


def _called(text: str, at: int) -> bool:
    return CALLING.search(before(text, at)) is not None


def _in_a_row(text: str, start: int, end: int) -> bool:
    """Whether other numbers stand right beside this one."""
    return (
        text[max(0, start - 2) : start].strip()[-1:].isdigit()
        or text[end : end + 2].strip()[:1].isdigit()
    )


def phones(text: str) -> Iterator[tuple[int, int]]:
    for match in _PHONE.finditer(text):
        start, end = match.span()
        if not _is_telephone(text, start, end):
            continue
        # Groups of other lengths, or numbers on either side, may be a table's.
        odd = match["odd"] is not None or (" " in match[0] and _in_a_row(text, start, end))
        if not odd or "86" in match[0][:5] or _called(text, start):
            yield start, end
    for match in _TAIWAN_PHONE.finditer(text):
        start, end = match.span()
        written = not match[0].isdigit()
        if _is_telephone(text, start, end) and (written or _called(text, start)):
            yield start, end
    for match in _ABROAD.finditer(text):
        if match["first"] not in "23" and _abroad(text, match):
            yield match.span()


def _abroad(text: str, match: re.Match[str]) -> bool:
    start, end = match.span()
    sure = match["plus"] or match["join"] or match[0][0] in "(（" or _called(text, start)
    return bool(sure) and _is_telephone(text, start, end)


def landlines(text: str) -> Iterator[tuple[int, int]]:
    for match in _LANDLINE.finditer(text):
        start, end = match.span()
        if _is_telephone(text, start, end) and (match["bare"] is None or _called(text, start)):
            yield start, end
    for match in _TAIWAN_LANDLINE.finditer(text):
        if _is_telephone(text, *match.span()):
            yield match.span()
    for match in _ABROAD.finditer(text):
        if match["first"] in "23" and _abroad(text, match):
            yield match.span()


def local_numbers(text: str) -> Iterator[tuple[int, int]]:
    for match in _LOCAL_NUMBER.finditer(text):
        start, end = match.span("number")
        if not (runs_on(text, end) or UNITS.match(text, end)):
            yield start, end


def hotlines(text: str) -> Iterator[tuple[int, int]]:
    for match in _HOTLINE.finditer(text):
        start, end = match.span()
        if not _is_telephone(text, start, end):
            continue
        hyphened = "-" in match[0] and digits(match[0])[3:6] != "000" and match[0][-2:] != "00"
        if hyphened or _called(text, start):
            yield start, end
