"""Useful (unpadded) tokens a second beside transformers' Trainer, on the same model and documents.

    python benchmarks/train_vs_hf.py --json

Pretraining: its concatenated blocks against our rows with document masks. Instruction tuning with
short answers: its padding collator against our packed rows. Both in float32 on the CPU with AdamW,
clipping and the same model; the first steps are left out of the clock on both sides. Sides take
turns, and the median of the rounds counts. The sample's documents unless others are given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.utils.logging import disable_progress_bar

from curate.tokens.format.reader import Shards
from curate.tokens.tokenizer import load_tokenizer
from trainer.config import Config
from trainer.loop import train
from trainer.model import fresh_config
from trainer.watch import METRICS, lines_of

ROOT = Path(__file__).parent.parent
SKIPPED = 2
"""Steps before the clock starts."""
FRESH = {"hidden_size": 256, "layers": 4, "heads": 8, "kv_heads": 4, "max_positions": 4096}


class Examples(Dataset[dict[str, list[int]]]):
    """Token ids and labels."""

    def __init__(self, examples: list[dict[str, list[int]]]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, number: int) -> dict[str, list[int]]:
        return self.examples[number]


def documents(shards: Shards) -> list[dict[str, list[int]]]:
    """Every segment of the training rows, with -100 where nothing is learnt."""
    found = []
    for row in range(len(shards)):
        tokens, mask = shards.tokens(row), shards.mask(row)
        for s in shards.segments(row):
            ids = tokens[s.begin : s.end].astype(np.int64)
            labels = np.where(mask[s.begin : s.end], ids, -100)
            found.append({"input_ids": ids.tolist(), "labels": labels.tolist()})
    return found


def blocks(examples: list[dict[str, list[int]]], length: int) -> list[dict[str, list[int]]]:
    """Documents end to end in blocks, as transformers' run_clm makes them."""
    ids = [i for e in examples for i in e["input_ids"]]
    starts = range(0, len(ids) - length + 1, length)
    return [{"input_ids": ids[a : a + length], "labels": ids[a : a + length]} for a in starts]


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.times.append(time.perf_counter())


def padded(features: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """A batch padded to its longest example on the right, as DataCollatorForSeq2Seq pads."""

    def column(key: str, fill: int) -> torch.Tensor:
        values = [torch.tensor(feature[key]) for feature in features]
        return torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=fill)

    ids = column("input_ids", -1)
    return {
        "input_ids": ids.clamp(min=0),
        "attention_mask": (ids >= 0).long(),
        "labels": column("labels", -100),
    }


class Counted:
    """A collator that notes the unpadded tokens of every batch."""

    def __init__(self, collator: Any) -> None:
        self.collator, self.tokens = collator, []

    def __call__(self, features: list[dict[str, list[int]]]) -> Any:
        self.tokens.append(sum(len(f["input_ids"]) for f in features))
        return self.collator(features)


