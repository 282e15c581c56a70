"""Which numbers are possible: numbering plans, check digits and issuers.

Sources: GB 11643-1999 (identity numbers) and GB/T 2260 (regions), MIIT's numbering plan for the
mainland, NCC's for Taiwan, OFCA's for Hong Kong, ISO/IEC 7812 (card numbers), GA 36-2018 (plates).
"""

from __future__ import annotations

import datetime
import ipaddress
import re

MOBILE = r"1(?:3\d|4[5-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])"
"""First three digits of mainland mobile numbers in use."""

AREA_CODE = (
    r"0(?:10|2[0-57-9]|3(?:1\d|35|49|5\d|7\d|9[1-8])|4(?:1[1-9]|2[1279]|3\d|5\d|6[4789]|7\d|8[23])"
    r"|5(?:1\d|2[37]|3\d|4[36]|5\d|6[1-6]|7\d|80|9[1-9])|6(?:3[1-5]|6[0238]|9[12])"
    r"|7(?:01|1\d|2[248]|3\d|4[3-6]|5\d|6[023689]|7\d|9\d)"
    r"|8(?:1[23678]|2[5-7]|3\d|4[0-9]|5\d|7\d|8[3678]|9\d)"
    r"|9(?:0[1236789]|1\d|3\d|4[13]|5[1-5]|7\d|9\d))"
)
"""Area codes of the mainland with their leading 0."""

_REGIONS = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83 91".split()
)
"""First two digits of an identity number: provinces, Taiwan 71 and 83, Hong Kong 81, Macau 82, and
91 for foreigners."""

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"

_CARD_LENGTHS = (
    (re.compile(r"62"), (16, 17, 18, 19)),  # UnionPay
    (re.compile(r"4"), (16,)),  # Visa
    (re.compile(r"5[1-5]|2(?:2(?:2[1-9]|[3-9])|[3-6]|7(?:[01]|20))"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"35(?:2[89]|[3-8])"), (16,)),  # JCB
    (re.compile(r"3(?:0[0-5]|[68])"), (14,)),  # Diners Club
)

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼滬雲遼魯蘇贛陝閩貴粵寧瓊"
"""What a number plate begins with; the traditional forms too."""


def digits(text: str) -> str:
    """The digits (and a final X) of a number written with separators."""
    return "".join(c for c in text if c.isdigit() or c in "Xx").upper()


def luhn_valid(number: str) -> bool:
    """Whether the digits satisfy the Luhn formula (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, char in enumerate(reversed(number)):
        value = int(char)
        if i % 2:
            value = value * 2 - 9 * (value > 4)
        total += value
    return total % 10 == 0


def card_valid(number: str) -> bool:
    """Whether a bank card could have this number: issuer, length, Luhn, not one repeated digit."""
    if len(set(number)) < 2:
        return False
    return any(
        len(number) in lengths and issuer.match(number) for issuer, lengths in _CARD_LENGTHS
    ) and luhn_valid(number)


def identity_check(number: str) -> str:
    """The check character of the first 17 digits (GB 11643: ISO 7064 MOD 11-2)."""
    total = sum(w * int(d) for w, d in zip(_WEIGHTS, number[:17], strict=True))
    return _CHECKS[total % 11]


def birth_date_valid(text: str) -> bool:
    """Whether YYYYMMDD is a day between 1890 and 2039."""
    if not 1890 <= int(text[:4]) <= 2039:
        return False
    try:
        datetime.date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def identity_plausible(number: str) -> bool:
    """Whether 18 characters have the region and birth date of an identity number."""
    return number[:2] in _REGIONS and birth_date_valid(number[6:14])


def identity_valid(number: str) -> bool:
    """Whether 18 characters are a resident identity number with the right check character."""
    return identity_plausible(number) and identity_check(number) == number[17].upper()


def old_identity_valid(number: str) -> bool:
    """Whether 15 digits could be an identity number of before 1999, born in the 20th century."""
    return number[:2] in _REGIONS and birth_date_valid("19" + number[6:12])


def taiwan_identity_valid(number: str) -> bool:
    """Whether a letter and 9 digits are a Taiwanese identity number: region, sex, check digit."""
    region = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0])
    values = [region // 10, region % 10, *map(int, number[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    return sum(w * v for w, v in zip(weights, values, strict=True)) % 10 == 0


def public_address(text: str) -> bool:
    """Whether an IPv4 or IPv6 address belongs to somebody: not private, reserved or loopback."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast
