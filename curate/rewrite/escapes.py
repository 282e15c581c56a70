r"""Line breaks, tabs and blanks that some earlier program wrote as escapes: `\n` as two characters.

An escape is rewritten unless it is what its author meant: part of a Windows path, a LaTeX command,
a regular expression, a string in a program, code, or a text that talks about escapes.
"""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from curate.rewrite.base import Rewrite
from curate.rewrite.code import CODE_SPAN, looks_like_code, settled
from curate.rewrite.code_gate import may_look_like_code
from curate.rewrite.escapes_gate import PLAIN, UNCLEAR, classes, fill
from curate.rewrite.kernel import rewritten
from curate.scan import Flag, Scan
from curate.textbatch import TextBatch

# LaTeX commands that begin with n, r or t.
_LATEX = (
    "nabla|natural|ncong|ne|nearrow|neg|neq|newcommand|newline|newpage|nexists|ngeq|ngtr|ni|nleq"
    "|nless|nmid|node|noindent|nonumber|normalsize|not|notag|notin|nparallel|nprec|nsim|nsubseteq"
    "|nsucc|nu|nwarrow|ran|rangle|rbrace|rbrack|rceil|ref|renewcommand|rfloor|rho|right|rightarrow"
    "|rightharpoonup|rightleftharpoons|rm|rtimes|rule|rVert|rvert|table|tabular|tag|tan|tanh|tau"
    "|tbinom|text|textbf|textcolor|textit|textrm|textsf|texttt|textwidth|tfrac|therefore|theta"
    "|thickapprox|thinspace|tilde|times|tiny|title|to|top|toprule|triangle|triangleleft"
    "|triangleright|twoheadrightarrow"
)

_QUOTE = r"\"|'|&quot;|&\#39;|\\\""

