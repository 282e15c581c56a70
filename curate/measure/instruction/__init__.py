"""Measures of instructions, one idea a file."""
