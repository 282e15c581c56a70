"""HTML that was meant for a browser: entities become characters, tags go, their text stays."""

from __future__ import annotations

import re
from collections.abc import Set
from html.entities import html5
from typing import ClassVar, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.code import MASK, around_code, looks_like_code, settled
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

# The few names that pages often write without the closing semicolon.
_BARE = "nbsp|lt|gt|amp|quot|ldquo|rdquo|lsquo|rsquo|mdash|hellip|middot|bull"
_ENTITY = re.compile(
    rf"&(?:#(\d{{1,7}});|#[xX]([0-9a-fA-F]{{1,6}});|([A-Za-z][A-Za-z0-9]{{1,31}});"
    rf"|({_BARE})(?![A-Za-z0-9;=]))"
)
_BLANKS = {"nbsp", "ensp", "emsp", "thinsp", "numsp", "puncsp", "hairsp", "NonBreakingSpace"}


def _names(joined: str) -> frozenset[str]:
    return frozenset(joined.split())


_BLOCK = _names(
    "address article aside blockquote body br center dd div dl dt fieldset figcaption figure footer"
    " h1 h2 h3 h4 h5 h6 head header hr html li main nav ol p pre section table tbody tfoot thead tr"
    " ul"
)
_INLINE = _names(
    "a abbr acronym b basefont bdo big caption cite code del dfn em embed font i iframe img ins kbd"
    " mark nobr nowiki object param picture q rp rt ruby samp small source span strike strong sub"
    " summary sup svg td th title tt u var video audio details legend link meta col colgroup time"
    " wbr"
)
# Prose that names one of these is about it, and pages seldom keep them once their text is taken.
_CONTROLS = _names("button form input label option select textarea canvas")
# Gone together with what they hold.
_SILENT = {
    name: re.compile(rf"<{name}(?:\s[^<>]*)?>.*?</{name}\s*>", re.DOTALL | re.IGNORECASE)
    for name in ("script", "style", "noscript", "template", "ref")
}
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_CLOSING = re.compile(r"</([A-Za-z][A-Za-z0-9]*)\s*>")

# No text uses these names for anything else. Others count as tags only with a closing tag or an
# attribute, so that <title> as a blank to fill in, and <b> or <i> in mathematics, stay.
_SURE = _names(
    "p br div span font hr li ul ol tr td th tbody thead h1 h2 h3 h4 h5 h6 strong em center"
    " blockquote sub sup nobr dl dt dd nowiki small big"
)
_TAG = re.compile(
    r"(?<![A-Za-z0-9_])<(/?)([A-Za-z][A-Za-z0-9]{0,11})"
    r"((?:\s+(?:\"[^\"<>]*\"|'[^'<>]*'|[^\"'<>])*)?)/?>|(?<=[A-Za-z0-9_])<(/?)"
    r"(p|br|div|span|font|li|td|tr|h[1-6]|strong|em|sup|sub|small|b|i|u|a)"
    r"((?:\s+(?:\"[^\"<>]*\"|'[^'<>]*'|[^\"'<>])*)?)/?>",
    re.IGNORECASE,
)
_KNOWN = re.compile(
    rf"<(?:!|/?(?:{'|'.join(sorted(_BLOCK | _INLINE | _CONTROLS | _SILENT.keys()))})"
    r"(?![A-Za-z0-9]))",
    re.IGNORECASE,
)
_ANY = re.compile(r"</?[A-Za-z]|<!")
_ATTRIBUTE = re.compile(r"\s[A-Za-z][\w:-]*\s*=")

_BREAKING = _names("br sup sub")
_BREAK = "\ue0f0"
_BREAKS = re.compile(rf"\s*{_BREAK}[\s{_BREAK}]*")

_PAGE = re.compile(
    r"<(?:!doctype|html|head|body|script|style|form|input|select|option|button|label|meta|link|template"
    r"|textarea|canvas|svg|\?xml|\?php|root|iframe)\b",
    re.IGNORECASE,
)
_ABOUT_HTML = re.compile(
    r"\bx?html5?\b|\bxml\b|\bcss\b|javascript|标签|\btags?\b|\bjsx\b|\bvue\b|\breact\b"
    r"|超文本|前端|代码|组件|浏览器",
    re.IGNORECASE,
)
# A plain search for these comes first: it is ten times faster than the pattern.
_ABOUT_HTML_WORDS = (
    "html xml css javascript tag jsx vue react 标签 超文本 前端 代码 组件 浏览器".split()
)
_ABOUT_ENTITIES = re.compile(r"实体|转义|escap|entit(?:y|ies)|\bhtml", re.IGNORECASE)
_HTML_WORD = re.compile(r"\bhtml", re.IGNORECASE)
_ESCAPED_TAG = re.compile(r"&lt;[/!]?[A-Za-z]")
_HAN = re.compile("[\u4e00-\u9fff]")

