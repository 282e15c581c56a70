"""Finds e-mail addresses, the addresses of machines, and accounts of messengers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.rewrite.privacy_context import UNITS, before, pattern
from curate.rewrite.privacy_numbers import public_address

_ADDRESSES = pattern(
    r"\bIP|地址|服务器|伺服器|主机|主機|网关|域名|DNS|address|host|server|ping|端口|代理|登录|登錄",
    re.I,
)
_VERSIONS = pattern(
    r"(?:版本?|补丁|升级|固件|内核|驱动|version|\bver|\bv|release|build|player|chrome|firefox|safari"
    r"|driver|flash|rfc)[^，。；]{0,4}$|[第章节图表式§][ ]?$",
    re.I,
)
_LOCAL = r"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,5}(?P<tld>[A-Za-z]{2,18})"
_EMAIL = pattern(
    rf"(?<![A-Za-z0-9._%+-])(?P<local>{_LOCAL})"
    rf"(?:[@＠]|[ ]?[\[(（【][ ]?(?:at|AT|@|＠)[ ]?[\])）】][ ]?)(?P<domain>{_DOMAIN})"
    r"(?![A-Za-z0-9-]*@)"
)
_PROVIDERS = "qq|foxmail|163|126|yeah|139|189|sina|sohu|aliyun|gmail|hotmail|outlook|yahoo"
_SPACED_EMAIL = pattern(
    rf"(?<![A-Za-z0-9._%+-]){_LOCAL} ?[@＠] ?(?:{_PROVIDERS}) ?[.。．] ?(?:com|cn|net)"
    r"(?![A-Za-z0-9])"
)
"""Written with blanks or a Chinese full stop, at the mail services people use."""
_PROGRAMS = frozenset({"git", "hg", "svn"})
"""Users that stand for a program: `git@host` is no mailbox."""
_NOBODY = pattern(
    r"(?:.*\.)?(?:example\.(?:com|net|org)|(?:[^.]+\.)?(?:example|test|invalid|localhost))", re.I
)
"""Domains that RFC 2606 sets aside for examples: nobody has an address there."""
_FILES = frozenset("png jpg jpeg gif webp svg js css html htm php py json xml md".split())
"""Last parts that are extensions, as in `icon@2x.png`."""


def emails(text: str) -> Iterator[tuple[int, int]]:
    for match in _EMAIL.finditer(text):
        if match["tld"].lower() in _FILES or match["local"].lower() in _PROGRAMS:
            continue
        if not _NOBODY.fullmatch(match["domain"]):
            yield match.span()
    for match in _SPACED_EMAIL.finditer(text):
        yield match.span()


_IPV4 = pattern(r"(?<![0-9A-Za-z_.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z_])(?!\.\d)")
_IPV6 = pattern(r"(?<![0-9A-Za-z_:.])(?:[0-9A-Fa-f]{0,4}:){3,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z_:])")
_MAC = pattern(
    r"(?<![0-9A-Za-z_:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}(?![0-9A-Za-z_:-])"
)


def addresses(text: str) -> Iterator[tuple[int, int]]:
    for match in _IPV4.finditer(text):
        parts = match[0].split(".")
        # Numbers of versions and sections look the same, but are small or are called so.
        if any(len(part) > 1 and part[0] == "0" for part in parts) or not public_address(match[0]):
            continue
        said = before(text, match.start())
        if _ADDRESSES.search(said) or (
            max(map(int, parts)) >= 100 and int(parts[0]) >= 20 and not _VERSIONS.search(said)
        ):
            yield match.span()
    for match in _IPV6.finditer(text):
        if public_address(match[0]):
            yield match.span()


def macs(text: str) -> Iterator[tuple[int, int]]:
    for match in _MAC.finditer(text):
        plain = match[0].replace("-", "").replace(":", "").lower()
        lettered = any(c in "abcdef" for c in plain)
        if len(set(plain)) > 2 and (lettered or re.search("MAC", before(text, match.start()))):
            yield match.span()


_WECHAT_WORD = (
    r"(?:微 ?信|薇信|威信|(?<![A-Za-z0-9])(?:[Ww]e[Cc]hat|WECHAT|[Ww]ei[Xx]in|[VvWw][Xx]|[Vv]信))"
)
_WECHAT = pattern(
    rf"(?:(?P<sure>{_WECHAT_WORD}\s?(?:(?:账号|帐号|賬號|帳號|号码|號碼|[Ii][Dd]|号|號|同号|同號)[是为為]?\s?[:：]?|[:：]|是|为|為)"
    rf"|[加+＋](?:微信?|威信|薇信)|[加+＋][Vv][Xx]?(?:[信号號]|(?=[\s:：0-9]))"
    r"|(?<![A-Za-z0-9])[Vv] ?[:：](?= ?[A-Za-z]+[0-9]{3}))|(?P<word>" + _WECHAT_WORD + r"))"
    r"[\s:：]{0,2}(?P<id>[A-Za-z][A-Za-z0-9_-]{5,19}|[1-9]\d{4,10})(?![A-Za-z0-9_@-])"
)
_WORDS = pattern(
    r"(?:wechat|weixin|iphone|android|windows|facebook|twitter|youtube|google|service|pay(?:ment)?|official"
    r"|account|number|group|public|mobile|client|version|boolean|string|object|function|integer"
    r"|undefined|import|require|export|return).*",
    re.I,
)
_QQ = pattern(
    r"(?:(?<![A-Za-z0-9])[Qq] ?[Qq](?![A-Za-z])|扣扣|企鹅号|[Qq][群号號]|加[Qq](?![A-Za-z])"
    r"|联系[Qq]|(?<=群)号[:：])"
    r"(?:群|号码|號碼|号|號|邮箱|交流群|讨论群)?(?:号|號)?[是为為]?[\s:：(（]{0,3}(?P<id>[1-9]\d{4,10})"
    r"(?![A-Za-z0-9_@])(?![.,]\d)"
)


def wechats(text: str) -> Iterator[tuple[int, int]]:
    for match in _WECHAT.finditer(text):
        name = match["id"]
        start, end = match.span("id")
        if text[max(0, match.start() - 2) : match.start()].endswith(("企业", "企業")):
            continue
        if _WORDS.fullmatch(name) or UNITS.match(text, end):
            continue
        if name.isdigit():
            # 微信2017 may be a year or an amount; nobody writes 薇信 or VX for those.
            if match["sure"] or (len(name) >= 7 and match["word"] != "微信"):
                yield start, end
        elif match["sure"] or any(c.isdigit() or c == "_" for c in name):
            yield start, end


def qqs(text: str) -> Iterator[tuple[int, int]]:
    for match in _QQ.finditer(text):
        if not UNITS.match(text, match.end()):
            yield match.span("id")
