"""What an instruction build leaves, read by the libraries it is meant for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.instructions.publish import dataset_info
from curate.instructions.recipe import InstructionOutput
from tests.curate.corpus import sentence
from tests.curate.instructions.builds import built, different, lines, recipe, row, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("readers")
    rows = different(30)
    for i in range(10):
        history = [[sentence(900 + i), sentence(800 + i)]]
        rows.append(row(sentence(700 + i), sentence(600 + i), history=history, system="简短。"))
    write(root / "in/x.jsonl", rows)
    extra = "output: {messages: true, sharegpt: true}\nmixture: {valid: 0.2}"
    return built(root / "out", recipe(root / "in", extra)).folder


def loaded(folder: Path, file: str, cache: Path) -> Any:
    datasets = pytest.importorskip("datasets")
    kind = "parquet" if file.endswith(".parquet") else "json"
    files = str(folder / file)
    return datasets.load_dataset(kind, data_files=files, split="train", cache_dir=str(cache))


def test_datasets_reads_every_file(folder, tmp_path):
    for name in ("train", "valid"):
        for middle in ("", ".messages", ".sharegpt"):
            file = f"{name}{middle}.jsonl"
            assert list(loaded(folder, file, tmp_path)) == lines(folder / file)
    table = loaded(folder, "data/*.parquet", tmp_path)
    assert table.num_rows == 40
    assert table[0]["split"] in ("train", "valid")


def test_trl_takes_the_messages(folder, tmp_path):
    """TRL sees a conversation and a chat template renders it, with every text in it."""
    data_utils = pytest.importorskip("trl.data_utils")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    bare = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=bare)
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    )
    for example in loaded(folder, "train.messages.jsonl", tmp_path):
        assert data_utils.is_conversational(example)
        text = data_utils.apply_chat_template(example, tokenizer)["text"]
        assert text == "".join(f"<{m['role']}>{m['content']}" for m in example["messages"])


def test_dataset_info_describes_the_files_beside_it(folder):
    """LLaMA-Factory takes columns by these names; each is in every row of its file."""
    info = json.loads((folder / "dataset_info.json").read_text("utf-8"))
    everything = InstructionOutput(messages=True, sharegpt=True)
    assert info == dataset_info("small", everything)
    assert len(info) == 6
    for entry in info.values():
        columns = set(entry["columns"].values())
        for record in lines(folder / entry["file_name"]):
            assert columns <= set(record)


def test_the_alpaca_processor_finds_its_keys(folder):
    """TencentPretrain's `alpaca` processor reads these three of a line."""
    for record in lines(folder / "train.jsonl"):
        assert all(isinstance(record[key], str) for key in ("instruction", "input", "output"))
        assert record["output"]
