"""Errors that speak to the user; the command line turns them into one sentence and an exit code."""

from __future__ import annotations


class CurateError(Exception):
    """Work that failed: what, where, and what to do. Exit code 1."""

    exit_code = 1


class RecipeError(CurateError):
    """A recipe or command that cannot be carried out as written. Exit code 2."""

    exit_code = 2
