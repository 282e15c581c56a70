"""A real small Llama learns Chinese: extended vocabulary, held-out loss in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.tokens.extend import extended, learnt_donor
from curate.tokens.llama2c import read_llama2c_tokenizer
from tests.curate.tokens.packing_files import packed, write_build
from trainer.config import Config
from trainer.loop import train
from trainer.watch import EVALUATIONS, lines_of

STORY = (
    "Once upon a time, there was a little {who} named {name}. {name} liked to play with a {thing} "
    "in the park. One day, {name} saw a big {other}. The {other} was very sad. {name} said, "
    '"Do you want to play with me?" The {other} was happy. They played all day and became friends.'
)


def stories() -> list[str]:
    """Thirty-six short stories in the manner of what the model was trained on, written by us."""
    return [
        STORY.format(who=who, name=name, thing=thing, other=other)
        for who, name in (("girl", "Lily"), ("boy", "Tim"), ("cat", "Tom"))
        for thing in ("ball", "toy car", "red box", "kite")
        for other in ("dog", "bird", "bear")
    ]


def scores(run: Path) -> dict[tuple[int, str], float]:
    """Bits a character by step and source."""
    return {
        (line["step"], line["source"]): line["bits_per_character"]
        for line in lines_of(run / EVALUATIONS)
    }


def test_continued_pretraining_with_an_extended_tokenizer(real_data: Path, tmp_path: Path):
    place = real_data / "tokenizers/llama2c_stories260K"
    base = read_llama2c_tokenizer(place / "tok512.bin")
    papers = (real_data / "csl/csl_camera_readly.tsv").read_text("utf-8").splitlines()[:500]
    chinese = [line.split("\t")[1] for line in papers]
    donor = learnt_donor(iter(chinese), 3000, 0.9995)
    (tmp_path / "base.model").write_bytes(base.SerializeToString())
    longer = extended(base, donor, size=3000).model
    (tmp_path / "zh.model").write_bytes(longer.SerializeToString())
    options: dict[str, Any] = {"seq_length": 256, "validation": 0.2}
    write_build(tmp_path / "en", {"english": stories()})
    packed(tmp_path / "sen", tmp_path / "base.model", [tmp_path / "en"], **options)
    write_build(tmp_path / "both", {"english": stories(), "csl": chinese})
    packed(tmp_path / "szh", tmp_path / "zh.model", [tmp_path / "both"], **options)

    def run(name: str, shards: str, model: dict[str, Any], steps: int) -> dict[Any, float]:
        train(
            Config(
                name=name,
                shards=str(tmp_path / shards),
                model={"path": str(place / "stories260K.bin"), **model},
                batch={"rows": 8, "micro_rows": 8},
                steps=steps,
                optimizer={"lr": 3e-3},
                schedule={"kind": "linear", "warmup": 5, "floor": 0.1},
                evaluation={"every": 1000, "rows": 20},
                device="cpu",
                out=str(tmp_path / "runs"),
            ),
            "pretrain",
        )
        return scores(tmp_path / "runs" / name)

    before = run("en", "sen", {"tokenizer": str(tmp_path / "base.model")}, 1)
    after = run(
        "zh",
        "szh",
        {"tokenizer": str(tmp_path / "zh.model"), "base_tokenizer": str(tmp_path / "base.model")},
        25,
    )
    print({"before extending": before, "after": after})
    # A model of English stories: far below the bits a character of someone who knows none.
    assert before[0, "english"] < 1.2
    # New rows take a share of the probability, and little of it.
    assert after[0, "english"] == pytest.approx(before[0, "english"], abs=0.3)
    assert after[25, "csl"] < after[0, "csl"] - 2
