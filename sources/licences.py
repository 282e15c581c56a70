"""What a licence allows and asks for, from its SPDX expression; and whether a recipe accepts it.

Identifiers and expressions are those of the SPDX licence list (https://spdx.org/licenses/), parsed
by license-expression. What each family of licences asks for is read from the licences' own texts.
This helps to look at the right text; it is no legal advice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from license_expression import (
    ExpressionError,
    ExpressionParseError,
    LicenseWithExceptionSymbol,
    get_spdx_licensing,
)

UNSTATED = "unstated"
"""The licence of rows whose source states none."""

_SAYS_NOTHING = frozenset({"", UNSTATED, "not stated", "none", "unknown", "noassertion"})

_CREATIVE_COMMONS = re.compile(r"CC-BY((?:-(?:NC|ND|SA))*)-\d")
_NO_CONDITIONS = ("CC0-*", "CC-PDDC", "PDDL-*", "Unlicense", "0BSD", "MIT-0", "WTFPL")
_ATTRIBUTION = (
    *("MIT", "Apache-*", "BSD-?-Clause", "ISC", "Zlib", "AFL-*", "Artistic-2.0", "MulanPSL-*"),
    *("ODC-By-*", "CDLA-Permissive-*", "OGL-*", "etalab-*", "DL-DE-BY-*"),
)
_SHARE_ALIKE = (
    *("GPL-*", "LGPL-*", "AGPL-*", "GFDL-*", "MPL-*", "EUPL-*"),
    *("ODbL-*", "CDLA-Sharing-*"),
)


@dataclass(frozen=True)
class Terms:
    """What may be done with rows; None wherever nobody has said."""

    licence: str
    """SPDX expression, else the source's own words, else UNSTATED; what every row carries."""
    spdx: str | None
    """The SPDX expression, normalised; None for words that are none."""
    commercial: bool | None = None
    """Whether commercial use is allowed."""
    derivatives: bool | None = None
    """Whether changed versions may be passed on."""
    attribution: bool | None = None
    """Whether the authors must be named."""
    share_alike: bool | None = None
    """Whether what is made of it must be passed on under the same terms."""

    def as_json(self) -> dict[str, Any]:
        """The fields but `licence`, for the manifest."""
        return {key: value for key, value in asdict(self).items() if key != "licence"}


_Facts = tuple[bool | None, bool | None, bool | None, bool | None]
"""Commercial use, derivatives allowed; attribution, share-alike required."""


def _facts_of(identifier: str) -> _Facts:
    if match := _CREATIVE_COMMONS.match(identifier):
        parts = match[1].split("-")
        return "NC" not in parts, "ND" not in parts, True, "SA" in parts
    for patterns, facts in (
        (_NO_CONDITIONS, (True, True, False, False)),
        (_ATTRIBUTION, (True, True, True, False)),
        (_SHARE_ALIKE, (True, True, True, True)),
    ):
        if any(fnmatchcase(identifier, pattern) for pattern in patterns):
            return facts
    return None, None, None, None


def _every(values: Sequence[bool | None]) -> bool | None:
    """Three-valued "all of them"."""
    return False if False in values else None if None in values else True


def _any(values: Sequence[bool | None]) -> bool | None:
    """Three-valued "one of them"."""
    return True if True in values else None if None in values else False


def _freedom(facts: _Facts) -> tuple[int, ...]:
    known = {True: 2, None: 1, False: 0}
    commercial, derivatives, attribution, share_alike = facts
    return (
        known[commercial],
        known[derivatives],
        2 - known[share_alike],
        2 - known[attribution],
    )


def _facts(node: Any) -> _Facts:
    """AND binds to every part; of an OR the freest part may be chosen, whole."""
    if isinstance(node, LicenseWithExceptionSymbol):
        return _facts(node.license_symbol)
    if hasattr(node, "key"):
        return _facts_of(str(node.key))
    parts = [_facts(part) for part in node.args]
    if node.operator.strip() == "OR":
        return max(parts, key=_freedom)
    return (
        _every([part[0] for part in parts]),
        _every([part[1] for part in parts]),
        _any([part[2] for part in parts]),
        _any([part[3] for part in parts]),
    )


