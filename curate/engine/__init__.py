"""How tasks run: an engine takes tasks and yields what they report."""
