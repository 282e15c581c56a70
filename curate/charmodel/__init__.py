"""A small character n-gram model: trained on clean text, asked how likely a text is."""
