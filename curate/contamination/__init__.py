"""Evaluation questions found in a corpus: read, indexed, compared with every row, reported."""
