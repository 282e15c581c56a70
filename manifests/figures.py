"""How pages print numbers."""

from __future__ import annotations


def number(value: float) -> str:
    """Whole numbers in full, others with four digits."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def big(value: float) -> str:
    """A number with a unit of three digits at most: 4.72 M."""
    for unit in ("", " k", " M", " G"):
        if abs(value) < 1000:
            return f"{value:.3g}{unit}"
        value /= 1000
    return f"{value:,.3g} T"
