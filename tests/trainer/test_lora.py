"""LoRA: adapters change nothing at first, leave the base as it is, resume, merge, and load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from safetensors.torch import load_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from curate.cli import app  # noqa: E402
from curate.errors import CurateError  # noqa: E402
from curate.tokens.format.reader import Shards  # noqa: E402
from tests.trainer.training_files import (  # noqa: E402
    begun,
    config,
    finished,
    losses,
    text_shards,
)
from trainer import checkpoint, loop, lora, model  # noqa: E402
from trainer.config import Config  # noqa: E402
from trainer.processes import Processes  # noqa: E402

IDS = torch.arange(1, 40)[None]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Shards, two bases (one tied), and a run of adapters over the first: `whole`."""
    folder = tmp_path_factory.mktemp("lora")
    text_shards(folder)
    for name, tied in (("base", False), ("tied", True)):
        torch.manual_seed(1)
        sizes = {"vocab_size": 512, "hidden_size": 16, "intermediate_size": 32}
        sizes |= {"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
        made = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(**sizes, tie_word_embeddings=tied, initializer_range=0.2)
        )
        made.save_pretrained(folder / name)
        shutil.copytree(folder / "t", folder / name, dirs_exist_ok=True)
    loop.train(tuned(folder, name="whole"), "pretrain")
    return folder


def tuned(root: Path, base: str = "base", **changes: Any) -> Config:
    return config(root, **{"model": {"path": str(root / base)}, "lora": {"rank": 4}, **changes})


def logits(folder: Path) -> torch.Tensor:
    load: Any = transformers.AutoModelForCausalLM.from_pretrained
    with torch.no_grad():
        return load(folder, dtype=torch.float32).eval()(IDS).logits


def last(run: Path) -> Path:
    return checkpoint.all_of(run)[-1].path


def test_fresh_adapters_leave_the_logits_as_they_were(root):
    network = model.from_folder(root / "base").eval()
    with torch.no_grad():
        before = network(IDS).logits
        lora.Adapters(network, tuned(root), lora.Base(root / "base", ""))
        assert torch.equal(network(IDS).logits, before)
    trained = [n for n, p in network.named_parameters() if p.requires_grad]
    # A and B beside the seven matrices of each of two blocks.
    assert len(trained) == 2 * 2 * 7 and all(".lora_" in name for name in trained)
    counts = lora.counted(model.from_folder(root / "base"), tuned(root).lora)
    parts = dict(network.named_parameters())
    assert counts == (sum(parts[name].numel() for name in trained), 0)


@pytest.mark.parametrize(("base", "embeddings"), [("base", False), ("base", True), ("tied", True)])
def test_merged_logits_are_those_of_the_adapters(root, tmp_path, base, embeddings):
    file = root / base / "model.safetensors"
    before = file.read_bytes()
    options = {"rank": 4, "embeddings": embeddings}
    loop.train(tuned(root, base, lora=options, out=str(tmp_path)), "pretrain")
    found = losses(tmp_path / "run")
    assert found[-1] < found[0] - 0.1
    assert file.read_bytes() == before
    folder = last(tmp_path / "run")
    assert not (folder / "model.safetensors").exists()
    result = CliRunner().invoke(app, ["train", "merge", str(folder), "-o", str(tmp_path / "m")])
    assert result.exit_code == 0, result.output
    adapted, merged = logits(folder), logits(tmp_path / "m")
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=0)
    assert (merged - logits(root / base)).abs().max() > 0.01
    torch.testing.assert_close(
        model.from_folder(folder).eval()(IDS).logits.detach(), adapted, atol=1e-5, rtol=0
    )
    old, new = load_file(file), load_file(tmp_path / "m/model.safetensors")
    assert set(old) == set(new)
    for name in old:
        changed = "proj" in name or (embeddings and ("embed" in name or "lm_head" in name))
        assert torch.equal(old[name], new[name]) != changed, name
    loaded: Any = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    assert loaded("图书馆")["input_ids"]
    for place in (folder, tmp_path / "m"):
        told = CliRunner().invoke(
            app, ["generate", str(place), "--prompt", "图书", "--max-tokens", "5", "--json"]
        )
        assert told.exit_code == 0, told.output


