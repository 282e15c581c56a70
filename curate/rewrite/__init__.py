"""Steps that change text, one idea a file."""
