"""Small models that the tokenizer tests share: one trained on English, one on Chinese."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from curate.tokens.save import save
from curate.tokens.train import Training, trained_model

ENGLISH = (
    "the cat sat on the mat and the dog sat by the door",
    "a child reads a short story to the other children",
    "rain fell on the town all night and into the morning",
    "she wrote 12 letters, he wrote 7; none was answered",
    "if x == y:\n    return x\n        # deeper",
)
CHINESE = (
    "我们今天去公园散步，天气很好。",
    "孩子们在教室里读书，老师在写字。",
    "他说：“明天再来吧！”大家都同意。",
    "这本书讲的是一座小城的历史。",
    "春天来了，公园里的花都开了。",
)


def mixed(sentences: tuple[str, ...], n: int) -> list[str]:
    """N texts of sentences in changing order."""
    chance = random.Random(5)
    return [" ".join(chance.sample(sentences, 3)) for _ in range(n)]


@pytest.fixture(scope="session")
def english() -> Any:
    """A LLaMA-style model that has hardly seen Chinese: its full stop and comma."""
    return trained_model([*mixed(ENGLISH, 60), "。，"], Training(380, coverage=1.0))


@pytest.fixture(scope="session")
def chinese() -> Any:
    """A donor of Chinese pieces."""
    texts = ["".join(t.split()) for t in mixed(CHINESE, 60)]
    return trained_model(texts, Training(420, coverage=1.0, prefix=False))


@pytest.fixture(scope="session")
def folder(chinese: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved tokenizer with chat tokens and a template."""
    special = ("<|im_start|>", "<|im_end|>", "<pad>")
    model = trained_model(
        mixed((*ENGLISH, *CHINESE), 120), Training(520, coverage=1.0, special=special)
    )
    path = tmp_path_factory.mktemp("tokenizers") / "mixed"
    save(path, model, {"made_by": "train"}, chat_template="{{ messages }}")
    return path
