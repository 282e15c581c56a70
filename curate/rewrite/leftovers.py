"""What stripping a wiki or a web page left behind: empty brackets, edit links, navigation lines.

Empty brackets are the common case: a template that gave a foreign name was dropped and its
brackets stayed, as in `高德纳（，），`. The blank of an exam question, `正确的是（ ）`, looks alike
and is content.
"""

from __future__ import annotations

import re
from functools import cache
from typing import ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code, looks_like_code, settled
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

_SEP = "，、；;,：:"
_HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_CJK = _HAN + "，。、；：？！）》」』】〉”’…—·〕"

# A question with choices, or a line of a form, whose empty brackets are there to be filled in.
_CHOICES = re.compile(r"A\s*[.．、：:].{1,300}?B\s*[.．、：:].{1,300}?C\s*[.．、：:]", re.DOTALL)
_BLANKS_TO_FILL = re.compile(
    r"下列|依次填|填入|填写|填空|选择题|判断题|单选|多选|正确的是|错误的是|不正确|不属于|不包括|打[√✓勾]|_{3}"
    r"|[是为有于在指了将与和把叫作做称被应以按及的到].?[（(]\s*[）)]\s*(?:[。.？?，,]|$)"
    r"|[（(][\s\u3000]{2,}[）)]|A\s*[.．、：:].+B\s*[.．、：:]"
)
_ABOUT_BRACKETS = re.compile("括号|引号|书名号|标点|符号|函数|方框|方括")

# （，音译：唐纳德，） -> （音译：唐纳德）; labels without a value: （学名：）, （德语：；法语：X）.
_LABEL = (
    rf"(?:[{_HAN}]{{1,5}}[语語文]|学名|學名|英文名|外文名|原名|本名|罗马字|羅馬字|汉字表记"
    "|漢字表記|拼音|音译|缩写|简称)"
)
_LEADING = re.compile(rf"(?<=（)[ \u3000]*[，、；：][\s{_SEP}]*(?=[{_HAN}A-Za-z0-9“「《\"])")
_TRAILING = re.compile(rf"(?<=[{_HAN}A-Za-z0-9”」》\".])[ \u3000]*[，、；][\s{_SEP}]*(?=）)")
_VOID_LABEL = re.compile(rf"(?<=[（(，；、,;])[ ]?{_LABEL}[：:](?:[，；、,;][ ]?|(?=[）)]))")

# Left-overs follow a name; blanks to fill end a sentence; ASCII brackets may be a call or a riddle.
_NAME_END = f"{_HAN}》」』”】〉）"
_EMPTY_ROUND = re.compile(
    rf"(?<=[{_NAME_END}A-Za-z])[ \u3000]?(?:"
    rf"（[{_SEP}][\s{_SEP}]*[）)]|(?<=[{_HAN}》」])\([{_SEP}][\s{_SEP}]*[）)]"
    rf"|(?<=[{_NAME_END}])(?:（[）)]|[（(]）)"
    r"(?=[ \u3000]?[^\s：:;；①-⑳A-Za-z0-9_.({内里中号內裡號])"
    rf"|(?<=[{_NAME_END}])(?<![个写打种用])\(\)(?=\s?[是为，、；）]))[ \u3000]*"
)
_EMPTY_AFTER_NAME = re.compile(r"(?<![\w.])([A-Z][A-Za-z]*)[ ]?（[\s，、；]*）(?=[ ]?[是为，。])")
_CALLED = re.compile("(?:函数|方法|数组|列表|语句|命令|过程|括号|号|符)$")
_EMPTY_QUOTES = re.compile(
    rf"(?:^【[\s{_SEP}]*】(?![内里中內裡])|(?<=[{_CJK}])(?:【[\s{_SEP}]*】(?![内里中內裡])|《[\s{_SEP}]*》|〈\s*〉|「[\s{_SEP}]*」"
    rf"|『\s*』|〔\s*〕|(?<=[{_HAN}])(?<![用以为是即个])“\s*”(?=[{_HAN}])"
    rf"|(?<=[{_HAN}])\[\s*\](?=[{_HAN}，。])))(?![号號])",
    re.MULTILINE,
)
# Where it finds nothing none of the patterns above can match: most texts cost one search.
_HOLLOW = re.compile(
    rf"[（(\[【《「『〈〔“][\s{_SEP}]*[）)\]】》」』〉〕”]|[（(][ \u3000]*[，、；：]"
    rf"|[，、；：:][\s{_SEP}]*[）)]|[：:][ ]?[，；、,;]"
)