def theirs(
    config: Config, examples: list[dict[str, list[int]]], batch: int, micro: int, place: Path
) -> float:
    """Useful tokens a second of transformers' Trainer, with the configuration's type and device."""
    from transformers import LlamaForCausalLM

    assert config.model.fresh is not None
    path = config.tokenizer_path()
    torch.manual_seed(0)
    vocabulary = load_tokenizer(path).vocab_size
    model = LlamaForCausalLM(fresh_config(config.model, config.model.fresh, vocabulary))
    collator = Counted(padded)
    clock = Clock()
    accumulation = max(1, batch // micro)
    arguments = TrainingArguments(
        output_dir=str(place),
        per_device_train_batch_size=min(micro, batch),
        gradient_accumulation_steps=accumulation,
        max_steps=config.steps or 1,
        learning_rate=config.optimizer.lr,
        max_grad_norm=1.0,
        use_cpu=config.device == "cpu",
        bf16=config.precision == "bf16",
        torch_compile=config.compile,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        logging_steps=1000,
        dataloader_num_workers=0,
    )
    Trainer(
        model=model,
        args=arguments,
        train_dataset=Examples(examples),
        data_collator=collator,
        callbacks=[clock],
    ).train()
    tokens = sum(collator.tokens[SKIPPED * accumulation : len(clock.times) * accumulation])
    return tokens / (clock.times[-1] - clock.times[SKIPPED - 1])


def ours(config: Config, stage: Any) -> float:
    """Useful tokens a second of the whole loop, from its own metrics."""
    train(config, stage)
    lines = lines_of(config.folder / METRICS)
    counted = [(b["tokens"] - a["tokens"], b["tokens_per_s"]) for a, b in pairwise(lines)]
    counted = counted[SKIPPED - 1 :]
    return sum(n for n, _ in counted) / sum(n / rate for n, rate in counted)


def prepared(place: Path, seq_length: int) -> None:
    """The sample's build, tokenizer and shards."""
    run = [sys.executable, "-m", "curate"]
    sft = str(ROOT / "recipes/train/sample-sft.jsonl")
    pack = ["--tokenizer", "t", "--seq-length", str(seq_length)]
    for command in (
        ["build", "corpus", "--out", "builds"],
        ["tokenizer", "train", "builds/sample", "--size", "1500", "-o", "t"],
        ["pack", "builds/sample", *pack, "--out", "text"],
        ["pack", sft, *pack, "--prompt", "alpaca", "--out", "sft"],
    ):
        subprocess.run([*run, *command], cwd=place, check=True, capture_output=True)


def main() -> None:
    """Prints both ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="shards of text")
    parser.add_argument("--instructions", type=Path, help="shards of instructions")
    parser.add_argument("--tokenizer", type=Path, help="of these shards")
    parser.add_argument("--vocabulary", type=int, default=8192, help="rows of the embedding")
    parser.add_argument("--seq-length", type=int, default=1024, help="of the sample's shards")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4, help="rows of a step")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    given = (options.text, options.instructions, options.tokenizer)
    if any(given) and not all(given):
        parser.error("give --text, --instructions and --tokenizer together, or none")
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        text, sft, tokenizer = given
        if not text:
            prepared(place, options.seq_length)
            text, sft, tokenizer = place / "text", place / "sft", place / "t"
        result: dict[str, Any] = {}
        for stage, shards in (("pretrain", Shards(text)), ("sft", Shards(sft))):
            examples = documents(shards)
            length = shards.index.seq_length
            rows = options.rows
            if stage == "pretrain":
                examples, batch = blocks(examples, length), rows
            else:
                # As many examples as our rows hold, so that steps are of the same size.
                batch = max(4, round(rows * len(examples) / len(shards) / 4) * 4)
            rates: dict[str, list[float]] = {"ours": [], "theirs": []}
            for number in range(options.rounds):
                config = Config(
                    name=f"{stage}-{number}",
                    shards=str(shards.folder),
                    model={
                        "fresh": FRESH,
                        "tokenizer": str(tokenizer),
                        "pad_vocabulary_to": options.vocabulary,
                    },
                    batch={"rows": rows, "micro_rows": max(1, rows // 2)},
                    steps=options.steps,
                    evaluation=False,
                    device="cpu",
                    out=str(place / "runs"),
                )
                rates["ours"].append(ours(config, stage))
                rates["theirs"].append(
                    theirs(config, examples, batch, max(1, batch // 2), place / "hf")
                )
            for side, values in rates.items():
                result[f"{stage}_{side}_tokens_per_s"] = round(statistics.median(values), 1)
            pairs = zip(rates["ours"], rates["theirs"], strict=True)
            ratio = statistics.median(a / b for a, b in pairs)
            result[f"{stage}_useful_tokens_ratio"] = round(ratio, 3)
            print(f"{stage}: {ratio:.2f} times, {rates}", file=sys.stderr)
    result["threads"] = torch.get_num_threads()
    print(json.dumps(result) if options.json else result)


if __name__ == "__main__":
    main()