def _identifiers(node: Any) -> list[str]:
    if isinstance(node, LicenseWithExceptionSymbol):
        return [str(node.license_symbol.key), str(node.exception_symbol.key)]
    if hasattr(node, "key"):
        return [str(node.key)]
    return [identifier for part in node.args for identifier in _identifiers(part)]


@cache
def _spdx() -> Any:
    """The SPDX list, read once: it takes a twelfth of a second."""
    return get_spdx_licensing()


@cache
def _parsed(text: str) -> Any | None:
    """The expression's tree, or None for what is no SPDX expression.

    `LicenseRef-…` stands for terms of one's own, as in SPDX.
    """
    licensing = _spdx()
    try:
        tree = licensing.parse(text)
    # The library raises AttributeError for some malformed expressions.
    except (ExpressionError, ExpressionParseError, AttributeError):
        return None
    if tree is None:
        return None
    known = licensing.known_symbols
    if any(i not in known and not i.startswith("LicenseRef-") for i in _identifiers(tree)):
        return None
    return tree


@cache
def spdx_identifiers() -> tuple[str, ...]:
    """Every identifier of the SPDX licence list, sorted."""
    known = _spdx().known_symbols
    return tuple(sorted(k for k in known if not k.startswith("LicenseRef-")))


def normalised(identifier: str) -> str:
    """An identifier as SPDX spells it today (`GPL-3.0` is `GPL-3.0-only`), or unchanged."""
    tree = _parsed(identifier)
    return str(tree.render()) if tree is not None else identifier


def terms(stated: str | None, non_commercial: bool | None = None, known: bool = False) -> Terms:
    """The terms of a licence as stated: an SPDX expression, words, or nothing.

    `non_commercial` is what else is known of commercial use. With `known`, None means that it was
    looked at and cannot be told, which wins over the identifier (a set under Apache-2.0 whose
    answers another company's model wrote).
    """
    words = (stated or "").strip()
    if words.casefold() in _SAYS_NOTHING:
        spdx, facts, licence = None, _NOTHING, UNSTATED
    elif (tree := _parsed(words)) is not None:
        spdx = licence = str(tree.render())
        facts = _facts(tree)
    else:
        spdx, facts, licence = None, _NOTHING, words
    commercial = facts[0]
    if non_commercial is not None:
        commercial = False if non_commercial else commercial is not False
    elif known and commercial:
        commercial = None
    return Terms(licence, spdx, commercial, *facts[1:])


_NOTHING: _Facts = (None, None, None, None)


def matches(licence: str, pattern: str) -> bool:
    """Whether a licence, or an identifier of it, fits an SPDX identifier or a glob, in any case."""
    wanted = normalised(pattern).casefold()
    tree = _parsed(licence)
    names = [licence, *(_identifiers(tree) if tree is not None else [])]
    return any(fnmatchcase(name.casefold(), wanted) for name in names)


def refusal(
    of: Terms, allow: Sequence[str], deny: Sequence[str], non_commercial: bool, unknown: bool
) -> str | None:
    """Why a policy refuses these terms, as the ledger's `limit` says it; None when it does not.

    allow, deny: identifiers and globs; with `allow`, whatever fits none of it is refused. Of an OR
    one part must pass, of an AND every part. non_commercial, unknown: True where terms that allow
    no commercial use, or of which that is not known, pass.
    """
    tree = _parsed(of.licence)

    def passes(node: Any) -> bool:
        if node is not None and not isinstance(node, str) and not hasattr(node, "key"):
            results = [passes(part) for part in node.args]
            return any(results) if node.operator.strip() == "OR" else all(results)
        name = of.licence if node is None else str(node.render())
        denied = any(matches(name, pattern) for pattern in deny)
        return not denied and (not allow or any(matches(name, pattern) for pattern in allow))

    if not passes(tree):
        hit = [pattern for pattern in deny if matches(of.licence, pattern)]
        return f"deny {hit[0]}" if hit else "allow " + " ".join(allow)
    if of.commercial is False and not non_commercial:
        return "non_commercial deny"
    if of.commercial is None and not unknown:
        return "unknown deny"
    return None
