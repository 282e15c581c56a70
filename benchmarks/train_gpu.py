"""Pretraining on one GPU: tokens a second and MFU, beside transformers' Trainer in the same call.

    python benchmarks/train_gpu.py --json

A Llama of one billion parameters (the sizes of recipes/train/1b.yaml) at 4,096 tokens in bfloat16:
our packed rows with document masks, its concatenated blocks. The sample's documents unless others
are given; they are short, so longer ones are fairer to attention. MFU is 6 N + 12 L H Q T with the
tokens that a token really sees for T (trainer/flops.py); `mfu_whole_rows` has the length of the row
there, as most published figures do. `--tiny` tries the script itself on a CPU with a tiny model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from transformers.utils.logging import disable_progress_bar

from benchmarks.train_vs_hf import FRESH, ROOT, SKIPPED, blocks, documents, ours, prepared, theirs
from curate.tokens.format.reader import Shards
from trainer.config import Config, read
from trainer.flops import flops_per_token, peak_flops
from trainer.model import fresh_config
from trainer.watch import METRICS, lines_of


def configured(options: argparse.Namespace, shards: Path, tokenizer: Path, out: Path) -> Config:
    """What both sides train."""
    billion = read(ROOT / "recipes/train/1b.yaml").model.fresh
    assert billion is not None
    return Config(
        name="gpu",
        shards=str(shards),
        model={
            "fresh": FRESH if options.tiny else billion.model_dump(),
            "tokenizer": str(tokenizer),
            "pad_vocabulary_to": 2048 if options.tiny else options.vocabulary,
        },
        batch={"rows": options.rows, "micro_rows": options.micro_rows},
        steps=options.steps,
        precision="fp32" if options.tiny else "bf16",
        compile=options.compile,
        activation_checkpointing=options.checkpointing,
        evaluation=False,
        checkpoints={"every": options.steps, "keep_last": 1, "keep_best": False},
        device="cpu" if options.tiny else "cuda",
        out=str(out),
    )


def measured(options: argparse.Namespace, place: Path) -> dict[str, Any]:
    """Both sides, one after the other, ours first."""
    length = 256 if options.tiny else options.seq_length
    text, tokenizer = options.text, options.tokenizer
    if not text:
        prepared(place, length)
        text, tokenizer = place / "text", place / "t"
    shards = Shards(text)
    config = configured(options, text, tokenizer, place / "runs")
    rate = ours(config, "pretrain")
    lines = lines_of(config.folder / METRICS)[SKIPPED:]
    device = "cpu" if options.tiny else torch.cuda.get_device_name()
    peak = peak_flops(device, torch.bfloat16)
    assert config.model.fresh is not None
    facts = fresh_config(config.model, config.model.fresh, options.vocabulary)
    whole = flops_per_token(facts, shards.index.seq_length)
    result: dict[str, Any] = {
        "device": device,
        "tokens_per_s": round(rate, 1),
        "mfu": statistics.median(x["mfu"] for x in lines) if peak else None,
        "mfu_whole_rows": rate * whole / peak if peak else None,
        "tflops": round(statistics.median(x["tflops"] for x in lines), 3),
        "data_share": round(sum(x["data_s"] for x in lines) / sum(x["step_s"] for x in lines), 5),
    }
    if not options.tiny:
        result["peak_memory_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
        torch.cuda.empty_cache()
    examples = blocks(documents(shards), shards.index.seq_length)
    other = theirs(config, examples, options.rows, options.micro_rows, place / "hf")
    result |= {"hf_tokens_per_s": round(other, 1), "hf_ratio": round(rate / other, 3)}
    return result


def main() -> None:
    """Prints the figures; the last line is one JSON object with --json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="shards of text")
    parser.add_argument("--tokenizer", type=Path, help="of these shards")
    parser.add_argument("--vocabulary", type=int, default=32000, help="rows of the embedding")
    parser.add_argument("--seq-length", type=int, default=4096, help="of the sample's shards")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rows", type=int, default=8, help="rows of a step")
    parser.add_argument("--micro-rows", type=int, default=4, help="rows at once, on both sides")
    parser.add_argument("--compile", action="store_true", help="torch.compile on both sides")
    parser.add_argument(
        "--checkpointing", action="store_true", help="activation checkpointing on our side"
    )
    parser.add_argument("--tiny", action="store_true", help="try the script on a CPU")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if bool(options.text) != bool(options.tokenizer):
        parser.error("give --text and --tokenizer together, or neither")
    if not options.tiny and not torch.cuda.is_available():
        parser.error("torch sees no GPU here; --tiny tries the script without one")
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(options, Path(folder))
    print(json.dumps(result) if options.json else result)


if __name__ == "__main__":
    main()