# What may hold a backslash that is meant; the alternatives are tried in this order at each place.
# Those that begin with the same kind of character stand behind one look at it: a place inside a
# word then costs one comparison, not one an alternative.
_TOKEN = re.compile(
    rf"""
    (?P<kept>
      (?=`)(?:{CODE_SPAN.pattern})
    | (?=[\w.@$-])(?<![A-Za-z0-9])(?:
        # C:\new\table, but not "Q:\n" before a line that does not go on in lower case
        [A-Za-z]:\\(?![nrt](?![a-z]))[^\s"'<>|*?，。；、（）“”]*
        # src\main\new: some part begins with another letter than an escape would
      | (?<![\w.@$-])[\w.@$-]++(?=\\)(?:\\[nrt][\w.@$-]*)*
        \\(?![nrt]|u[0-9a-f]{{4}}|x[0-9a-f]{{2}})[\w.@$-]+(?:\\[\w.@$-]+)*
      | \b(?:f?printf?|sprintf|println|printk|cout|cerr|echo|puts|write|print)
        \s*[(（<]*\s*["“'][^\n"”]*
      )
    | \b打印\s*[(（<]*\s*["“'][^\n"”]*
      # "\n" and its like, named or compared with
    | (?=["'“‘&])(?<![\w.!?。！？])(?:["'“‘]|&quot;)(?:[^"”\n\\]{{0,60}}(?:\\[nrt]){{1,4}})
      (?:["'”’]|&quot;)(?!\w)
    | (?=[\x20"'&\\“])(?:
        # a string in a program: opened after an operator or closed before one
        (?<=[(=,+<\[{{%（])[ ]?(?P<q>{_QUOTE})(?:(?!(?P=q))[^\n\\]|\\[^\n])*?(?P=q)
      | (?<=":)[ ]?"(?:[^"\n\\]|\\[^\n])*"
      | (?<![\w])(?P<r>{_QUOTE})(?:(?!(?P=r))[^\n\\]|\\[^\n])*?(?P=r)(?=\s*[);+\]}},%）])
      | (?<=[(=+<（])[ ]?“[^”\n]{{0,300}}”
      )
    | (?=[\x20\\\[/{{])(?:
        # regular expressions
        \[\^?(?:[^\[\]\s\\]|\\\S)*\]
      | \\r\?\\n
      | \\[nrt](?:\|\\[nrt])+
      | \\[nrts][?+*](?=[)\]\\/"'$|])
      | /(?:\\[nrts])+/
        # LaTeX
      | \\(?:{_LATEX})(?![A-Za-z])
      | \{{\\[nrt]
        # named in prose: 用\n换行
      | (?<=[用把将以按])[ ]?(?:\\r\?)?\\[nrt]
      | \\[nrt](?=\ ?(?:表示|替换|字符|换行|分割|分隔|作为|拆分|连接))
      )
    )
  | (?<!\\)(?P<escape>\\(?:r\\n|[nrt]|u3000|u00a0|xa0))
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_NAMES = (
    *("newline", "line break", "escape char", "escape sequence", "escape code"),
    *("regular expression", "regex", "backslash"),
)
_CLASS = re.compile(r"\\[dwsDWS](?:[+*?{)\]]|$)")
_ABOUT_ESCAPES = re.compile(
    rf"换行符|转义|回车符|制表符|正则|反斜[杠线]|{'|'.join(_NAMES)}|{_CLASS.pattern}",
    re.IGNORECASE,
)


def _is_about_escapes(text: str) -> bool:
    """Whether `_ABOUT_ESCAPES` finds something; in ASCII without a look at every case."""
    if not text.isascii():
        return _ABOUT_ESCAPES.search(text) is not None
    lower = text.lower()
    return any(name in lower for name in _NAMES) or _CLASS.search(text) is not None


# A program has a few escapes that none of the patterns knows; text sent as one line has many.
_BEYOND_CODE = 4

_ESCAPES = (r"\n", r"\r", r"\t", r"\u3000", r"\u00a0", r"\xa0")
_MEANING = {"n": "\n", "r": "\n", "t": "\t", "u": " ", "x": " "}


class Escapes(Rewrite):
    r"""Literal `\n`, `\r`, `\r\n` become a line break, `\t` a tab, `\u3000` and `\xa0` a blank."""

    name: ClassVar[str] = "escapes"
    version: ClassVar[int] = 2
    order: ClassVar[int] = 20
    flags: ClassVar[int] = Flag.BACKSLASH

    support: int = 2
    r"""An escape followed by a small Latin letter (`the\nskull`) could be a command or a folder. It
    is rewritten only in texts with at least this many other escapes that could not."""

    def rewrite(self, text: str) -> str:
        return settled(text, self._once)

    def rewrite_batch(self, batch: TextBatch, scanned: Scan) -> tuple[TextBatch, NDArray[np.int64]]:
        flagged = scanned.having(self.flags)
        found, escapes = classes(batch, flagged)
        doubtful = np.flatnonzero((found == PLAIN) & (escapes < _BEYOND_CODE))
        found[doubtful[may_look_like_code(batch, flagged[doubtful])]] = UNCLEAR
        batch, plain = rewritten(batch, flagged[found == PLAIN], fill)
        batch, others = self.rewritten_at(batch, flagged[found == UNCLEAR].tolist())
        return batch, np.union1d(plain, others)

    def _once(self, text: str) -> str:
        if not any(escape in text for escape in _ESCAPES):
            return text
        found = [m for m in _TOKEN.finditer(text) if m["escape"]]
        if not found or _is_about_escapes(text):
            return text
        unclear = {m.start() for m in found if re.match("[a-z]", text[m.end() : m.end() + 1])}
        clear = len(found) - len(unclear)
        if clear < _BEYOND_CODE and looks_like_code(text):
            return text
        if clear >= self.support:
            unclear = set()
        pieces: list[str] = []
        start = 0
        for match in found:
            if match.start() in unclear:
                continue
            pieces += (text[start : match.start()], _MEANING[match["escape"][1]])
            start = match.end()
        return "".join(pieces) + text[start:]
