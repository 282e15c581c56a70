"""Exports, read back by the libraries they are for, token for token."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from curate.errors import RecipeError
from curate.tokens.export.huggingface import write_huggingface
from curate.tokens.export.megatron import write_megatron
from curate.tokens.export.tencentpretrain import write_tencentpretrain
from curate.tokens.format.reader import Shards
from tests.curate.tokens.packing_files import byte_level, packed, texts, write_build


def nothing(_: int) -> None:
    pass


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Shards:
    root = tmp_path_factory.mktemp("text")
    build = write_build(root / "zh", {"wiki": texts(80)})
    packed(root / "s", byte_level(root / "t"), [build], seq_length=64)
    return Shards(root / "s")


@pytest.fixture(scope="module")
def instructions(tmp_path_factory) -> Shards:
    root = tmp_path_factory.mktemp("sft")
    rows = [
        {"instruction": f"第{i}题", "input": "", "output": "答案" * (1 + i % 9)} for i in range(50)
    ]
    rows[3]["history"] = [["早", "您早。"]]
    (root / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    packed(root / "s", byte_level(root / "t"), [root / "a.jsonl"], seq_length=128, prompt="plain")
    return Shards(root / "s")


def segments(shards: Shards) -> list[list[int]]:
    return [
        shards.tokens(row)[s.begin : s.end].tolist()
        for row in range(len(shards))
        for s in shards.segments(row)
    ]


@pytest.mark.filterwarnings("ignore")
def test_megatron_reads_every_segment_as_a_sequence(text, tmp_path):
    module = pytest.importorskip("megatron.core.datasets.indexed_dataset")
    write_megatron(text, tmp_path / "out", nothing)
    dataset = module.IndexedDataset(str(tmp_path / "out/text_document"))
    wanted = segments(text)
    assert len(dataset) == len(wanted)
    assert [dataset[i].tolist() for i in range(len(dataset))] == wanted
    assert dataset.document_indices.tolist() == list(range(len(wanted) + 1))


def test_megatron_has_no_place_for_a_mask(instructions, tmp_path):
    with pytest.raises(RecipeError, match="no place for a loss mask"):
        write_megatron(instructions, tmp_path / "out", nothing)
    assert not (tmp_path / "out").exists()


def tencentpretrain_batch(path: Path, pad: int) -> list[tuple[list[int], list[int], list[int]]]:
    """(input, target, what has loss) of every record, as TencentPretrain's lm reader makes them."""
    result = []
    with path.open("rb") as file:
        while file.peek(1):
            (ids, padding), marks = pickle.load(file)
            ids = ids + [pad] * padding
            loss = [1] * marks[0] + [0] * (len(ids) - 1 - marks[0])
            result.append((ids[:-1], ids[1:], loss))
    return result


def test_tencentpretrain_reads_every_row(text, tmp_path):
    write_tencentpretrain(text, tmp_path / "out", nothing)
    records = tencentpretrain_batch(tmp_path / "out/dataset.pt", text.index.pad_with)
    assert len(records) == len(text)
    for row, (source, target, loss) in enumerate(records):
        tokens = text.tokens(row).tolist()
        end = text.segments(row)[-1].end
        assert source == tokens[:-1] and target == tokens[1:]
        assert loss == [1] * (end - 1) + [0] * (64 - end)


def test_tencentpretrain_reads_prompt_and_answer_of_every_instruction(instructions, tmp_path):
    facts = write_tencentpretrain(instructions, tmp_path / "out", nothing)
    found = []
    with (tmp_path / "out/dataset.pt").open("rb") as file:
        while file.peek(1):
            (ids, padding), (prompt, total) = pickle.load(file)
            assert len(ids) == total and total + padding == 128
            found.append((ids[:prompt], ids[prompt:]))
    assert [prompt + answer for prompt, answer in found] == segments(instructions)
    eos = instructions.index.tokenizer.eos_id
    assert all(answer[-1] == eos for _, answer in found)
    assert facts["partly_learnt"] == 1 and facts["records"] == 50


@pytest.mark.parametrize("kind", ["text", "instructions"])
def test_datasets_reads_ids_labels_and_positions(kind, request, tmp_path):
    datasets = pytest.importorskip("datasets")
    shards = request.getfixturevalue(kind)
    write_huggingface(shards, tmp_path / "out", nothing)
    dataset = datasets.load_dataset(
        "parquet", data_dir=str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(dataset) == len(shards)
    for row, entry in enumerate(dataset):
        found = shards.segments(row)
        end = found[-1].end
        tokens, mask = shards.tokens(row)[:end].astype(int), shards.mask(row)[:end]
        assert entry["input_ids"] == tokens.tolist()
        assert entry["labels"] == np.where(mask, tokens, -100).tolist()
        assert entry["seq_lengths"] == [s.end - s.begin for s in found]
        assert entry["position_ids"] == [p for s in found for p in range(s.end - s.begin)]


@pytest.mark.filterwarnings("ignore")
def test_trl_trains_a_step(instructions, tmp_path):
    datasets = pytest.importorskip("datasets")
    trl = pytest.importorskip("trl")
    transformers = pytest.importorskip("transformers")
    write_huggingface(instructions, tmp_path / "out", nothing)
    dataset = datasets.load_dataset(
        "parquet", data_dir=str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    config = transformers.LlamaConfig(
        vocab_size=instructions.index.tokenizer.vocab_size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    folder = instructions.folder.parent / "t"
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), eos_token="</s>", pad_token="</s>"
    )
    trainer = trl.SFTTrainer(
        model=transformers.LlamaForCausalLM(config),
        train_dataset=dataset,
        processing_class=tokenizer,
        args=trl.SFTConfig(
            output_dir=str(tmp_path / "run"),
            max_steps=1,
            per_device_train_batch_size=2,
            max_length=None,
            padding_free=True,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            report_to=[],
            use_cpu=True,
            bf16=False,
            save_strategy="no",
        ),
    )
    result = trainer.train()
    assert np.isfinite(result.training_loss)
    # What the model is given are two rows end to end, labels and positions kept.
    batch = next(iter(trainer.get_train_dataloader()))
    given = {name: batch[name][0].tolist() for name in ("input_ids", "labels", "position_ids")}
    firsts = {tuple(entry["input_ids"]): entry for entry in dataset}
    pairs = [(a, b) for a in firsts for b in firsts if [*a, *b] == given["input_ids"]]
    ((a, b),) = pairs
    for name in ("labels", "position_ids"):
        wanted = firsts[a][name] + firsts[b][name]
        if name == "labels":
            wanted[len(a)] = -100
        assert given[name] == wanted
