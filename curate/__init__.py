"""Chinese corpus and instruction-data curation: every row accounted for, every byte repeatable."""

__version__ = "0.1.0"
