"""The worked example of docs/extending.md, run as a user would: from a package of one's own."""

from __future__ import annotations

import pyarrow.parquet as pq

from tests.curate.corpus import built, write_corpus

MODULE = """
import re
import pyarrow as pa
from curate.measure.base import Measure
from curate.rewrite.base import Rewrite
from curate.scan import Flag

class TooShouty(Measure):
    name = "shouting"
    columns = {"exclamation_ratio": pa.float32()}
    marks: str = "！!"
    def measure(self, text):
        count = sum(text.count(mark) for mark in self.marks)
        return {"exclamation_ratio": count / len(text) if text else 0.0}

class Paragraph(Rewrite):
    name = "paragraph"
    flags = Flag.DIGIT
    def rewrite(self, text):
        return re.sub(r"第(\\d+)段", r"第\\1节", text)
"""

EXTRA = """
measure:
  my_package.filters:TooShouty: {marks: "，"}
rewrite:
  my_package.filters:Paragraph: {}
quality:
  exclamation_ratio: {max: 0.1}
"""


def test_a_recipe_names_steps_of_ones_own(tmp_path, monkeypatch):
    package = tmp_path / "lib" / "my_package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "filters.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    write_corpus(tmp_path / "in", files=1)
    result = built(tmp_path / "in", tmp_path / "out", extra=EXTRA)
    ledger = pq.read_table(result.folder / "ledger").to_pylist()
    dropped = [r for r in ledger if r["reason"] == "quality.exclamation_ratio.max"]
    kept = pq.read_table(result.folder / "data").to_pylist()
    assert dropped and kept
    assert all(float(r["measure"].partition("=")[2]) > 0.1 for r in dropped)
    assert all(r["text"].count("，") / len(r["text"]) <= 0.1 + 1e-6 for r in kept)
    assert any("第1节" in r["text"] for r in kept) and not any("第1段" in r["text"] for r in kept)
    assert any("paragraph" in (r["rewrites"] or "") for r in ledger)
