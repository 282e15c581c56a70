"""What stands around a number: the parts that patterns of personal data are made of."""

from __future__ import annotations

import re


def pattern(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Compiled, with backslash d for the digits of ASCII alone."""
    return re.compile(pattern.replace(r"\d", "[0-9]"), flags)


DASH = r"[-‐‑–—－]"
JOIN = rf"(?:[ ]|{DASH})?"
NUMBER = r"(?<![0-9_])(?<![0-9]\.)"
"""No digits run into the number from the left, nor is it behind a decimal point."""
END = r"(?![0-9_])(?!\.[0-9])"

UNITS = pattern(
    r"\s?(?:[元万萬亿億倍%％℃]|美元|港元|日元|欧元|人民币|[人名辆件套个箇只亩吨克]|多?[公千]?[米克]"
    r"|k?[mg]\b|股(?!份)|台(?![湾灣北中南])|[Kk]?Hz)"
)
"""What follows an amount and no number of a person."""

CALL = (
    r"电话|電話|手机|手機|热线|熱線|座机|座機|致电|致電|来电|來電|拨打|撥打|传真|傳真|咨询|諮詢|联系|联络|聯繫|聯絡"
    r"|客服|号码|號碼|专线|專線|[Tt]el|TEL|[Pp]hone|PHONE|[Ff]ax|FAX|[Mm]obile|WhatsApp|[Cc]all|☎|📞|📱"
)
CALLING = pattern(CALL)
_GLUED = pattern(
    r"(?:tel|phone|mobile|mob|fax|vx|wx|qq|wechat|weixin|call|sms|id|dial|[tmvp]|telno|number|num|no)$",
    re.I,
)


_FOLLOWED = pattern(r"(?!(?:E-?mail|QQ|Tel|TEL|Fax|FAX)\b)[A-Za-z]|\.[A-Za-z]{2,4}\b", re.I)


def before(text: str, at: int, size: int = 16) -> str:
    return text[max(0, at - size) : at]


def glued(text: str, at: int) -> bool:
    """Whether letters run into a number that are no word for it, as in part numbers."""
    start = at
    while start > 0 and at - start < 12 and text[start - 1].isascii() and text[start - 1].isalpha():
        start -= 1
    return start < at and not _GLUED.search(text[start:at])


def runs_on(text: str, end: int) -> bool:
    """Whether a letter follows at once, or an extension as in `1999.jpg`."""
    return _FOLLOWED.match(text, end) is not None
