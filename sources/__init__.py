"""Adapters: one file per upstream set, and the catalogue of upstream facts."""
