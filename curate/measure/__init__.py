"""Steps that compute numbers or labels and never drop anything, one idea a file."""