_EDIT_LINK = re.compile(
    r"\[\s*(?:编辑|編輯|编辑本段|編輯本段|编辑源代码|編輯原始碼|查看源代码"
    r"|编辑(?:源代码)?\s*\|\s*(?:查看)?(?:编辑)?源代码|編輯\s*\|\s*(?:查看|檢視)?(?:原始碼|源代碼)"
    r"|来源请求|來源請求|原创研究？?|原創研究？?|需要引用|哪个？|誰？|谁？|何时？|何時？|锚点失效|失效連結"
    r"|永久失效連結|查证请求|citation needed|edit)\s*\]"
)
_NUMBERED = re.compile(
    rf"(?<=[{_CJK}])(?:\[(?:注|註)?\s?(\d{{1,3}})\])+(?=[\s{_CJK}（(《「“]|$)(?!\s*[=<>])"
)
_NOTES = re.compile(r"注释|注解|注[：:]")
_CITED = re.compile("(?:文献|参考|见|式|图|表|公式|方程|参见|资料|条|例|第|引自|书目)$")

_CONVERSION = re.compile(r"-\{([^{}]*)\}-")
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_FORMULA = re.compile(r"[\\^_$=]")
_SIMPLIFIED = ("zh-hans", "zh-cn", "zh-sg", "zh-my", "zh")
_LINK = re.compile(r"\[\[([^\[\]|\n]{1,80})(?:\|([^\[\]\n]{0,80}))?\]\]")
# [[name]] alone may be a blank in a form letter; with one of these the text is a wiki's.
_WIKI_SOURCE = re.compile(
    r"\[\[[^\[\]\n|]+\||'''|\{\{[^{}]*\|[^{}]*\}\}|^==+[^=\n]+==+", re.MULTILINE
)
_LINK_TARGET = re.compile(rf"[{_HAN}A-Za-z][^,\"'=<>{{}}]*$")
_FILE = re.compile(r"(?:file|image|category|文件|檔案|图像|圖像|分类|分類):", re.IGNORECASE)
_TEMPLATE = re.compile(
    rf"\{{\{{\s*(?:[{_HAN}]{{2,12}}|cite[ a-z]*|lang(?:-[a-z]+)?|fact|cn|main|see also|reflist"
    r"|refn?|link-[a-z]{2}|le|coord|flag(?:icon)?|efn|sfn|notelist|portal|commons(?:cat)?|unreferenced"
    r"|dead link|in lang|ipa[a-z-]*)\s*(?:\|[^{}]*)?\}\}",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^(={2,6})[ \t]*([^=\n]{1,60}?)[ \t]*\1[ \t]*$", re.MULTILINE)

_NAME = rf"[{_HAN}]{{2,4}}"
_SITES = (
    "微信好友|微信|新浪微博|腾讯微博|微博|QQ空间|QQ好友|QQ|朋友圈|人人网|豆瓣|百度贴吧|更多"
    "|复制链接|Facebook|Twitter"
)
_BUTTONS = (
    "打印本页|打印此页|打印本文|我要打印|关闭窗口|关闭本页|关闭此页|收藏本页|加入收藏|设为首页"
    "|返回顶部|返回首页|返回列表|返回目录|上一篇|下一篇|上一页|下一页|上一章|下一章|回到顶部"
    "|查看更多|加载更多|点击加载更多|尾页|末页"
)
_OPEN, _CLOSE = r"[（(【\[]", r"[)）】\]]"
_NAVIGATION = re.compile(
    rf"""^[ \t\u3000]*(?:
      [【\[]?[上下]一[篇条页][】\]]?\s*[：:]\s*[^\n]{{0,120}}
    | (?:{_BUTTONS}|首页)(?:[\s|｜/【】\[\]>»·]+(?:{_BUTTONS}|首页))+
    | [【\[]?(?!返回列表)(?:{_BUTTONS})[】\]]?
    | (?:(?:您|你)?(?:当前|现在|所在|目前)?(?:的|所在)?位置(?:是)?\s*[：:]\s*)?
      (?:网站)?(?:首页|主页)\s*(?:[>»›→]+|-+>)[^。！？\n]{{0,80}}
    | {_OPEN}?\s*(?:点击)?(?:阅读|查看|展开|显示)(?:全文|更多|原文|详情|全部)
      \s*[>»›….]*\s*{_CLOSE}?
    | 点击(?:此处|这里|下方|上方|图片|链接|左下角|右上角)?(?:查看|阅读|进入|下载|放大)
      [^。！？，：:\n]{{0,16}}[>»›]*
    | {_OPEN}?\s*(?:责任|网络|值班|本文|实习|见习|新媒体|稿件|当班)编辑\s*[：:]
      \s*[^。！？，\n]{{0,30}}
    | {_OPEN}?\s*责编\s*[：:]\s*[^。！？，\n]{{0,30}}
    | {_OPEN}?\s*编辑\s*[：:]\s*[{_HAN}]{{2,3}}{_CLOSE}?
    | {_OPEN}\s*编辑\s*[：:]\s*{_NAME}(?:[\s、]{_NAME})*\s*{_CLOSE}
    | {_OPEN}?\s*(?:本文|文章|新闻|信息|稿件|稿源)来源\s*[：:]\s*[^。！？，\n]{{0,40}}
    | 分享(?:到|至)\s*[：:]?\s*(?:(?:{_SITES})[\s|、/]*)*
    | 版权所有(?![者人权方])[^。！？\n]{{0,60}}
    | (?:©(?=[ 0-9Cc版])|[Cc]opyright\b|COPYRIGHT\b)[^。！？\n]{{0,60}}
      (?:版权所有|[Rr]ights\ [Rr]eserved|\d{{4}})[^。！？\n]{{0,60}}
    | [^。！？\n]{{0,60}}[{_HAN}]ICP[备证]\s?\d{{5,}}号[^。！？\n]{{0,60}}
    )[ \t\u3000]*$""",
    re.VERBOSE,
)


class Leftovers(Rewrite):
    """Empty brackets, wiki marks and navigation lines go; `-{zh-hans:…;zh-hant:…}-` is resolved."""

    name: ClassVar[str] = "leftovers"
    order: ClassVar[int] = 50

    brackets: bool = True
    """Remove brackets and quotation marks with nothing, or only separators, between them."""
    wiki: bool = True
    """Remove edit links, reference marks and templates; resolve links, headings and variants."""
    navigation: bool = True
    """Remove lines that hold nothing but navigation, an editor's name or a copyright notice."""

    def rewrite(self, text: str) -> str:
        return settled(text, lambda t: around_code(t, self._once))

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        wanted = suspects(batch)
        _holds_empty(
            batch.points,
            batch.offsets,
            scanned.having(Flag.EMPTY_BRACKETS),
            _triggers()[2],
            wanted,
        )
        return self.rewritten_at(batch, np.flatnonzero(wanted).tolist())

    def _once(self, text: str) -> str:
        if self.wiki:
            text = _without_wiki(text)
        if self.brackets:
            text = _without_empty_brackets(text)
        if self.navigation:
            text = _without_navigation(text)
        return text


def _without_wiki(text: str) -> str:
    if "-{" in text:
        text = _CONVERSION.sub(_variant, text)
    if "[" in text:
        text = _EDIT_LINK.sub("", text)
        if "[1]" in text or "[注" in text or "[註" in text:
            text = _without_reference_marks(text)
    if ("[[" in text or "{{" in text) and not looks_like_code(text):
        if _WIKI_SOURCE.search(text):
            text = _LINK.sub(_linked, text)
        text = _TEMPLATE.sub("", text)
    if "==" in text:
        text = _HEADING.sub(r"\2", text)
    return text


def _variant(match: re.Match[str]) -> str:
    flag, bar, rule = match[1].partition("|")
    if not bar:
        flag, rule = "", match[1]
    if flag.strip() in ("H", "T", "-"):
        return ""
    forms: dict[str, str] = {}
    for part in rule.split(";"):
        code, colon, form = part.partition(":")
        if colon and code.strip().startswith("zh"):
            forms[code.strip()] = form.strip()
    if not forms:
        # 10^{-{n}-1} is no wiki's.
        plain = not rule or len(rule) > 2 or _HAN_CHARACTER.match(rule)
        return rule if plain and not _FORMULA.search(rule) else match.group()
    return next((forms[code] for code in _SIMPLIFIED if code in forms), next(iter(forms.values())))


def _linked(match: re.Match[str]) -> str:
    target, label = match.groups()
    if not _LINK_TARGET.match(target):
        return match.group()
    return "" if _FILE.match(target) else (label or target)


def _without_reference_marks(text: str) -> str:
    found = [
        m
        for m in _NUMBERED.finditer(text)
        if not _CITED.search(text[max(0, m.start() - 3) : m.start()])
    ]
    numbers = {m[1] for m in found}
    if "1" not in numbers or "0" in numbers or len(numbers) < 2:
        return text
    if _NOTES.search(text) or looks_like_code(text):
        return text
    pieces: list[str] = []
    start = 0
    for match in found:
        pieces.append(text[start : match.start()])
        start = match.end()
    return "".join(pieces) + text[start:]


def _without_empty_brackets(text: str) -> str:
    if not _HOLLOW.search(text):
        return text
    filled = "\n".join(_filled_line(line) for line in text.split("\n"))
    if filled == text or _CHOICES.search(text) or looks_like_code(text):
        return text
    return filled


def _filled_line(line: str) -> str:
    if not _HOLLOW.search(line) or _BLANKS_TO_FILL.search(line) or _ABOUT_BRACKETS.search(line):
        return line
    line = _VOID_LABEL.sub("", line)
    line = _LEADING.sub("", line)
    line = _TRAILING.sub("", line)

    def gone(match: re.Match[str]) -> str:
        before = line[max(0, match.start() - 3) : match.start()]
        return match.group() if _CALLED.search(before) else ""

    line = _EMPTY_ROUND.sub(gone, line)
    line = _EMPTY_AFTER_NAME.sub(r"\1", line)
    return _EMPTY_QUOTES.sub("", line)


def _without_navigation(text: str) -> str:
    if "\n" not in text:
        # A text of one line is its own content; whether it is worth keeping is for limits.
        return text
    lines = text.split("\n")
    kept = [line for line in lines if not (_may_navigate(line) and _NAVIGATION.match(line))]
    if len(kept) == len(lines) or not any(line.strip() for line in kept):
        return text
    return "\n".join(kept)


_OPENING = " \t\u3000（(【["
# The first two characters of every line that _NAVIGATION can match, opening brackets aside; the
# others hold © or "ICP".
_FIRST_TWO = (
    "上一 下一 打印 我要 关闭 收藏 加入 设为 返回 回到 查看 加载 点击 尾页 末页 首页 主页 网站"
    " 您当 您现 您所 您目 您的 您位 你当 你现 你所 你目 你的 你位 当前 现在 所在 目前 的位 的所"
    " 位置 阅读 展开 显示 责任 网络 值班 本文 实习 见习 新媒 稿件 当班 责编 编辑 文章 新闻 信息"
    " 稿源 分享"
    " 版权 Co co CO"
)
_AFTER_COPYRIGHT = " 0123456789Cc版"
_STARTS = frozenset(_FIRST_TWO.split(" "))


def _may_navigate(line: str) -> bool:
    bare = line.lstrip(_OPENING)
    return bare[:2] in _STARTS or bare[:1] == "©" or "ICP" in line


# What may come third, where that is known; see _NAVIGATION.
_THIRD = {
    "篇条页章": "上一 下一",
    "本此": "打印",
    "窗本此": "关闭",
    "顶首列目": "返回",
    "更全原详": "查看 阅读 展开 显示",
    "加此这下上图链左右查阅进放展显": "点击",
    "首主": "网站",
    "前": "您当 您目 你当 你目",
    "在": "您现 您所 你现 你所 的所",
    "的所位": "当前 现在 所在 目前",
    "编来": "本文 稿件",
    "编": "责任 网络 值班 实习 见习 当班",
    "来": "文章 新闻 信息 稿源",
    "到至": "分享",
    "位": "您的 你的",
    "打": "我要",
    "本": "收藏",
    "收": "加入",
    "首": "设为",
    "顶": "回到",
    "更": "加载",
    "置": "您位 你位 的位",
    "体": "新媒",
    "所": "版权",
    "p": "co Co",
    "P": "CO",
    "：:" + "".join(c for c in map(chr, range(0x3001)) if c.isspace()): "编辑",
}
_ANY = 0

# What follows the bracket of an edit link, a reference mark or a wiki's link.
_AFTER_BRACKET = "编編查来來需原哪誰谁何锚失永ce注註1[ \t\n\r\x0b\x0c\u3000\xa0"

_MAY_PRECEDE, _BLANK, _SEPARATOR, _EDIT, _CLOSING, _OPENS = (1 << i for i in range(4, 10))
"""Bits of the table that `_triggers` makes, besides the lowest four."""


def _triple(first: int, second: int, third: int) -> int:
    return (first << 42) | (second << 21) | third


@cache
def _triggers() -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint16]]:
    """What calls for a look: pairs of characters anywhere, triples at a line's start, and a table
    of the characters that come first (bits 1 and 2) and second (bits 4 and 8) in them, that may
    stand before a line's first word (16), that are blanks (32), separators (64), follow the
    bracket of an edit link (128), close (256) or open (512).
    """
    anywhere = ["“”", "（)", "(）", "-{", "{{", "==", "CP"]
    anywhere += [a + b for a in "（(" for b in _SEP + " \u3000"]
    anywhere += [a + b for a in _SEP + " \u3000" for b in "）)"]
    anywhere += [a + b for a in "：:" for b in "，；、,;"]
    anywhere += [f"[{b}" for b in _AFTER_BRACKET]
    # The notices that begin with © go on with one of these.
    starts = [*sorted(_STARTS), *(f"©{c}" for c in _AFTER_COPYRIGHT)]
    marks = np.zeros(0x10000, np.uint16)
    for bit, group in ((1, anywhere), (2, starts)):
        for pair in group:
            marks[ord(pair[0])] |= bit
            marks[ord(pair[1])] |= bit << 2
    for bit, chars in (
        (_MAY_PRECEDE, _OPENING),
        (_BLANK, "".join(c for c in map(chr, range(0x3001)) if c.isspace())),
        (_SEPARATOR, _SEP),
        (_EDIT, "编編查来來需原哪誰谁何锚失永"),
        (_CLOSING, "）)]】》」』〉〕”"),
        (_OPENS, "（(【[《〈「『〔"),
    ):
        for char in chars:
            marks[ord(char)] |= bit
    thirds = {pair: third for third, pairs in _THIRD.items() for pair in pairs.split(" ")}
    triples = [
        _triple(ord(pair[0]), ord(pair[1]), ord(third))
        for pair in starts
        for third in thirds.get(pair, chr(_ANY))
    ]
    pairs = sorted({_triple(ord(pair[0]), ord(pair[1]), _ANY) for pair in anywhere})
    return np.array(pairs, np.uint64), np.array(sorted(set(triples)), np.uint64), marks


