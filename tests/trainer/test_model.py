"""Models: what does not fit the shards, or would be trained wrongly, is refused before any step."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from curate.errors import CurateError  # noqa: E402
from curate.tokens.format.reader import Shards  # noqa: E402
from tests.curate.tokens.packing_files import llama_like  # noqa: E402
from tests.trainer.training_files import FRESH, config, text_shards  # noqa: E402
from trainer import model  # noqa: E402


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    text_shards(folder)
    return folder


def saved(root: Path, name: str, **changes: Any) -> Path:
    """A small Qwen2 model in a folder, with the shards' tokenizer."""
    sizes = {
        "vocab_size": 512,
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    folder = root / name
    torch.manual_seed(0)
    made = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**{**sizes, **changes}))
    made.save_pretrained(folder)
    shutil.copytree(root / "t", folder, dirs_exist_ok=True)
    return folder


def load(root: Path, **options: Any) -> Any:
    value = config(root, model=options)
    return model.loaded(value, Shards(root / "shards"))[0]


def test_a_model_from_a_folder_and_a_fresh_one(root):
    found = load(root, path=str(saved(root, "qwen")))
    assert type(found).__name__ == "Qwen2ForCausalLM"
    fresh = load(root, fresh=FRESH, tokenizer=str(root / "t"), pad_vocabulary_to=64)
    facts = model.described(fresh)
    assert facts["kind"] == "LlamaForCausalLM" and facts["embedding_rows"] == 512
    torch.rand(3)
    again = load(root, fresh=FRESH, tokenizer=str(root / "t"), pad_vocabulary_to=64)
    for one, two in zip(fresh.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, two)


def test_shards_of_another_tokenizer(root):
    llama_like(root / "other.model")
    with pytest.raises(CurateError, match="another tokenizer than the shards were made with"):
        load(root, fresh=FRESH, tokenizer=str(root / "other.model"))


def test_a_vocabulary_larger_than_the_embeddings(root):
    folder = saved(root, "narrow", vocab_size=300)
    with pytest.raises(CurateError, match="has 504 ids and the model 300 embedding rows"):
        load(root, path=str(folder))


def test_missing_weights_are_named(root):
    from safetensors.torch import load_file, save_file

    folder = saved(root, "gaps")
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.0.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(CurateError, match=r"missing .* model\.layers\.0\.mlp\.up_proj\.weight"):
        load(root, path=str(folder))


def test_folders_that_are_no_model(root):
    with pytest.raises(CurateError, match=r"there is no config\.json"):
        load(root, path=str(root / "t"))
    folder = saved(root, "cut")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CurateError, match="cannot be loaded") as caught:
        load(root, path=str(folder))
    assert "\n" not in str(caught.value)
    folder = saved(root, "pickled")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(CurateError, match="cannot be loaded"):
        load(root, path=str(folder))
    folder = saved(root, "remote")
    facts = json.loads((folder / "config.json").read_text())
    facts |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(facts))
    (folder / "own.py").write_text("raise SystemExit('run')")
    with pytest.raises(CurateError, match="cannot be loaded"):
        load(root, path=str(folder))


def test_a_model_that_does_more_to_its_logits_is_refused(root):
    sizes = {"vocab_size": 512, "hidden_size": 16, "intermediate_size": 32}
    sizes |= {"num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2}
    granite = transformers.GraniteForCausalLM(
        transformers.GraniteConfig(**sizes, logits_scaling=8.0)
    )
    granite.save_pretrained(root / "granite")
    shutil.copytree(root / "t", root / "granite", dirs_exist_ok=True)
    with pytest.raises(CurateError, match="does more to its logits"):
        load(root, path=str(root / "granite"))


def test_a_model_whose_documents_would_see_each_other_is_refused(root):
    made = transformers.BloomForCausalLM(
        transformers.BloomConfig(vocab_size=512, hidden_size=16, n_layer=1, n_head=2)
    )
    made.save_pretrained(root / "bloom")
    shutil.copytree(root / "t", root / "bloom", dirs_exist_ok=True)
    with pytest.raises(CurateError, match="lets the documents of a row see each other"):
        load(root, path=str(root / "bloom"))
