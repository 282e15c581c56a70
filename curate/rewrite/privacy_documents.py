"""Finds identity numbers, bank cards, passports and number plates."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.rewrite.privacy_context import END, JOIN, NUMBER, UNITS, before, glued, pattern, runs_on
from curate.rewrite.privacy_numbers import (
    PROVINCES,
    card_valid,
    digits,
    identity_plausible,
    identity_valid,
    old_identity_valid,
    taiwan_identity_valid,
)

_CARDS = pattern(
    r"卡号|卡號|银行|銀行|账号|帐号|賬號|帳號|账户|帐户|賬戶|帳戶|信用卡|储蓄卡|借记卡|开户|開戶|户名|行卡|打款|汇款|转账"
    r"|[Cc]ard|CARD|[Aa]ccount|[Vv]isa|VISA"
)
_IDENTITIES = pattern(
    r"身份证|身分證|身份證|身分证|证件号|證件號|公民身份|ID ?(?:号|card|no)", re.I
)
_IDENTITY = pattern(
    rf"{NUMBER}[1-9]\d{{5}}({JOIN})(?:18|19|20)\d{{6}}\1\d{{3}}[0-9Xx](?![0-9A-Za-z_])"
)
_OLD_IDENTITY = pattern(rf"{NUMBER}[1-9]\d{{14}}{END}")
_TAIWAN_IDENTITY = pattern(r"(?<![0-9A-Za-z_])[A-Z][1289]\d{8}(?![0-9A-Za-z_])")


def identities(text: str) -> Iterator[tuple[int, int]]:
    for match in _IDENTITY.finditer(text):
        number = digits(match[0])
        if glued(text, match.start()) or not identity_plausible(number):
            continue
        if identity_valid(number) or _IDENTITIES.search(before(text, match.start())):
            yield match.span()
    for match in _OLD_IDENTITY.finditer(text):
        if old_identity_valid(match[0]) and _IDENTITIES.search(before(text, match.start())):
            yield match.span()


def taiwan_identities(text: str) -> Iterator[tuple[int, int]]:
    for match in _TAIWAN_IDENTITY.finditer(text):
        if taiwan_identity_valid(match[0]) and _IDENTITIES.search(before(text, match.start())):
            yield match.span()


_CARD = pattern(
    rf"{NUMBER}(?:[2-6]\d{{3}}([ -])\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{1,3}})?"
    rf"|3\d{{3}}([ -])\d{{6}}\2\d{{4,5}}|[2-6]\d{{13,18}}){END}"
)


def cards(text: str) -> Iterator[tuple[int, int]]:
    for match in _CARD.finditer(text):
        number = digits(match[0])
        start, end = match.span()
        if glued(text, start) or runs_on(text, end):
            continue
        said = _CARDS.search(before(text, start)) is not None
        union = number.startswith("62") and 16 <= len(number) <= 19
        # A mistyped number is still somebody's, where it is called a card's.
        if (said and union) or (card_valid(number) and (said or union or number != match[0])):
            yield start, end


_PASSPORT = pattern(
    r"(?:护照|護照|通行证|通行證|台胞证|臺胞證|[Pp]assport|PASSPORT)"
    r"(?:号码?|號碼?|编号|編號| ?[Nn]o\.?| ?[Nn]umber)?[是为為]?"
    r"[\s:：#.]{0,3}(?P<number>[A-Za-z][A-Za-z]?\d{7,8}|\d{8,9}|[HMhm]\d{8,10})(?![0-9A-Za-z_])"
)
_PLATE = pattern(
    rf"[{PROVINCES}][A-HJ-NP-Za-hj-np-z](?:[ ]?[·•・.‧∙-][ ]?|[ ])?"
    r"(?P<body>[DABCEFGHJK][A-HJ-NP-Z0-9]\d{4}|\d{5}[DABCEFGHJK]|[A-HJ-NP-Z0-9]{5}"
    r"|[A-HJ-NP-Z0-9]{4}[挂学警港澳领使挂學領])(?![0-9A-Za-z_])(?![.,]\d)"
)


def passports(text: str) -> Iterator[tuple[int, int]]:
    for match in _PASSPORT.finditer(text):
        yield match.span("number")


def plates(text: str) -> Iterator[tuple[int, int]]:
    for match in _PLATE.finditer(text):
        numerals = sum(c.isdigit() for c in match["body"])
        if numerals >= 3 and not UNITS.match(text, match.end()):
            yield match.span()
