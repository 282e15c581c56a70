"""Adapters by name."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from curate.rows import DOCUMENT, ROW_TYPES, RowType
from sources.adapter import Adapter, Unit
from sources.registry import adapter, adapter_class, adapters


class Shout(Adapter):
    """A user's own adapter."""

    name = "shout"
    loud: bool = True
    """Whether it shouts."""

    @property
    def row_type(self) -> RowType:
        """Document."""
        return DOCUMENT

    def read(self, unit: Unit) -> Iterator[pa.RecordBatch]:
        """Nothing."""
        yield from ()


def test_every_adapter_is_found_and_says_what_it_is() -> None:
    names = (
        "alpaca belle chat cluecorpus2020 coig_cqia cot csl csv firefly guanaco hub instructions "
        "jsonl linly moss oasst_zh parquet pclue sharegpt text tsv wmt18"
    ).split()
    assert list(adapters()) == names
    for name, kind in adapters().items():
        assert kind.name == name and kind.__doc__
        assert kind().row_type.name in ROW_TYPES
        for option, field in kind.model_fields.items():
            assert kind.model_config.get("extra") == "forbid", option
            assert field.is_required() is False


def test_names_that_are_wrong() -> None:
    with pytest.raises(ValueError, match="did you mean 'jsonl'"):
        adapter_class("json1")
    with pytest.raises(ValueError, match="no adapter 'zzz'; There are"):
        adapter_class("zzz")
    with pytest.raises(ValueError, match="cannot import 'no_such_package'"):
        adapter_class("no_such_package:X")
    with pytest.raises(ValueError, match="has no class 'Nothing'"):
        adapter_class("sources.text:Nothing")
    with pytest.raises(ValueError, match="is not an Adapter"):
        adapter_class("sources.text:Blocks")
    assert adapter_class("sources.text:Text") is adapters()["text"]
    assert adapter_class(f"{Shout.__module__}:Shout") is Shout


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("text", {"encodng": "gbk"}, "did you mean 'encoding'"),
        ("text", {"encoding": "gbkk"}, "'gbkk' is no encoding"),
        ("text", {"documents": "page"}, "documents: "),
        ("jsonl", {"zh": "a"}, "go together"),
        ("jsonl", {"text": "a", "zh": "b", "en": "c"}, "not both"),
        ("jsonl", {"text": []}, "at least one field"),
        ("csv", {"delimiter": "ab"}, "delimiter"),
        ("text", {"max_row_mb": 0}, "max_row_mb"),
    ],
)
def test_options_that_are_wrong(name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        adapter(name, options)
