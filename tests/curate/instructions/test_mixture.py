"""Budgets of tokens, and rows that stand several times in the training files."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest

from curate.build import Options
from curate.errors import CurateError, RecipeError
from curate.instructions.build import InstructionBuild
from curate.storage import read_json
from curate.tokens.tokenizer import load_tokenizer
from manifests.verify import problems
from tests.curate.corpus import fingerprints
from tests.curate.instructions.builds import data, different, ledger, lines, recipe, row, write


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer with a token for every character."""
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.BPE({"?": 0}, [], unk_token="?"))
    folder = tmp_path_factory.mktemp("tokenizer")
    model.save(str(folder / "tokenizer.json"))
    return folder


def built(root: Path, asked, name: str = "out", workers: int = 1):
    options = Options(out=root / name, workers=workers, recipe_folder=root)
    return InstructionBuild(asked, options).run()


def two_sources(root: Path, first: str = "", second: str = "") -> list[str]:
    write(root / "a/x.jsonl", different(60))
    write(root / "b/x.jsonl", different(60, 100))
    return [
        f"{{name: instructions, label: a, path: {root / 'a'}{first}}}",
        f"{{name: instructions, label: b, path: {root / 'b'}{second}}}",
    ]


def test_a_budget_and_a_cap_of_tokens(tmp_path, tokenizer):
    extra = f"mixture: {{tokens: 4000, tokenizer: {tokenizer}, valid: 0}}"
    sources = two_sources(tmp_path, ", cap: {tokens: 1500}", ", weight: 1")
    result = built(tmp_path, recipe(tmp_path, extra, *sources))
    counter = load_tokenizer(tokenizer)
    tokens: Counter[str] = Counter()
    for r in data(result):
        text = "\n".join(t for t in (r["instruction"], r["input"], r["output"]) if t)
        tokens[r["source"]] += len(counter.encode_batch([text]).ids)
    # a is held by its cap; b gets what a leaves of the budget, to the last row that fits.
    assert 1350 < tokens["a"] <= 1500
    assert 4000 - 200 < sum(tokens.values()) <= 4000
    reasons = Counter(r["reason"] for r in ledger(result).values() if r["reason"])
    assert set(reasons) == {"cap_tokens", "budget_tokens"}
    told = read_json(result.folder / "manifest.json")["tokenizer"]
    assert told == {"fingerprint": counter.fingerprint, "vocab_size": counter.vocab_size}
    assert problems(result.folder) == []
    again = built(tmp_path, recipe(tmp_path, extra, *sources), "out2", workers=2)
    assert fingerprints(again.folder) == fingerprints(result.folder)


def test_tokens_need_a_tokenizer(tmp_path):
    with pytest.raises(RecipeError, match="tokenizer"):
        recipe(tmp_path, "mixture: {tokens: 10}")
    with pytest.raises(RecipeError, match="tokenizer"):
        recipe(tmp_path, "", "{name: belle, path: x, cap: {tokens: 10}}")
    asked = recipe(tmp_path, "mixture: {tokens: 10, tokenizer: nowhere}", *two_sources(tmp_path))
    with pytest.raises(CurateError, match="nowhere"):
        built(tmp_path, asked)


def test_no_tokenizer_is_told_where_none_counts(tmp_path, tokenizer):
    extra = f"mixture: {{rows: 50, tokenizer: {tokenizer}}}"
    result = built(tmp_path, recipe(tmp_path, extra, *two_sources(tmp_path)))
    assert "tokenizer" not in read_json(result.folder / "manifest.json")


def test_epochs_repeat_rows_and_keep_their_ids(tmp_path):
    sources = two_sources(tmp_path, ", epochs: 2.5")
    extra = "mixture: {valid: 0.2}\noutput: {messages: true}"
    result = built(tmp_path, recipe(tmp_path, extra, *sources))
    rows = data(result)
    assert len({r["id"] for r in rows}) == len(rows) == 120
    repeats = {r["instruction"]: r["repeats"] for r in rows}
    written = Counter(r["instruction"] for r in lines(result.folder / "train.jsonl"))
    valid = Counter(r["instruction"] for r in lines(result.folder / "valid.jsonl"))
    assert written + valid == repeats
    for r in rows:
        expected = {2, 3} if r["source"] == "a" and r["split"] == "train" else {1}
        assert r["repeats"] in expected
    own = [r["repeats"] for r in rows if r["source"] == "a" and r["split"] == "train"]
    assert {2, 3} == set(own) and abs(sum(own) / len(own) - 2.5) < 0.25
    # Copies are spread over the file, and all forms hold them.
    order = [r["instruction"] for r in lines(result.folder / "train.jsonl")]
    beside = sum(one == other for one, other in itertools.pairwise(order))
    assert beside < 20 < len(order) - len(set(order))
    assert len(lines(result.folder / "train.messages.jsonl")) == len(order)
    assert problems(result.folder) == []
    again = built(tmp_path, recipe(tmp_path, extra, *sources), "out2", workers=2)
    assert fingerprints(again.folder) == fingerprints(result.folder)


def test_a_budget_counts_what_is_written_and_a_cap_the_rows(tmp_path):
    sources = two_sources(tmp_path, ", epochs: 3, cap: {rows: 20}")
    result = built(tmp_path, recipe(tmp_path, "mixture: {rows: 80, valid: 0}", *sources))
    rows = data(result)
    kept = Counter(r["source"] for r in rows)
    assert sum(r["repeats"] for r in rows) <= 80
    assert kept == {"a": 13, "b": 40}
    assert len(lines(result.folder / "train.jsonl")) == 79


def test_epochs_do_not_move_other_rows(tmp_path):
    """Rows that do not repeat keep their order."""
    write(tmp_path / "a/x.jsonl", [row("问", "答")])
    orders = []
    for epochs in (1, 3):
        sources = two_sources(tmp_path, f", epochs: {epochs}")
        extra = "mixture: {valid: 0}"
        result = built(tmp_path, recipe(tmp_path, extra, *sources), f"e{epochs}")
        names = {r["instruction"] for r in data(result) if r["source"] == "b"}
        written = [r["instruction"] for r in lines(result.folder / "train.jsonl")]
        orders.append([w for w in written if w in names])
    assert orders[0] == orders[1]
