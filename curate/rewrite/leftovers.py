"""What stripping a wiki or a web page left behind: empty brackets, edit links, navigation lines.

Empty brackets are the common case: a template that gave a foreign name was dropped and its
brackets stayed, as in `高德纳（，），`. The blank of an exam question, `正确的是（ ）`, looks alike
and is content.
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.code import around_code, looks_like_code, settled
from curate.rewrite.leftovers_gate import OPENING, SEPARATORS, STARTS, suspects
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

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
_LEADING = re.compile(rf"(?<=（)[ \u3000]*[，、；：][\s{SEPARATORS}]*(?=[{_HAN}A-Za-z0-9“「《\"])")
_TRAILING = re.compile(rf"(?<=[{_HAN}A-Za-z0-9”」》\".])[ \u3000]*[，、；][\s{SEPARATORS}]*(?=）)")
_VOID_LABEL = re.compile(rf"(?<=[（(，；、,;])[ ]?{_LABEL}[：:](?:[，；、,;][ ]?|(?=[）)]))")

# Left-overs follow a name; blanks to fill end a sentence; ASCII brackets may be a call or a riddle.
_NAME_END = f"{_HAN}》」』”】〉）"
_EMPTY_ROUND = re.compile(
    rf"(?<=[{_NAME_END}A-Za-z])[ \u3000]?(?:"
    rf"（[{SEPARATORS}][\s{SEPARATORS}]*[）)]|(?<=[{_HAN}》」])\([{SEPARATORS}][\s{SEPARATORS}]*[）)]"
    rf"|(?<=[{_NAME_END}])(?:（[）)]|[（(]）)"
    r"(?=[ \u3000]?[^\s：:;；①-⑳A-Za-z0-9_.({内里中号內裡號])"
    rf"|(?<=[{_NAME_END}])(?<![个写打种用])\(\)(?=\s?[是为，、；）]))[ \u3000]*"
)
_EMPTY_AFTER_NAME = re.compile(r"(?<![\w.])([A-Z][A-Za-z]*)[ ]?（[\s，、；]*）(?=[ ]?[是为，。])")
_CALLED = re.compile("(?:函数|方法|数组|列表|语句|命令|过程|括号|号|符)$")
_EMPTY_QUOTES = re.compile(
    rf"(?:^【[\s{SEPARATORS}]*】(?![内里中內裡])|(?<=[{_CJK}])(?:【[\s{SEPARATORS}]*】(?![内里中內裡])|《[\s{SEPARATORS}]*》|〈\s*〉|「[\s{SEPARATORS}]*」"
    rf"|『\s*』|〔\s*〕|(?<=[{_HAN}])(?<![用以为是即个])“\s*”(?=[{_HAN}])"
    rf"|(?<=[{_HAN}])\[\s*\](?=[{_HAN}，。])))(?![号號])",
    re.MULTILINE,
)
# Where it finds nothing none of the patterns above can match: most texts cost one search.
_HOLLOW = re.compile(
    rf"[（(\[【《「『〈〔“][\s{SEPARATORS}]*[）)\]】》」』〉〕”]|[（(][ \u3000]*[，、；：]"
    rf"|[，、；：:][\s{SEPARATORS}]*[）)]|[：:][ ]?[，；、,;]"
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
        wanted = suspects(batch, scanned.having(Flag.EMPTY_BRACKETS))
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


def _may_navigate(line: str) -> bool:
    bare = line.lstrip(OPENING)
    return bare[:2] in STARTS or bare[:1] == "©" or "ICP" in line
