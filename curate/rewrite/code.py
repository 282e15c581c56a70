"""Where a text holds program code, so that rewrites made for prose leave it alone."""

from __future__ import annotations

import re
from collections.abc import Callable

CODE_SPAN = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
"""A fenced block (an unclosed one runs to the end) or inline code."""

MASK = "\U0010fffd"
"""What `around_code` shows instead of a code span."""

_STATEMENT = re.compile(
    r"""^[ \t>]*(?:
        (?:def|class|func|fn|function|interface|struct|enum)\ [\w$]+.*[({:（：]
      | (?:import|from|using|package|require|include)\ [\w.{*"']+
      | \#\s*(?:include|define|ifdef|endif)\b
      | (?:public|private|protected|static|void|int|char|float|double|bool|string|var|let|const
        |auto)\ [\w<>\[\]*&,\ ]+[=(;（{]
      | (?:if|for|while|switch|elif|catch|foreach)\s*[(（].*[)）]\s*[{:：]?
      | (?:for|while|if|elif|else|try|except|with)\b[^.。]*[:：][ \t]*$
      | return\b[^.。]{0,80};?[ \t]*$
      | (?:SELECT|INSERT\ INTO|UPDATE|DELETE\ FROM|CREATE\ TABLE)\ .*
      | [\w.\[\]]+\s*[+\-*/]?=\s*[^=].*;
      | [\w.]+[(（].*[)）];?
      | [\w.\[\]]+\ =\ [\w\[\]{}()（）"'.,\ +*/-]+
      | //.*
      | [}\])]+[;,)]*
    )[ \t]*$""",
    re.MULTILINE | re.VERBOSE | re.ASCII,
)
_OPERATOR = re.compile(r"[{;]\s*$|&&|\|\||[=!]==|->|::|\+\+", re.MULTILINE)


def looks_like_code(text: str) -> bool:
    """Whether at least two lines of the text read like program statements.

    Meant to err towards yes: a rewrite that asks leaves such a text as it is.
    """
    hits = 0
    for _ in _STATEMENT.finditer(text):
        hits += 1
        if hits == 2:
            return True
    for _ in _OPERATOR.finditer(text):
        hits += 1
        if hits == 3:
            return True
    return False


def around_code(text: str, change: Callable[[str], str]) -> str:
    """`change` applied to the text with fenced blocks and inline code out of its reach.

    While `change` runs, each code span is one private-use character. Should the change lose or
    copy one of them, or the text hold that character already, the text is returned as it was.
    """
    if "`" not in text:
        return change(text)
    if MASK in text:
        return text
    spans = [match.group() for match in CODE_SPAN.finditer(text)]
    changed = change(CODE_SPAN.sub(MASK, text))
    pieces = changed.split(MASK)
    if len(pieces) != len(spans) + 1:
        return text
    woven = [pieces[0]]
    for span, piece in zip(spans, pieces[1:], strict=True):
        woven += (span, piece)
    return "".join(woven)


def settled(text: str, change: Callable[[str], str]) -> str:
    """`change` applied until it changes nothing more, which makes any rewrite idempotent.

    `change` has to make the text simpler each time (shorter, or fewer marks of some kind), so
    that this ends.
    """
    while True:
        changed = change(text)
        if changed == text:
            return text
        text = changed
