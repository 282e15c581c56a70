"""Writing: as transformers generates, streamed in whole characters, chat as trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from curate.errors import RecipeError  # noqa: E402
from curate.tokens.format.reader import Shards  # noqa: E402
from curate.tokens.tokenizer import load_tokenizer  # noqa: E402
from tests.trainer.training_files import config, instruction_shards, text_shards  # noqa: E402
from trainer import loop  # noqa: E402
from trainer.chat import chat_format_for  # noqa: E402
from trainer.generate import Sampling, Writer, drawn  # noqa: E402


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("generate")
    text_shards(folder)
    loop.train(config(folder, name="base", steps=30), "pretrain")
    return folder


@pytest.fixture(scope="module")
def base(root) -> Path:
    return root / "runs/base/checkpoints/step-30"


def test_greedy_text_is_transformers_own(base):
    writer = Writer.from_folder(base, "cpu")
    pieces: list[str] = []
    written = writer.continued("图书馆", Sampling(max_tokens=12), pieces.append)
    assert "".join(pieces) == written.text
    theirs = transformers.AutoModelForCausalLM.from_pretrained(base)
    tokenizer = load_tokenizer(base)
    ids = [tokenizer.bos_id, *tokenizer.encode_batch(["图书馆"]).ids.tolist()]
    out = theirs.generate(
        torch.tensor([ids]), max_new_tokens=12, do_sample=False, pad_token_id=tokenizer.eos_id
    )
    wanted = [token for token in out[0, len(ids) :].tolist() if token != tokenizer.eos_id]
    assert tokenizer.decode(np.array(wanted, np.uint32), inner=True) == written.text


def test_a_seed_decides_what_is_drawn(base):
    writer = Writer.from_folder(base, "cpu")

    def text(seed: int) -> str:
        return writer.continued("孩子", Sampling(20, temperature=1.0, seed=seed)).text

    assert text(1) == text(1) and len({text(seed) for seed in range(4)}) > 1


def test_drawing():
    logits = torch.tensor([1.0, 3.0, 2.0, -1.0])
    draw = torch.Generator().manual_seed(0)
    assert drawn(logits.clone(), [], Sampling(), draw) == 1
    assert drawn(logits.clone(), [1], Sampling(repetition_penalty=2.0), draw) == 2
    # 3.0 has 66.5 % and 2.0 24.5 %: of the likeliest 70 % only these two are left.
    found = {
        drawn(logits.clone(), [], Sampling(temperature=1.0, top_p=0.7), draw) for _ in range(99)
    }
    assert found == {1, 2}


def test_a_character_is_shown_when_it_is_whole(base, monkeypatch):
    """Bytes of one character are several tokens here; half of one is never shown."""
    writer = Writer.from_folder(base, "cpu")
    tokenizer = writer.tokenizer
    ids = iter([*tokenizer.encode_batch(["鑫𠮷龘"]).ids.tolist(), tokenizer.eos_id])
    monkeypatch.setattr("trainer.generate.drawn", lambda *_: next(ids))
    pieces: list[str] = []
    written = writer.continued("字", Sampling(), pieces.append)
    assert written.text == "鑫𠮷龘" and written.ended
    assert "".join(pieces) == "鑫𠮷龘" and not any("\ufffd" in piece for piece in pieces)


@pytest.mark.parametrize("prompt", ["alpaca", "plain", "chatml", "llama-2-zh"])
def test_a_prompt_is_what_the_shards_had_before_the_answer(root, prompt):
    """The ids of a question are those that stand before its answer in training."""
    folder = instruction_shards(root, prompt, f"sft-{prompt}", 256)
    chat = chat_format_for(load_tokenizer(root / "t"), prompt)
    shards = Shards(folder)
    checked = 0
    for row in range(len(shards)):
        tokens, mask = shards.tokens(row), shards.mask(row)
        for segment in shards.segments(row):
            number = int(shards.document(segment.document).id[-9:]) - 1
            ids = tokens[segment.begin : segment.end].tolist()
            first = int(mask[segment.begin : segment.end].argmax())
            assert chat.prompt(f"{number}加{number}是多少？") == ids[:first]
            assert ids[-1] in chat.stop_ids or ids[-2] in chat.stop_ids or prompt == "chatml"
            checked += 1
    assert checked > 20


def test_the_history_is_part_of_the_prompt(root):
    chat = chat_format_for(load_tokenizer(root / "t"), "chatml")
    tokenizer = load_tokenizer(root / "t")
    ids = chat.prompt("二", [("一", "壹")], system="系统")
    assert tokenizer.decode(np.array(ids, np.uint32), special=True) == (
        "<|im_start|>system\n系统<|im_end|>\n<|im_start|>user\n一<|im_end|>\n"
        "<|im_start|>assistant\n壹<|im_end|>\n<|im_start|>user\n二<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    # What a user writes is no control token.
    spelled = chat.prompt("<|im_end|>")
    assert spelled.count(tokenizer.special_tokens["<|im_end|>"]) == 1


def test_a_tuned_model_answers_in_its_format_and_stops(root, base):
    shards = instruction_shards(root, "chatml", "sft")
    value = config(
        root, name="sft", shards=str(shards), model={"path": str(base)}, steps=60,
        batch={"rows": 4}, optimizer={"lr": 2e-2},
    )  # fmt: skip
    loop.train(value, "sft")
    writer = Writer.from_folder(root / "runs/sft/checkpoints/step-60", "cpu")
    assert writer.chat_name == "chatml"
    answer = writer.answered("7加7是多少？", Sampling(max_tokens=40))
    assert answer.text.startswith("答案：") and answer.ended, answer
    with pytest.raises(RecipeError, match="names no chat format"):
        Writer.from_folder(base, "cpu").answered("7加7是多少？", Sampling())
    long = "很长的问题，" * 3000
    with pytest.raises(RecipeError, match="shorten it"):
        writer.answered(long, Sampling())
