"""What a tokenizer's folder holds, that others load it, and that nothing is half-written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from curate.fingerprint import file_sha256
from curate.tokens.save import TRICKY, Comparison, save
from curate.tokens.tokenizer import TokenizerError, load_tokenizer
from curate.tokens.train import Training, trained_model
from tests.curate.tokens.conftest import CHINESE, ENGLISH, mixed
from tests.curate.tokens.test_fastform import model


def test_the_manifest_names_what_is_there(folder: Path):
    manifest = json.loads((folder / "tokenizer_manifest.json").read_bytes())
    names = {p.name for p in folder.iterdir()} - {"tokenizer_manifest.json"}
    assert set(manifest["files"]) == names == {
        "tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        "chat_template.jinja",
    }  # fmt: skip
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == file_sha256(folder / name)
    assert manifest["fingerprints"]["sentencepiece"] == load_tokenizer(folder).fingerprint
    fast = load_tokenizer(folder / "tokenizer.json")
    assert manifest["fingerprints"]["tokenizers"] == fast.fingerprint
    assert manifest["compared"]["texts"] == len(TRICKY)
    assert manifest["compared"]["different"] == manifest["compared"]["lossy"] == 0


def test_equal_models_give_equal_folders(english: Any, tmp_path: Path):
    for name in "ab":
        save(tmp_path / name, english, {"made_by": "train"}, texts=[["x"]])
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_transformers_loads_it_with_the_same_ids(folder: Path):
    transformers = pytest.importorskip("transformers")
    theirs, ours = transformers.AutoTokenizer.from_pretrained(folder), load_tokenizer(folder)
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (
        ours.bos_id, ours.eos_id, ours.pad_id,
    )  # fmt: skip
    assert theirs.chat_template == ours.chat_template
    for text in (*TRICKY, *CHINESE, *ENGLISH, "<|im_start|>user\n 你好<|im_end|>"):
        plain = theirs(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        assert plain == ours.encode_batch([text]).ids.tolist()
        asked = theirs(text, add_special_tokens=False)["input_ids"]
        assert asked == ours.encode_batch([text], special=True).ids.tolist()
        assert theirs.decode(asked) == text


def test_forms_that_differ_are_not_written(tmp_path: Path):
    letters = [(c, -9.0 - i) for i, c in enumerate("今天气▁")]
    tied = model([("天气", 0.0), ("今天", 0.0), *letters])
    with pytest.raises(TokenizerError, match=r"1 of 13 texts encode differently.*今天气"):
        save(tmp_path / "t", tied, {}, texts=[["今天气"]])
    assert list(tmp_path.iterdir()) == []


def test_a_unigram_model_says_how_many_texts_differ(tmp_path: Path):
    texts = mixed((*ENGLISH, *CHINESE), 60)
    unigram = trained_model(texts, Training(370, "unigram", coverage=1.0))
    manifest = save(tmp_path / "u", unigram, {}, texts=[texts])
    assert manifest["compared"]["texts"] == len(TRICKY) + 60
    assert manifest["compared"]["lossy"] == 0
    # Text that spells a token stays text in both forms.
    for name in ("tokenizer.model", "tokenizer.json"):
        form = load_tokenizer(tmp_path / "u" / name)
        ids = form.encode_batch(["<s> <0x0A></s><unk>"]).ids
        assert form.decode(ids) == "<s> <0x0A></s><unk>"
        assert not form.is_special[ids].any()


def test_comparison_counts_texts_that_differ_or_do_not_come_back(english: Any, tmp_path: Path):
    save(tmp_path / "a", english, {})
    one, two = (load_tokenizer(tmp_path / "a" / f"tokenizer.{e}") for e in ("model", "json"))
    found = Comparison()
    found.add(one, two, ["the cat", "a▁b", ""])
    assert (found.texts, found.bytes, found.different, found.lossy) == (3, 12, 0, 1)
    save(tmp_path / "b", trained_model(mixed(CHINESE, 9), Training(340, coverage=1.0)), {})
    found.add(one, load_tokenizer(tmp_path / "b" / "tokenizer.json"), ["公", ""])
    assert (found.texts, found.different, found.example) == (5, 1, "公")


def test_a_folder_of_something_else_is_left_alone(english: Any, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(TokenizerError, match="holds something else"):
        save(tmp_path, english, {})
    assert (tmp_path / "notes.txt").read_text() == "mine"
    # One of ours is replaced whole.
    save(tmp_path / "t", english, {}, chat_template="x")
    save(tmp_path / "t", english, {})
    assert not (tmp_path / "t" / "chat_template.jinja").exists()