_SUPERSCRIPT = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_SUBSCRIPT = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_RAISED = re.compile(r"<(sup|sub)>([0-9+\-=()]{1,4}|n)</\1>", re.IGNORECASE)


class Markup(Rewrite):
    """HTML entities become characters, block tags a line break; other tags and scripts go.

    Only names that HTML knows are tags: `a < b`, `<3`, `<T>`, `<unk>`, `<s>` and `<x@y.z>` stay.
    """

    name: ClassVar[str] = "markup"
    version: ClassVar[int] = 2
    order: ClassVar[int] = 21
    flags: ClassVar[int] = Flag.MARKUP

    keep_code: bool = True
    """Leave fenced code alone, and the tags of texts that are program or page source or talk
    about markup. With `false` every known tag goes, wherever it stands."""
    tags: Literal["strip", "breaks"] = "strip"
    """`breaks` is for answers, where tags may be what was asked for: a text loses only its <br>,
    <sup> and <sub>, and only where it has no other tag."""

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        flagged = scanned.having(self.flags)
        return self.rewritten_at(batch, flagged[may_hold_markup(batch, flagged)].tolist())

    def rewrite(self, text: str) -> str:
        if not self.keep_code:
            return settled(text, lambda t: _stripped(_decoded(t), _BLOCK | _INLINE | _CONTROLS))
        if self.tags == "breaks":
            return settled(text, lambda t: around_code(t, _breaks_stripped))
        return settled(text, lambda t: around_code(t, _prose_stripped))


def _hash_of(name: str) -> int:
    value = 0
    for char in name:
        value = (value * 131 + ord(char)) & 0xFFFFFFFF
    return value


# Tags, and entities without their semicolon, by hash: a chance hit costs one search more.
_TAG_HASHES, _BARE_HASHES = (
    np.array(sorted(map(_hash_of, names)), np.uint32)
    for names in (_BLOCK | _INLINE | _CONTROLS | _SILENT.keys(), _names(_BARE.replace("|", " ")))
)


@njit(cache=True, nogil=True)
def _may_hold(points, offsets, indices, tags, bare):  # type: ignore[no-untyped-def]
    found = np.zeros(len(indices), np.bool_)
    for k in range(len(indices)):
        end = offsets[indices[k] + 1]
        for i in range(offsets[indices[k]], end - 1):
            c = points[i]
            if c != 60 and c != 38:
                continue
            j = i + 1
            if points[j] == (33 if c == 60 else 35):  # <! or &#
                found[k] = True
                break
            if c == 60 and points[j] == 47:
                j += 1
            name = np.uint32(0)
            begin = j
            while j < end and j - begin < 32:
                letter = points[j]
                if 65 <= letter <= 90 and c == 60:
                    letter |= np.uint32(32)
                if not (48 <= letter <= 57 or 65 <= letter <= 90 or 97 <= letter <= 122):
                    break
                name = np.uint32(name * np.uint32(131) + letter)
                j += 1
            if j == begin:
                continue
            names = tags if c == 60 else bare
            at = np.searchsorted(names, name)
            if (at < len(names) and names[at] == name) or (c == 38 and j < end and points[j] == 59):
                found[k] = True
                break
    return found


