"""Exact and near duplicates, on disk, within a memory budget."""