def test_two_processes_and_other_micro_batches_give_the_same_curve(root, tmp_path):
    wanted = losses(root / "runs/whole")
    value = tuned(root, out=str(tmp_path), batch={"rows": 6, "micro_rows": 2})
    loop.train(
        value.model_copy(update={"name": "one", "activation_checkpointing": True}), "pretrain"
    )
    assert losses(tmp_path / "one") == pytest.approx(wanted, abs=1e-5)
    for code, _, err in finished(begun(value, world=2)):
        assert code == 0, err
    assert losses(tmp_path / "run") == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("options", [{"rank": 4, "dropout": 0.2}, {"rank": 4, "embeddings": True}])
def test_a_run_goes_on_from_its_checkpoint(root, tmp_path, options):
    value = tuned(root, lora=options, out=str(tmp_path), checkpoints={"every": 4, "keep_last": 9})
    loop.train(value, "pretrain")
    wanted = losses(tmp_path / "run")
    for step in (8, 12):
        shutil.rmtree(checkpoint.folder_of(tmp_path / "run", step))
    loop.train(value, "pretrain")
    assert losses(tmp_path / "run") == pytest.approx(wanted, abs=1e-6)


def test_bf16_stays_near(root, tmp_path):
    loop.train(tuned(root, out=str(tmp_path), precision="bf16"), "pretrain")
    assert losses(tmp_path / "run") == pytest.approx(losses(root / "runs/whole"), abs=0.1)
    tensors = load_file(last(tmp_path / "run") / lora.WEIGHTS)
    assert {t.dtype for t in tensors.values()} == {torch.float32}


def test_other_adapters_or_another_base_are_refused(root, tmp_path):
    shutil.copytree(root / "base", tmp_path / "base")
    value = tuned(root, model={"path": str(tmp_path / "base")}, steps=2, out=str(tmp_path))
    loop.train(value, "pretrain")
    with pytest.raises(CurateError, match=r"begun with lora\.rank 4, and this configuration has 8"):
        loop.train(value.model_copy(update={"lora": value.lora.model_copy(update={"rank": 8})}),
                   "pretrain")  # fmt: skip
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    with torch.no_grad():
        network.model.norm.weight.add_(1)
    network.save_pretrained(tmp_path / "base")
    with pytest.raises(CurateError, match="was begun with base"):
        loop.train(value, "pretrain")
    with pytest.raises(CurateError, match="other weights than the adapters"):
        model.from_folder(last(tmp_path / "run"))
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(CurateError, match="which is not there"):
        model.from_folder(last(tmp_path / "run"))
    assert lora.write_merged(last(tmp_path / "run"), tmp_path / "m", root / "base")


def test_names_of_layers_that_are_not_there(root):
    network = model.from_folder(root / "base")
    assert lora.targets(network, tuned(root, lora={"targets": ["v_proj", "q_proj"]}).lora) == [
        "q_proj",
        "v_proj",
    ]
    with pytest.raises(CurateError, match="no linear layer 'q_projj'; did you mean 'q_proj'"):
        lora.targets(network, tuned(root, lora={"targets": ["q_projj"]}).lora)


def test_adapters_on_adapters_begin_from_the_merged_model(root, tmp_path):
    folder = last(root / "runs/whole")
    value = tuned(root, model={"path": str(folder)}, steps=1, out=str(tmp_path))
    base = lora.base_of(value, Shards(value.shards), Processes(0, 1, torch.device("cpu")))
    assert base.path == tmp_path / "run/base"
    torch.testing.assert_close(logits(base.path), logits(folder), atol=1e-5, rtol=0)
    loop.train(value, "pretrain")
    assert json.loads((last(tmp_path / "run") / lora.BASE).read_text())["path"] == str(base.path)