@njit(cache=True, nogil=True)
def _holds(codes, code):  # type: ignore[no-untyped-def]
    at = np.searchsorted(codes, code)
    return at < len(codes) and codes[at] == code


@njit(cache=True, nogil=True, inline="always")
def _mark(points, i, marks):  # type: ignore[no-untyped-def]
    return marks[points[i]] if points[i] < 0x10000 else np.uint16(0)


@njit(cache=True, nogil=True)
def _before(points, i, start):  # type: ignore[no-untyped-def]
    """The character before `i`, one blank aside; 10 at the text's start."""
    j = i - 1
    if j >= start and (points[j] == 0x20 or points[j] == 0x3000):
        j -= 1
    return points[j] if j >= start else np.uint32(10)


@njit(cache=True, nogil=True)
def _is_empty(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether the bracket that opens at `i` closes with nothing but blanks and separators in it,
    where one of the patterns may take it off.

    The blank to fill in, （ ） or ( ), is the commonest: only behind a word in Latin letters does
    anything take off full-width ones, and ASCII ones never.
    """
    j = i + 1
    while j < end and _mark(points, j, marks) & (_BLANK | _SEPARATOR):
        j += 1
    if j == end or not _mark(points, j, marks) & _CLOSING:
        return False
    before = _before(points, i, start)
    blank = _mark(points, i + 1, marks) & _BLANK != 0
    c = points[i]
    if c == 0x28:  # (
        return not blank and (before >= 0x3007 or before == 0x201D)
    if c == 0x5B:  # [
        return before >= 0x3007
    if c == 0xFF08:  # （
        return not blank or 0x41 <= before <= 0x7A
    return True


@njit(cache=True, nogil=True)
def _hollow(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether the pair that ends at `i` can be the first or the last of a bracket with nothing, or
    only separators, at one of its ends; or a label's colon with nothing behind it.
    """
    a, c = points[i - 1], points[i]
    if a == 0xFF08 or a == 0x28:  # （(
        if _is_empty(points, i - 1, start, end, marks):
            return True
        while a == 0xFF08 and i < end and _mark(points, i, marks) & _BLANK:
            i += 1
        return a == 0xFF08 and i < end and _mark(points, i, marks) & _SEPARATOR != 0
    if c == 0xFF09 or c == 0x29:  # ）)
        colon = a == 0x3A or a == 0xFF1A
        if colon and i - 2 >= start and points[i - 2] >= 0x3007:
            return True
        j = i - 1
        while j >= start and _mark(points, j, marks) & _BLANK:
            j -= 1
        return c == 0xFF09 and j >= start and _mark(points, j, marks) & _SEPARATOR != 0
    # ：，
    return i - 2 >= start and points[i - 2] >= 0x3007


@njit(cache=True, nogil=True)
def _bracketed(points, i, end, marks):  # type: ignore[no-untyped-def]
    """Whether `[` before `i` may begin an edit link, a reference mark or a wiki's link."""
    c = points[i]
    if c == 0x31:  # [1]
        return i + 1 < end and points[i + 1] == 0x5D
    while i < end and _mark(points, i, marks) & _BLANK:
        i += 1
    if i == end:
        return False
    c = points[i]
    after = points[i + 1] if i + 1 < end else np.uint32(0)
    if c == 0x63:  # citation
        return after == 0x69
    if c == 0x65:  # edit
        return after == 0x64
    if c == 0x5B or c == 0x5D or c == 0x6CE8 or c == 0x8A3B:  # [ ] 注 註
        return True
    return _mark(points, i, marks) & _EDIT != 0


@njit(cache=True, nogil=True)
def _calls(points, i, start, end, marks):  # type: ignore[no-untyped-def]
    """Whether a pair from anywhere that ends at `i` calls for a look where it stands.

    Returns 2 where it does so only in a text of several lines.
    """
    a, c = points[i - 1], points[i]
    if a == 0x5B:  # [
        return np.int64(_bracketed(points, i, end, marks))
    if a == 0x3D:  # == at the start of a line
        return np.int64(i - 1 == start or points[i - 2] == 10)
    if c == 0x50:  # ICP备 ICP证
        number = i - 2 >= start and points[i - 2] == 0x49 and i + 1 < end
        return 2 * np.int64(number and (points[i + 1] == 0x5907 or points[i + 1] == 0x8BC1))
    if a == 0x201C or c == 0x7B:  # “” -{ {{
        return 1
    if (a == 0xFF08 or a == 0x28) and (c == 0xFF09 or c == 0x29):  # （) (）
        return 1
    return np.int64(_hollow(points, i, start, end, marks))


@njit(cache=True, nogil=True)
def _suspects(points, offsets, anywhere, starts, marks, out):  # type: ignore[no-untyped-def]
    """The only branch is taken where two characters that come first and second somewhere meet."""
    for d in range(len(offsets) - 1):
        begin, end = offsets[d], offsets[d + 1]
        before = np.uint32(0)
        mark_before = np.uint16(0)
        started = np.uint16(2)  # bit 2: the character before began its line, opening marks aside
        start = np.uint16(2)
        lined = False  # what calls for a look in a text of several lines was met
        for i in range(np.uint64(begin), np.uint64(end)):
            c = points[i]
            mark = marks[c if c < np.uint32(0x10000) else np.uint32(0)]
            met = mark_before & (mark >> np.uint16(2)) & (np.uint16(1) | started)
            if met:
                code = (np.uint64(before) << np.uint64(42)) | (np.uint64(c) << np.uint64(21))
                if met & 1 and _holds(anywhere, code):
                    calls = _calls(points, np.int64(i), begin, end, marks)
                    if calls == 1:
                        out[d] = True
                        break
                    lined |= calls == 2
                if met & 2 and not lined:
                    third = np.uint64(points[i + 1] if i + 1 < end else 10)
                    lined = _holds(starts, code) or _holds(starts, code | third)
            before = c
            mark_before = mark
            started = start
            start = np.uint16(2) if c == 10 else start & (mark >> np.uint16(3))
        if lined and not out[d]:
            for i in range(begin, end):
                if points[i] == 10:
                    out[d] = True
                    break


@njit(cache=True, nogil=True)
def _holds_empty(points, offsets, indices, marks, out):  # type: ignore[no-untyped-def]
    for d in indices:
        start, end = offsets[d], offsets[d + 1]
        i = start
        while i < end and not out[d]:
            if _mark(points, i, marks) & _OPENS:
                out[d] = _is_empty(points, i, start, end, marks)
            i += 1


def suspects(batch: TextBatch) -> NDArray[np.bool_]:
    """Which texts hold a pair of characters that some pattern of this module needs; bool [n]."""
    out = np.zeros(len(batch), np.bool_)
    _suspects(batch.points, batch.offsets, *_triggers(), out)
    return out
