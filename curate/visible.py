"""Text from anywhere, on a terminal: nothing in it acts, and what cannot be seen is named."""

from __future__ import annotations

import re
import unicodedata

_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_SHORT = {"\n": "⏎", "\t": "⇥", " ": "␣"}


def harmless(text: str) -> str:
    """The text with control characters and direction overrides named, as ⟨U+001B⟩."""
    return _ACTING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def revealed(text: str) -> str:
    """The text with every blank, line end and invisible character shown."""
    return "".join(_shown(char) for char in text)


def _shown(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    unseen = unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp")
    return f"⟨U+{ord(char):04X}⟩" if unseen or unicodedata.combining(char) else char


def clipped(text: str, length: int) -> str:
    """At most `length` characters, with what is left out counted."""
    if len(text) <= length:
        return text
    return f"{text[:length]}… ({len(text) - length:,} more characters)"
