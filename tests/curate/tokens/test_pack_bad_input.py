"""What goes wrong is said in words, and nothing half-written is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curate.errors import CurateError, RecipeError
from curate.storage import read_json, write_json
from curate.tokens import pack
from curate.tokens.format.reader import Shards
from curate.tokens.format.verify import verified
from curate.tokens.tokenizer import load_tokenizer
from curate.tokens.trace import traced
from tests.curate.tokens.packing_files import (
    byte_level,
    finished,
    llama_like,
    packed,
    texts,
    write_build,
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory) -> Path:
    return byte_level(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Path:
    return write_build(tmp_path_factory.mktemp("builds") / "zh", {"wiki": texts(60)})


@pytest.fixture
def shards(build, tokenizer, tmp_path) -> Path:
    packed(tmp_path / "s", tokenizer, [build], seq_length=64)
    return tmp_path / "s"


def refused(out: Path, words: str, tokenizer: Path, builds: list, code: int = 2, **options) -> None:
    with pytest.raises(CurateError, match=words) as caught:
        packed(out, tokenizer, builds, **options)
    assert caught.value.exit_code == code
    assert not out.exists()


def test_a_tokenizer_without_bos(build, tmp_path):
    lacking = byte_level(tmp_path / "t", roles=False)
    refused(tmp_path / "s", "no BOS token; give --no-bos", lacking, [build], seq_length=64)
    assert packed(tmp_path / "s", lacking, [build], seq_length=64, bos=False).index.documents == 60


def test_prompts_that_need_what_the_tokenizer_lacks(tokenizer, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"instruction": "a", "input": "", "output": "b"}\n')
    lacking = byte_level(tmp_path / "t", roles=False)
    refused(tmp_path / "s", "no BOS token, which --prompt alpaca begins with", lacking, [path])
    refused(tmp_path / "s", "no chat template", tokenizer, [path], prompt="template")


def test_a_tokenizer_without_bytes_says_what_it_could_not_express(tmp_path):
    build = write_build(tmp_path / "b", {"wiki": ["图书馆开放。", "𠮷野家龘。"]})
    lacking = llama_like(tmp_path / "t/a.model", byte_fallback=False)
    result = packed(tmp_path / "s", lacking, [build], seq_length=64)
    assert result.unknown > 0 and result.summary()["unknown_tokens"] == result.unknown
    whole = packed(tmp_path / "u", llama_like(tmp_path / "t/b.model"), [build], seq_length=64)
    assert whole.unknown == 0


def test_another_tokenizer_than_the_shards_were_made_with(shards, tmp_path):
    other = load_tokenizer(llama_like(tmp_path / "t/a.model"))
    with pytest.raises(RecipeError, match="another tokenizer than the shards were made with"):
        Shards(shards).check_tokenizer(other.fingerprint)


def test_a_vocabulary_too_large_for_16_bits(build, tmp_path):
    large = byte_level(tmp_path / "t")
    value = json.loads((large / "tokenizer.json").read_text())
    extra = {f"<extra_{i}>": len(value["model"]["vocab"]) + i for i in range(70_000)}
    value["model"]["vocab"] |= extra
    top = len(value["model"]["vocab"])
    for i, token in enumerate(value["added_tokens"]):
        token["id"] = top + i
    (large / "tokenizer.json").write_text(json.dumps(value))
    options = {"seq_length": 64, "token_type": "uint16"}
    refused(tmp_path / "s", "does not fit 16 bits", large, [build], **options)
    # BOS is beyond 65,535 there: nothing may be cut off.
    index = packed(tmp_path / "s", large, [build], seq_length=64).index
    assert index.token_type == "uint32"
    assert index.tokenizer.bos_id > 65_535
    shards = Shards(tmp_path / "s")
    firsts = [
        shards.tokens(row)[s.begin]
        for row in range(len(shards))
        for s in shards.segments(row)
        if s.offset == 0
    ]
    assert set(firsts) == {index.tokenizer.bos_id} and len(firsts) == 60


def test_an_empty_build(tokenizer, tmp_path):
    empty = write_build(tmp_path / "b", {"wiki": []})
    refused(tmp_path / "s", "kept no rows", tokenizer, [empty])
    (tmp_path / "c.jsonl").touch()
    refused(tmp_path / "s", "is empty", tokenizer, [tmp_path / "c.jsonl"])


def test_a_build_of_empty_documents(tokenizer, tmp_path):
    empty = write_build(tmp_path / "b", {"wiki": ["", ""]})
    refused(tmp_path / "s", r"none of 2 documents can be packed \(empty 2\)", tokenizer, [empty], 1)


def test_what_is_no_build(build, tokenizer, tmp_path):
    refused(tmp_path / "s", "there is no build or file", tokenizer, [tmp_path / "b"])
    (tmp_path / "unfinished/data").mkdir(parents=True)
    refused(tmp_path / "s", "no finished build", tokenizer, [tmp_path / "unfinished"])
    refused(tmp_path / "s", f"it holds {build}", tokenizer, [build.parent])
    (tmp_path / "unfinished/manifest.json").write_text("{}")
    refused(tmp_path / "s", "not the manifest of a build", tokenizer, [tmp_path / "unfinished"])
    (tmp_path / "array.json").write_text("[\n{}\n]")
    refused(tmp_path / "s", "no JSON Lines file", tokenizer, [tmp_path / "array.json"])
    (tmp_path / "a.txt").touch()
    refused(tmp_path / "s", "neither a build's folder", tokenizer, [tmp_path / "a.txt"])


def test_a_build_whose_data_changed(build, tokenizer, tmp_path):
    copy = shutil.copytree(build, tmp_path / "zh")
    path = copy / "data/00000.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    refused(tmp_path / "s", "another checksum", tokenizer, [copy], 1)
    path.write_bytes(data[:-1])
    refused(tmp_path / "s", "missing or cut", tokenizer, [copy])


def test_tokenised_documents_that_are_damaged(shards, build, tokenizer):
    (path,) = shards.parent.glob(".tokens/*/tokens.npy")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CurateError, match="remove that folder and run"):
        packed(shards, tokenizer, [build], seq_length=32)
    shutil.rmtree(path.parent)
    assert packed(shards, tokenizer, [build], seq_length=32).tokenised == 1


def test_text_and_instructions_are_packed_apart(build, tokenizer, tmp_path):
    columns = {"id": ["a/b#1"], "instruction": ["a"], "input": [""], "output": ["b"]}
    table = pa.table({**columns, "source": pa.array(["a"]).dictionary_encode()})
    other = finished(tmp_path / "sft", table, 1, ["a"])
    refused(tmp_path / "s", "pack them apart", tokenizer, [build, other])
    index = packed(tmp_path / "s", tokenizer, [other]).index
    assert index.kind == "instructions" and index.counts["documents_packed"] == 1
    refused(tmp_path / "t", "never cut", tokenizer, [other], packing="concatenate")


def test_options_that_make_no_sense(build, tokenizer, tmp_path):
    refused(tmp_path / "s", "did you mean 'seq_length'", tokenizer, [build], seq_lenght=64)
    refused(tmp_path / "s", "seq_length: .*8", tokenizer, [build], seq_length=7)
    refused(tmp_path / "s", "validation", tokenizer, [build], validation=1.0)
    members = [{"build": str(build), "weight": 1}, {"build": str(build)}]
    refused(tmp_path / "s", "every build a weight or none", tokenizer, members)


def test_rows_of_eight_tokens(build, tokenizer, tmp_path):
    index = packed(tmp_path / "s", tokenizer, [build], seq_length=8).index
    assert index.counts["tokens_in"] == index.counts["tokens_packed"]
    assert verified(tmp_path / "s").problems == ()
    path = tmp_path / "a.jsonl"
    path.write_text('{"instruction": "翻译一下", "input": "", "output": "b"}\n')
    words = r"none of 1 documents can be packed \(too_long 1\)"
    refused(tmp_path / "t", words, tokenizer, [path], 1, seq_length=8)


def test_a_long_document_is_split_and_whole_again(tokenizer, tmp_path):
    long = "，".join(texts(13)) * 400
    build = write_build(tmp_path / "b", {"wiki": [long, "短。"]})
    index = packed(tmp_path / "s", tokenizer, [build], seq_length=64).index
    assert index.counts["tokens_packed"] > 50_000 and index.splits["train"].fill > 0.999
    shards = Shards(tmp_path / "s")
    pieces = sorted(
        (s.offset, shards.tokens(row)[s.begin : s.end].tolist())
        for row in range(len(shards))
        for s in shards.segments(row)
        if shards.document(s.document).id.endswith("1")
    )
    assert load_tokenizer(tokenizer).decode([i for _, ids in pieces for i in ids]) == long


def test_a_foreign_folder_is_not_overwritten(build, tokenizer, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s/notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds no packed shards"):
        packed(tmp_path / "s", tokenizer, [build], seq_length=64)
    assert (tmp_path / "s/notes.txt").read_text() == "mine"


def test_shards_made_anew_replace_the_old_only_when_they_are_whole(
    shards, build, tokenizer, monkeypatch
):
    before = read_json(shards / "index.json")
    with monkeypatch.context() as patch:
        patch.setattr(pack, "write_documents", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            packed(shards, tokenizer, [build], seq_length=32)
    assert read_json(shards / "index.json") == before and verified(shards).problems == ()


@pytest.mark.parametrize(
    "name", ["train/00000/tokens.npy", "train/00000/segments.npy", "documents.arrow",
             "builds/zh.json", "dropped.parquet"]
)  # fmt: skip
def test_one_flipped_bit_is_found(shards, name):
    path = shards / name
    data = bytearray(path.read_bytes())
    data[-3] ^= 4
    path.write_bytes(data)
    found = verified(shards)
    assert any(problem.startswith(f"{name} has another checksum") for problem in found.problems)


@pytest.mark.parametrize("name", ["tokens.npy", "segments.npy", "rows.npy"])
def test_a_cut_or_missing_file_of_a_part(shards, name):
    path = shards / "train/00000" / name
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CurateError, match="cut or damaged"):
        Shards(shards)
    assert any(
        problem.startswith(f"train/00000/{name} has") for problem in verified(shards).problems
    )
    path.unlink()
    with pytest.raises(CurateError, match=f"{name} is missing"):
        Shards(shards)
    assert f"train/00000/{name} is missing" in verified(shards).problems


def test_a_missing_table_of_documents(shards):
    (shards / "documents.arrow").unlink()
    with pytest.raises(CurateError, match=r"documents\.arrow is missing"):
        traced(Shards(shards), 0, 0)


def test_files_of_two_packings_mixed(shards, build, tokenizer, tmp_path):
    packed(tmp_path / "t", tokenizer, [build], seq_length=32)
    shutil.copyfile(tmp_path / "t/train/00000/tokens.npy", shards / "train/00000/tokens.npy")
    with pytest.raises(CurateError, match="not of one packing"):
        Shards(shards)


def test_an_index_that_is_none(shards, tmp_path):
    with pytest.raises(CurateError, match="holds no packed shards"):
        Shards(tmp_path)
    value = read_json(shards / "index.json")
    write_json(shards / "index.json", {**value, "version": 2})
    with pytest.raises(CurateError, match="newer than this program knows"):
        Shards(shards)
    (shards / "index.json").write_text('{"format": ')
    with pytest.raises(CurateError, match="damaged"):
        Shards(shards)


def test_rows_and_tokens_that_do_not_exist(shards):
    opened = Shards(shards)
    with pytest.raises(CurateError, match="there is no row 9999"):
        traced(opened, 9999, 0)
    with pytest.raises(CurateError, match="there is no token 64"):
        traced(opened, 0, 64)
    with pytest.raises(CurateError, match="no split 'test'; it has: train"):
        Shards(shards, "test")
    ends = [opened.segments(row)[-1].end for row in range(len(opened))]
    row = int(np.argmin(ends))
    with pytest.raises(CurateError, match="is padding"):
        traced(opened, row, ends[row])
