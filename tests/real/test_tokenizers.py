"""Tokenizers on the real samples: forms that agree, extensions that fit, a real small Llama."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.tokenizer_forms import text_files, texts
from curate.tokens.extend import Extension, extended
from curate.tokens.fastform import fast_tokenizer, tied_pieces, uncovered_pieces
from curate.tokens.huggingface import load as load_fast
from curate.tokens.llama2c import read_llama2c_tokenizer
from curate.tokens.save import Comparison, save
from curate.tokens.sentencepiece import SentencePieceTokenizer, read_model
from curate.tokens.tokenizer import Tokenizer, TokenizerError, load_tokenizer

MODELS = {
    "llama": "llama/tokenizer.model",
    "chinese": "chinese_llama_alpaca/chinese_sp.model",
    "merged": "chinese_llama2/tokenizer.model",
    "clue": "tencentpretrain/cluecorpussmall_spm.model",
    "stories": "tok4096/tokenizer4096.model",
}
LOSSLESS = ("llama", "merged")


@pytest.fixture(scope="module")
def models(real_data: Path) -> dict[str, Any]:
    return {name: read_model(real_data / "tokenizers" / path) for name, path in MODELS.items()}


@pytest.fixture(scope="module")
def sample(real_data: Path) -> list[str]:
    """10,000 short and long texts of every file (all: benchmarks/tokenizer_forms.py)."""
    chance = random.Random(11)
    every = [
        text
        for path in text_files(real_data)
        for text in islice(texts(path), 60)
        if 0 < len(text) < 5000
    ]
    return chance.sample(every, 10_000)


@pytest.fixture(scope="module")
def wider(models: dict[str, Any]) -> Extension:
    return extended(models["llama"], models["chinese"], special=("<|im_start|>", "<|im_end|>"))


def form(model: Any, folder: Path) -> Tokenizer:
    """The model's tokenizer.json, loaded as anyone's would be."""
    (folder / "tokenizer.json").write_text(fast_tokenizer(model).to_str())
    return load_fast(folder / "tokenizer.json", 1)


@pytest.mark.parametrize("name", ["llama", "stories"])
def test_real_models_convert_with_identical_ids(
    models: dict[str, Any], sample: list[str], tmp_path: Path, name: str
):
    found = Comparison()
    model = SentencePieceTokenizer(Path(name), models[name], 1)
    found.add(model, form(models[name], tmp_path), sample)
    assert found.different == 0
    assert found.lossy == 0 or name not in LOSSLESS


def test_the_published_merge_has_no_faithful_tokenizer_json(
    models: dict[str, Any], sample: list[str], tmp_path: Path
):
    """Its new pieces all score 0: SentencePiece takes the leftmost, merges have one order."""
    merged = models["merged"]
    assert tied_pieces(merged) > 15_000
    assert set(uncovered_pieces(merged)) == {"山楂", "琅琊榜", "▁̧"}
    found = Comparison()
    found.add(SentencePieceTokenizer(Path("m"), merged, 1), form(merged, tmp_path), sample)
    assert found.different > 100
    assert found.lossy == 0
    with pytest.raises(TokenizerError, match="share their score"):
        extended(merged, models["chinese"])


def test_our_extension_does(wider: Extension, sample: list[str], tmp_path: Path):
    manifest = save(tmp_path / "wider", wider.model, {}, texts=[sample])
    assert manifest["compared"]["texts"] > 10_000
    assert manifest["compared"]["different"] == manifest["compared"]["lossy"] == 0
    assert len(wider.model.pieces) == 48_874
    assert len(wider.left_out["unreachable"]) == 313


def test_old_ids_stay_and_text_without_chinese_encodes_as_before(
    models: dict[str, Any], wider: Extension, sample: list[str]
):
    assert list(wider.model.pieces[:32_000]) == list(models["llama"].pieces)
    plain = [t for t in sample if t.isascii()]
    assert len(plain) > 1000
    before = SentencePieceTokenizer(Path("a"), models["llama"], 1).encode_batch(plain)
    after = SentencePieceTokenizer(Path("b"), wider.model, 1).encode_batch(plain)
    assert np.array_equal(before.ids, after.ids)


def test_close_to_the_published_merge(models: dict[str, Any], wider: Extension, sample: list[str]):
    """Same base, same donor: nearly the same pieces, and no more tokens where it matters."""
    published = {p.piece for p in models["merged"].pieces}
    assert sum(p in published for p in wider.added) > 0.9 * len(wider.added)
    zh = [t for t in sample if sum("一" <= c <= "鿿" for c in t) > len(t) / 2]
    counts = {
        name: len(SentencePieceTokenizer(Path(name), model, 1).encode_batch(zh).ids)
        for name, model in {**models, "ours": wider.model}.items()
        if name in ("llama", "merged", "ours")
    }
    assert counts["ours"] < 0.55 * counts["llama"]
    assert counts["ours"] < 1.02 * counts["merged"]


def test_unigram_models_lose_text_without_bytes(real_data: Path):
    path = real_data / "tokenizers" / MODELS["clue"]
    with pytest.raises(TokenizerError, match="no byte tokens"):
        load_tokenizer(path, require_bytes=True)
    for name in ("google_zh_vocab.txt", "../llama/tokenizer.bin"):
        with pytest.raises(TokenizerError, match="neither a SentencePiece model"):
            load_tokenizer(path.parent / name)


STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do."
)


def test_a_real_small_llama_and_new_pieces(real_data: Path):
    """Rows from a piece's own parts serve better than the mean of all rows."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from trainer.embeddings import resize_embeddings
    from trainer.llama2c import read_llama2c

    folder = real_data / "tokenizers" / "llama2c_stories260K"
    proto = read_llama2c_tokenizer(folder / "tok512.bin")
    base = SentencePieceTokenizer(folder, proto, 1)

    def loss(model: Any, tokenizer: Tokenizer, text: str) -> float:
        """Nats a character."""
        ids = [tokenizer.bos_id, *tokenizer.encode_batch([text]).ids.tolist()]
        batch = torch.tensor([ids])
        with torch.no_grad():
            return float(model(batch, labels=batch).loss) * (len(ids) - 1) / len(text)

    model = read_llama2c(folder / "stories260K.bin")
    before = loss(model, base, STORY)
    assert before < 0.25
    assert loss(model, base, " ".join(reversed(STORY.split()))) > 5 * before

    donor = type(proto)()
    for i, piece in enumerate(("▁time,", "▁little▁girl", "▁there▁was", "公园")):
        donor.pieces.add(piece=piece, score=-float(i), type=1)
    for piece in "公园":
        donor.pieces.add(piece=piece, score=-99.0, type=1)
    wide = extended(proto, donor, choice="all").model
    new = SentencePieceTokenizer(folder, wide, 1)
    spread = len(new.encode_batch([STORY]).ids)
    found = resize_embeddings(model, base, new, pad_to_multiple=64)
    assert spread < len(base.encode_batch([STORY]).ids)
    assert found.copied == 512
    assert model.config.vocab_size == 576
    after = loss(model, new, STORY)
    with torch.no_grad():
        rows = model.get_input_embeddings().weight
        rows[512:] = rows[:512].mean(0)
    assert before < after < loss(model, new, STORY)
