"""Rows of a corpus fetched once say what the corpus says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.dedup.corpus import Corpus, TextPartition, write_corpus
from curate.storage import write_arrow

TEXTS = [["开会。", "", "The cat sat."], [], ["龙门石窟在洛阳。", "好", "𠮷野家", "a\nb"]]
PRIORITIES = [50, 60, 40]


def opened(folder: Path, ranked: bool, column: str) -> Corpus:
    partitions = []
    for number, texts in enumerate(TEXTS):
        path = folder / f"part-{number}.arrow"
        columns = {
            column: pa.array(texts, pa.large_string()),
            # What is not compared by this corpus.
            "question" if column == "text" else "text": pa.array(["?"] * len(texts), "str"),
            "rank": pa.array([7 - i for i in range(len(texts))], pa.uint32()),
            "substance": pa.array([100 * number + i for i in range(len(texts))], pa.uint64()),
        }
        write_arrow(path, pa.table(columns))
        sketch = str(folder / f"part-{number}.sketch")
        options = {"priority": PRIORITIES[number], "ranked": ranked, "column": column}
        partitions.append(TextPartition(str(path), sketch, len(texts), **options))
    write_corpus(folder / "corpus.json", partitions)
    return Corpus(folder / "corpus.json")


@pytest.mark.parametrize("column", ["text", "question"])
@pytest.mark.parametrize("ranked", [False, True])
@pytest.mark.parametrize("fetched", [[0], [1, 2, 3], [0, 2, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]])
def test_an_excerpt_says_what_the_corpus_says(
    tmp_path: Path, column: str, ranked: bool, fetched: list[int]
) -> None:
    corpus = opened(tmp_path, ranked, column)
    every = [text for texts in TEXTS for text in texts]
    excerpt = corpus.excerpt(np.array(fetched, np.uint64), ["substance"])
    for asked in (fetched, fetched[-1:], fetched[::2]):
        ordinals = np.array(asked, np.uint64)
        batch = excerpt.texts(ordinals)
        assert batch.to_arrow().to_pylist() == [every[i] for i in asked]
        assert excerpt.sizes(ordinals).tolist() == [len(every[i].encode()) for i in asked]
        ranks = corpus.ranks(ordinals, batch.lengths())
        assert excerpt.ranks(ordinals, batch.lengths()).tolist() == ranks.tolist()
        substance = corpus.values(ordinals, "substance")
        assert excerpt.values(ordinals, "substance").tolist() == substance.tolist()