def may_hold_markup(batch: TextBatch, indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of the texts at `indices` hold a tag that HTML knows, `<!`, or an entity."""
    return _may_hold(batch.points, batch.offsets, indices, _TAG_HASHES, _BARE_HASHES)


def _prose_stripped(text: str) -> str:
    known = "<" in text and _KNOWN.search(text)
    encoded = "&" in text and _ENTITY.search(text)
    if not (known or encoded):
        return text
    if (known or ("<" in text and _ANY.search(text))) and _is_source(text):
        return text
    if encoded and not _ABOUT_ENTITIES.search(text):
        decoded = settled(text, _decoded)
        if decoded != text and "<" in decoded and _is_source(decoded):
            return decoded
        text = decoded
    # Tags next to fenced code are that code's: <ul v-for=...> before the fence that holds the rest.
    if "<" not in text or MASK in text or not _ANY.search(text) or looks_like_code(text):
        return text
    return _stripped(text)


def _breaks_stripped(text: str) -> str:
    names = {(m[2] or m[5]).lower() for m in _TAG.finditer(text)}
    # Beside tags that stay, &lt; is how the page itself says <.
    if "&" in text and names <= _BREAKING and not _speaks_of_entities(text):
        text = _decoded(text)
        names = {(m[2] or m[5]).lower() for m in _TAG.finditer(text)}
    if not names or not names <= _BREAKING or "<!" in text or looks_like_code(text):
        return text
    return _stripped(text, _BREAKING)


def _speaks_of_entities(text: str) -> bool:
    if not _ABOUT_ENTITIES.search(text):
        return False
    # A page whose tags are entities was escaped whole, also where it speaks of HTML.
    escaped = not _TAG.search(text) and _ESCAPED_TAG.search(text)
    return not (escaped and not _ABOUT_ENTITIES.search(_HTML_WORD.sub("", text)))


def _is_source(text: str) -> bool:
    """Whether the tags are the subject of the text, not left-overs of a page it was cut from."""
    if not _TAG.search(text) and not _PAGE.search(text):
        return False
    lower = text.lower()
    if any(word in lower for word in _ABOUT_HTML_WORDS) and _ABOUT_HTML.search(text):
        return True
    prose = _stripped(text)
    if _HAN.search(prose) and not _PAGE.search(text):
        return False
    return sum(not c.isspace() for c in prose) * 3 < sum(not c.isspace() for c in text)


def _decoded(text: str) -> str:
    return _ENTITY.sub(_character, text)


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name, bare = match.groups()
    if name or bare:
        name = name or bare
        if name in _BLANKS:
            return " "
        return html5.get(f"{name};", match.group())
    code = int(decimal) if decimal else int(hexadecimal, 16)
    if 0x80 <= code < 0xA0:
        # Pages that say &#150; mean Windows-1252, as browsers know.
        return bytes([code]).decode("cp1252", "ignore") or match.group()
    if code == 0xA0:
        return " "
    if (code < 0x20 and code not in (9, 10, 13)) or code == 0x7F:
        return match.group()
    if 0xD800 <= code < 0xE000 or code > 0x10FFFF or code & 0xFFFE == 0xFFFE:
        return match.group()
    return chr(code)


def _stripped(text: str, names: Set[str] = _BLOCK | _INLINE) -> str:
    if "<" not in text or _BREAK in text:
        return text
    text = _emptied(_COMMENT, "", text, text.rfind("-->") + 3)
    text = _emptied(_CDATA, r"\1", text, text.rfind("]]>") + 3)
    for name in sorted({m[1].lower() for m in _CLOSING.finditer(text)} & _SILENT.keys()):
        ends = [m.end() for m in _CLOSING.finditer(text) if m[1].lower() == name]
        text = _emptied(_SILENT[name], "", text, ends[-1])
    text = _RAISED.sub(_raised, text)
    closed = {m[1].lower() for m in _CLOSING.finditer(text)}

    def without(match: re.Match[str]) -> str:
        name = (match[2] or match[5]).lower()
        if name not in names:
            return match.group()
        # After a letter, as in vector<p>, even a sure name of one letter needs its closing tag.
        sure = name in _SURE and not (match[5] and len(name) == 1)
        if not (sure or name in closed or _ATTRIBUTE.match(match[3] or match[6] or "")):
            return match.group()
        if name in _BLOCK:
            return _BREAK
        # Cells stay apart; the closing tag of the one and the opening of the next are one gap.
        return " " if name in ("td", "th") and not (match[1] or match[4]) else ""

    changed = _TAG.sub(without, text)
    if changed == text or _BREAK not in changed:
        return changed
    changed = _BREAKS.sub("\n", changed)
    return changed.strip("\n")


def _emptied(pattern: re.Pattern[str], with_what: str, text: str, end: int) -> str:
    """`pattern.sub` up to `end`, where the last closing mark ends: openings after it match nothing
    and would each be searched for their end through the rest of the text.
    """
    return pattern.sub(with_what, text[:end]) + text[end:] if end > 2 else text


def _raised(match: re.Match[str]) -> str:
    return match[2].translate(_SUPERSCRIPT if match[1].lower() == "sup" else _SUBSCRIPT)
