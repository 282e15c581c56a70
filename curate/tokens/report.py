"""How well tokenizers fit texts: characters and bytes per token, byte fallback, vocabulary use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curate.measure.language import Language
from curate.scan import scan
from curate.storage import written
from curate.textbatch import TextBatch
from curate.tokens.tokenizer import Tokenizer


@dataclass
class Tally:
    """Sums over some texts for one tokenizer."""

    texts: int = 0
    characters: int = 0
    bytes: int = 0
    tokens: int = 0
    byte_tokens: int = 0
    """Tokens that stand for less than a character."""
    unknown: int = 0
    """Unknown tokens: text that is lost."""

    def add(self, other: Tally) -> None:
        """Adds another's sums."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def as_json(self) -> dict[str, Any]:
        """Sums and ratios; ratios of nothing are None."""
        n = self.tokens
        return {
            **vars(self),
            "characters_per_token": self.characters / n if n else None,
            "bytes_per_token": self.bytes / n if n else None,
            "byte_share": self.byte_tokens / n if n else None,
            "unknown_share": self.unknown / n if n else None,
        }


@dataclass
class Fit:
    """One tokenizer's figures."""

    name: str
    tokenizer: Tokenizer
    by_source: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    by_language: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    total: Tally = field(default_factory=Tally)
    used: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """By id: how often it occurred."""

    def add(self, batch: pa.RecordBatch, languages: pa.Array) -> None:
        """Encodes the texts of a batch in curate.tokens.corpus.ROWS' schema."""
        texts = batch.column("text")
        ids, offsets = self.tokenizer.encode_batch(texts)
        if not len(self.used):
            self.used = np.zeros(self.tokenizer.vocab_size, np.int64)
        self.used += np.bincount(ids, minlength=len(self.used))
        lost = self.tokenizer.unk_id
        columns = {
            "texts": np.ones(len(texts), np.int64),
            "characters": pc.utf8_length(texts).to_numpy(zero_copy_only=False),
            "bytes": pc.binary_length(texts).to_numpy(zero_copy_only=False),
            "tokens": np.diff(offsets),
            "byte_tokens": _sums(self.tokenizer.is_byte[ids], offsets),
            "unknown": _sums(ids == (lost if lost is not None else -1), offsets),
        }
        for groups, labels in (
            (self.by_source, batch.column("source")),
            (self.by_language, languages),
        ):
            keys = labels.dictionary_encode()
            where = keys.indices.to_numpy(zero_copy_only=False)
            for code, key in enumerate(keys.dictionary.to_pylist()):
                mine = where == code
                groups[key].add(Tally(**{n: int(v[mine].sum()) for n, v in columns.items()}))
        self.total.add(Tally(**{n: int(v.sum()) for n, v in columns.items()}))

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON-ready values."""
        used = int(np.count_nonzero(self.used))
        return {
            "name": self.name,
            "form": self.tokenizer.form,
            "fingerprint": self.tokenizer.fingerprint,
            "vocab_size": self.tokenizer.vocab_size,
            "vocabulary_used": used,
            "vocabulary_use": used / self.tokenizer.vocab_size,
            "total": self.total.as_json(),
            "by_source": {k: v.as_json() for k, v in sorted(self.by_source.items())},
            "by_language": {k: v.as_json() for k, v in sorted(self.by_language.items())},
        }


def _sums(marks: NDArray[np.bool_], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many marks each text has."""
    running = np.zeros(len(marks) + 1, np.int64)
    np.cumsum(marks, out=running[1:])
    return np.diff(running[offsets])


def fits(tokenizers: dict[str, Tokenizer], batches: Iterable[pa.RecordBatch]) -> list[Fit]:
    """The figures of every tokenizer, in one pass over the texts.

    Rows that carry no language label get one from the measure that builds use.
    """
    result = [Fit(name, tokenizer) for name, tokenizer in tokenizers.items()]
    for batch in batches:
        languages = batch.column("lang")
        if languages.null_count:
            texts = TextBatch.from_arrow(batch.column("text"))
            languages = pc.coalesce(languages, Language().measure_batch(texts, scan(texts))["lang"])
        for fit in result:
            fit.add(batch, languages)
    return result


SHOWN = 12
"""Languages or sources in a table or chart."""


def largest(groups: dict[str, Tally]) -> list[str]:
    """The keys with most text, at least 1 in 1,000 characters each, most first."""
    every = sum(tally.characters for tally in groups.values())
    chosen = [k for k, tally in groups.items() if tally.characters * 1000 >= every]
    return sorted(chosen, key=lambda k: (-groups[k].characters, k))[:SHOWN]


def write_chart(path: Path, results: list[Fit]) -> None:
    """Bars of characters per token by language and by source, a colour a tokenizer (PNG or SVG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    panels = [
        ("by language", [f.by_language for f in results]),
        ("by source", [f.by_source for f in results]),
    ]
    groups = [largest(sides[0]) for _, sides in panels]
    sizes = [max(1, len(g)) * (len(results) + 1) for g in groups]
    figure, axes = pyplot.subplots(
        2, 1, figsize=(8, 2 + 0.15 * sum(sizes)), sharex=True, height_ratios=sizes,
        layout="constrained",
    )  # fmt: skip
    width = 1 / (len(results) + 1)
    for axis, (title, sides), keys in zip(axes, panels, groups, strict=True):
        for i, (fit, tallies) in enumerate(zip(results, sides, strict=True)):
            values = [
                tallies[k].characters / tallies[k].tokens if tallies[k].tokens else 0 for k in keys
            ]
            places = np.arange(len(keys)) + (i + 0.5) * width
            axis.barh(places, values, width, label=f"{fit.name} ({fit.tokenizer.vocab_size:,})")
        axis.set_yticks(np.arange(len(keys)) + len(results) * width / 2, keys)
        axis.set_ylim(len(keys), -width)
        axis.set_title(f"characters per token, {title}", loc="left")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    with written(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:] or "png", dpi=120)
    pyplot.close(figure)
