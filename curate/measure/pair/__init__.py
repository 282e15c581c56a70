"""Measures that look at both sides of a pair at once, one idea a file."""
