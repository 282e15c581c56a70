"""Small builds, tokenizers and packings that the tests of packing share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sentencepiece
import tokenizers
from tokenizers import AddedToken, decoders, models, pre_tokenizers, trainers

from curate.fingerprint import file_sha256
from curate.tokens.mixture import checked
from curate.tokens.pack import Packing, PackResult

SENTENCES = [
    "镇上的图书馆上个月重新开放，第一天就来了三百位居民。",
    "孩子们最喜欢靠窗的位置，那里看得见河边的老柳树。",
    "请把下面的句子翻译成英文，并说明理由。",
    "The library opened again last month, and 300 people came.",
    "答案：先把水烧开，再放面条，煮三分钟就好。",
    "Below is an instruction that describes a task. Write a response.",
    "### Instruction: ### Input: ### Response: system user assistant",
]


@lru_cache(maxsize=1)
def _byte_level() -> str:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    names = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in names])
    return str(tokenizer.to_str())


def byte_level(folder: Path, template: str | None = None, roles: bool = True) -> Path:
    """A folder with a byte-level BPE tokenizer.json that merges across any seam it is shown."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(_byte_level(), encoding="utf-8")
    config: dict[str, Any] = {"eos_token": "</s>"}
    if roles:
        config["bos_token"] = "<s>"
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@lru_cache(maxsize=2)
def _sentencepiece(byte_fallback: bool) -> bytes:
    import io

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES * 20),
        model_writer=model,
        model_type="bpe",
        vocab_size=440 if byte_fallback else 160,
        byte_fallback=byte_fallback,
        character_coverage=1.0 if byte_fallback else 0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        bos_id=1,
        eos_id=2,
        unk_id=0,
        minloglevel=2,
        hard_vocab_limit=False,
    )
    return model.getvalue()


def llama_like(path: Path, byte_fallback: bool = True) -> Path:
    """A SentencePiece model as LLaMA's: BPE, a space before every text, bytes for the rest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_sentencepiece(byte_fallback))
    return path


def write_build(folder: Path, rows: Mapping[str, Iterable[str]], shards: int = 1) -> Path:
    """A finished build with these texts by source, in so many data shards."""
    ids, sources, texts = [], [], []
    for source, values in sorted(rows.items()):
        for number, text in enumerate(values):
            ids.append(f"{source}/part.txt#{number + 1:09d}")
            sources.append(source)
            texts.append(text)
    table = pa.table(
        {
            "id": ids,
            "source": pa.array(sources).dictionary_encode(),
            "text": pa.array(texts, pa.large_string()),
        }
    )
    return finished(folder, table, shards, sorted(rows))


def finished(folder: Path, table: pa.Table, shards: int, sources: list[str]) -> Path:
    """Writes a build's data and manifest."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    outputs = []
    size = -(-table.num_rows // shards) or 1
    for number in range(shards):
        path = folder / f"data/{number:05d}.parquet"
        part = table.slice(number * size, size)
        pq.write_table(part, path)
        outputs.append(
            {
                "path": f"data/{number:05d}.parquet",
                "rows": part.num_rows,
                "bytes": path.stat().st_size,
                "sha256": file_sha256(path),
            }
        )
    manifest = {
        "name": folder.name,
        "outputs": outputs,
        "sources": {
            source: {
                "licence": f"licence of {source}",
                "homepage": f"https://example.org/{source}",
                "inputs": [
                    {
                        "file": "part.txt",
                        "sha256": "0" * 64,
                        "bytes": 1,
                        "url": f"https://example.org/{source}/part.txt",
                        "revision": "1",
                    }
                ],
            }
            for source in sources
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def texts(count: int, seed: int = 0) -> list[str]:
    """Documents of very different lengths, none twice."""
    return [
        f"{number}：" + "".join(SENTENCES[(number + k + seed) % 5] for k in range(number % 13))
        for number in range(count)
    ]


def packed(
    out: Path, tokenizer: Path, builds: list[Any], workers: int = 1, **options: Any
) -> PackResult:
    """Packs builds (paths, or members as mappings)."""
    members = [b if isinstance(b, dict) else {"build": str(b)} for b in builds]
    mixture = checked({"builds": members, **options}, "test")
    return Packing(mixture, tokenizer, out, workers).run()
