"""Loading, encoding and decoding, the same for every form."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import decoders, models, pre_tokenizers, trainers

from curate.tokens import huggingface, sentencepiece
from curate.tokens.tokenizer import Tokenizer, TokenizerError, load_tokenizer
from tests.curate.tokens.conftest import CHINESE, ENGLISH

TEXTS = [*CHINESE, *ENGLISH, "", " a", "  两 格 ", "𠮷a\0b", "<s>x</s><|im_start|>user<0x0A>"]
# U+2581 is how SentencePiece writes a space, so it comes back as one.
ANY = st.text(alphabet=st.one_of(st.sampled_from("公园的 \n=，<s>|im_start"), st.characters())).map(
    lambda text: text.replace("▁", "_").encode("utf-8", "ignore").decode()
)


@pytest.fixture(scope="module")
def forms(folder: Path) -> tuple[Tokenizer, Tokenizer]:
    return (
        sentencepiece.load(folder / "tokenizer.model", 1),
        huggingface.load(folder / "tokenizer.json", 1),
    )


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE, as GPT-2's and Llama 3's, without configuration beside it."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet
    )
    made.train_from_iterator([*CHINESE, *ENGLISH] * 4, trainer)
    path = tmp_path_factory.mktemp("bytes") / "tokenizer.json"
    made.save(str(path))
    return path


def test_arrow_and_lists_encode_alike(folder: Path, byte_level: Path):
    for path in (folder, folder / "tokenizer.json", byte_level):
        tokenizer = load_tokenizer(path)
        expected = tokenizer.encode_batch(TEXTS)
        assert expected.ids.dtype == np.uint32
        assert expected.offsets.dtype == np.int64
        for array in (
            pa.array(TEXTS),
            pa.array(TEXTS, pa.large_string()),
            pa.chunked_array([TEXTS]),
        ):
            found = tokenizer.encode_batch(array)
            assert np.array_equal(found.ids, expected.ids)
            assert np.array_equal(found.offsets, expected.offsets)
        # A slice of an array, and nulls, which count as empty.
        assert np.array_equal(
            tokenizer.encode_batch(pa.array(["x", TEXTS[0]])[1:]).ids,
            tokenizer.encode_batch(TEXTS[:1]).ids,
        )
        assert tokenizer.encode_batch(pa.array([None, "a"])).offsets.tolist()[:2] == [0, 0]
        assert tokenizer.encode_batch([]).offsets.tolist() == [0]


def test_threads_make_no_difference(folder: Path):
    for path in (folder, folder / "tokenizer.json"):
        one, two = load_tokenizer(path), load_tokenizer(path, threads=2)
        assert np.array_equal(one.encode_batch(TEXTS * 20).ids, two.encode_batch(TEXTS * 20).ids)


@given(st.lists(ANY, max_size=4), st.booleans(), st.booleans())
def test_forms_agree_and_decode_to_the_text(
    forms: tuple[Tokenizer, Tokenizer], texts: list[str], special: bool, inner: bool
):
    one, two = (form.encode_batch(texts, special=special, inner=inner) for form in forms)
    assert np.array_equal(one.ids, two.ids)
    assert np.array_equal(one.offsets, two.offsets)
    for form in forms:
        assert form.decode_batch(*one, special=True, inner=inner) == texts


@given(st.lists(ANY, max_size=4), st.booleans())
def test_spans_cover_the_text_in_order(
    forms: tuple[Tokenizer, Tokenizer], texts: list[str], special: bool
):
    one, two = (form.offsets_batch(texts, special=special) for form in forms)
    assert one is not None and two is not None
    assert np.array_equal(one.ids, forms[0].encode_batch(texts, special=special).ids)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a, b)
    for i, text in enumerate(texts):
        spans = slice(one.offsets[i], one.offsets[i + 1])
        starts, ends = one.starts[spans].tolist(), one.ends[spans].tolist()
        covered = {c for a, b in zip(starts, ends, strict=True) for c in range(a, b)}
        assert covered == set(range(len(text)))
        assert starts == sorted(starts)


def test_spans_by_hand(folder: Path):
    tokenizer = load_tokenizer(folder)
    spans = tokenizer.offsets_batch(["𠮷 a"])
    assert spans is not None
    pieces = [tokenizer.piece(i) for i in spans.ids]
    assert pieces == ["▁", "<0xF0>", "<0xA0>", "<0xAE>", "<0xB7>", "▁a"]
    # The tokenizer's own space spans nothing; every byte of a character all of it.
    assert spans.starts.tolist() == [0, 0, 0, 0, 0, 1]
    assert spans.ends.tolist() == [0, 1, 1, 1, 1, 3]


def test_spelled_special_tokens_are_text_unless_asked(forms: tuple[Tokenizer, Tokenizer]):
    text = "<|im_start|>user\n<s> 你好<|im_end|>"
    for form in forms:
        plain = form.encode_batch([text])
        assert not form.is_special[plain.ids].any()
        asked = form.encode_batch([text], special=True)
        assert [form.piece(i) for i in asked.ids[form.is_special[asked.ids]]] == [
            "<|im_start|>",
            "<s>",
            "<|im_end|>",
        ]
        assert form.decode(asked.ids, special=True) == text
        assert form.decode(asked.ids) == "user\n 你好"


def test_what_a_tokenizer_says_of_itself(forms: tuple[Tokenizer, Tokenizer]):
    for form in forms:
        assert (form.unk_id, form.bos_id, form.eos_id) == (0, 1, 2)
        assert form.piece(form.pad_id or 0) == "<pad>"
        assert form.vocab_size == 520 == len(form.pieces)
        assert form.chat_template == "{{ messages }}"
        assert form.has_byte_fallback
        assert form.is_byte.sum() == 256
        assert set(form.special_tokens) == {
            "<unk>", "<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>"
        }  # fmt: skip
        assert form.id_of("▁the") is not None
        assert form.id_of("no such piece") is None
        with pytest.raises(ValueError, match="from 0 to 519"):
            form.decode([520])


def test_byte_level_tokenizers(byte_level: Path):
    tokenizer = load_tokenizer(byte_level, require_bytes=True)
    assert tokenizer.eos_id == 0
    assert tokenizer.bos_id is None
    for text in TEXTS:
        encoded = tokenizer.encode_batch([text])
        assert tokenizer.decode(encoded.ids) == text
    # é is two bytes, of which neither is a character.
    assert tokenizer.is_byte[tokenizer.encode_batch(["é"]).ids].all()
    assert not tokenizer.is_byte[tokenizer.encode_batch(["cat"]).ids].any()
    with pytest.raises(TokenizerError, match="no BOS token"):
        load_tokenizer(byte_level, require_bos=True)


def test_fingerprints_follow_content(folder: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    for name in ("tokenizer.model", "tokenizer.json"):
        assert load_tokenizer(folder / name).fingerprint == load_tokenizer(copy / name).fingerprint
    content = json.loads((copy / "tokenizer.json").read_bytes())
    # Written another way it is the same; padding and truncation are not its business.
    content |= {"truncation": None, "padding": None}
    (copy / "tokenizer.json").write_text(json.dumps(dict(reversed(content.items()))))
    same = load_tokenizer(copy / "tokenizer.json").fingerprint
    assert same == load_tokenizer(folder / "tokenizer.json").fingerprint
    content["added_tokens"] = content["added_tokens"][:-1]
    (copy / "tokenizer.json").write_text(json.dumps(content))
    assert load_tokenizer(copy / "tokenizer.json").fingerprint != same


def test_a_folder_of_others_is_read_by_its_tokenizer_json(folder: Path, tmp_path: Path):
    assert load_tokenizer(folder).form == "sentencepiece"
    for name in ("tokenizer.model", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(folder / name, tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.form == "tokenizers"
    assert tokenizer.chat_template is None
    config = json.loads((tmp_path / "tokenizer_config.json").read_bytes())
    config["chat_template"] = [
        {"name": "tools", "template": "t"},
        {"name": "default", "template": "d"},
    ]
    config["eos_token"] = {"content": "<|im_end|>", "special": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.chat_template == "d"
    assert tokenizer.piece(tokenizer.eos_id or 0) == "<|im_end|>"
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(TokenizerError, match=r"tokenizer_config\.json: not valid JSON"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.model", b"", "neither a SentencePiece model nor a tokenizer.json"),
        (
            "a.model",
            b"version https://git-lfs.github.com/spec/v1\noid x\n",
            "neither a SentencePiece",
        ),
        ("tokenizer.json", b"{", "not valid JSON"),
        ("tokenizer.json", b"[1]", 'has a "model" object'),
        ("tokenizer.json", b'{"model": {"type": "BPE"}}', "not a usable tokenizer.json"),
        ("tokenizer.json", b'\xff\xfe{"model"', "not valid JSON"),
    ],
)
def test_files_that_are_no_tokenizer(tmp_path: Path, name: str, content: bytes, words: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TokenizerError, match=words):
        load_tokenizer(tmp_path / name)


def test_a_cut_model_is_refused_or_at_least_never_crashes(folder: Path, tmp_path: Path):
    whole = (folder / "tokenizer.model").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        (tmp_path / "cut.model").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(TokenizerError, match="cut short or damaged"):
            load_tokenizer(tmp_path / "cut.model")


def test_folders_without_one_tokenizer(tmp_path: Path, folder: Path):
    with pytest.raises(TokenizerError, match="no such"):
        load_tokenizer(tmp_path / "absent")
    with pytest.raises(TokenizerError, match="holds neither"):
        load_tokenizer(tmp_path)
    for name in ("a.model", "b.model"):
        shutil.copy(folder / "tokenizer.model", tmp_path / name)
    with pytest.raises(TokenizerError, match=r"a\.model, b\.model"):
        load_tokenizer(tmp_path)


def test_what_work_may_require(english: Any, tmp_path: Path):
    model = type(english)()
    model.CopyFrom(english)
    model.trainer_spec.byte_fallback = False
    model.trainer_spec.bos_id = -1
    for piece in model.pieces:
        if piece.piece == "<s>" or piece.piece.startswith("<0x"):
            piece.type = type(piece).UNUSED
    (tmp_path / "a.model").write_bytes(model.SerializeToString())
    assert load_tokenizer(tmp_path / "a.model").bos_id is None
    with pytest.raises(TokenizerError, match="no BOS token"):
        load_tokenizer(tmp_path / "a.model", require_bos=True)
    with pytest.raises(TokenizerError, match="no byte tokens"):
        load_tokenizer(tmp_path / "a.model", require_bytes=True)
