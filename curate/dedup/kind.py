"""What kinds of duplicates there are, as numbers in the files that the stages hand on."""

from __future__ import annotations

EXACT_KIND = 1
NEAR_KIND = 2
"""Alike as a whole."""
SAME_ZH_KIND = 3
SAME_EN_KIND = 4
"""Pairs with one side in common."""
QUESTION_KIND = 5
"""Instructions that ask nearly the same."""
