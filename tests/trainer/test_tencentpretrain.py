"""TencentPretrain's checkpoints: equal logits to its own way of computing them, in and out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from typer.testing import CliRunner  # noqa: E402

from curate import cli_train  # noqa: E402
from curate.errors import RecipeError  # noqa: E402
from tests.curate.tokens.packing_files import byte_level  # noqa: E402
from trainer import tencentpretrain  # noqa: E402

EPS = 1e-5


def llama(kv_heads: int, tied: bool = False) -> Any:
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=512, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=kv_heads, rms_norm_eps=EPS,
            max_position_embeddings=64, tie_word_embeddings=tied, initializer_range=0.2,
        )
    ).eval()  # fmt: skip


def their_logits(state: dict[str, Any], facts: dict[str, Any], tokens: Any) -> Any:
    """A LLaMA model after TencentPretrain's description: rotary pairs as complex numbers.

    Written for this test from the formulas, in one piece and with none of the code it judges.
    """
    heads, length = facts["heads_num"], tokens.shape[1]
    size = facts["hidden_size"] // heads
    angles = torch.outer(torch.arange(length), 10000.0 ** (-torch.arange(0, size, 2) / size))
    turns = torch.polar(torch.ones_like(angles), angles)[:, None]

    def norm(x: Any, name: str) -> Any:
        return x / (x.pow(2).mean(-1, keepdim=True) + EPS).sqrt() * state[f"{name}.weight"]

    def turned(x: Any) -> Any:
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        return torch.view_as_real(pairs * turns).flatten(-2)

    x = state["embedding.word.embedding.weight"][tokens]
    hidden = torch.full((length, length), -math.inf).triu(1)
    for i in range(facts["layers_num"]):
        name = f"encoder.transformer.{i}"
        y = norm(x, f"{name}.layer_norm_1")
        q, k, v = (
            (y @ state[f"{name}.self_attn.linear_layers.{j}.weight"].T).unflatten(-1, (-1, size))
            for j in range(3)
        )
        q, k = turned(q), turned(k)
        k, v = (t.repeat_interleave(heads // t.shape[2], dim=2) for t in (k, v))
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(size) + hidden
        y = torch.einsum("bhqk,bkhd->bqhd", scores.softmax(-1), v).flatten(2)
        x = x + y @ state[f"{name}.self_attn.final_linear.weight"].T
        y = norm(x, f"{name}.layer_norm_2")
        gate = y @ state[f"{name}.feed_forward.linear_gate.weight"].T
        up = y @ state[f"{name}.feed_forward.linear_1.weight"].T
        x = x + (gate * gate.sigmoid() * up) @ state[f"{name}.feed_forward.linear_2.weight"].T
    return norm(x, "encoder.layer_norm") @ state["target.lm.output_layer.weight"].T


@pytest.mark.parametrize(("kv_heads", "tied"), [(4, False), (2, False), (1, True)])
def test_out_and_in_with_equal_logits(tmp_path, kv_heads, tied):
    model = llama(kv_heads, tied)
    path = tencentpretrain.write(model, tmp_path, torch.float32)
    facts = json.loads((tmp_path / "config.json").read_text())
    state = torch.load(path, weights_only=True)
    tokens = torch.randint(0, 512, (2, 20))
    with torch.no_grad():
        want = model(input_ids=tokens).logits
        torch.testing.assert_close(their_logits(state, facts, tokens), want, atol=1e-4, rtol=1e-4)
        back = tencentpretrain.read(path, tmp_path / "config.json", EPS)
        assert torch.equal(back(input_ids=tokens).logits, want)
        # The eps of the other generation is visible, so it must be said.
        other = tencentpretrain.read(path, tmp_path / "config.json", 1e-3)
        assert not torch.allclose(other(input_ids=tokens).logits, want, atol=1e-3)


def test_the_permutation_by_hand():
    """One head of size 4: pairs (0, 1), (2, 3) become halves 0, 2, 1, 3."""
    rows = torch.arange(8.0)[:, None]
    assert tencentpretrain.to_halves(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert torch.equal(tencentpretrain.to_pairs(tencentpretrain.to_halves(rows, 2), 2), rows)


def test_weights_in_several_files(tmp_path):
    model = llama(2)
    path = tencentpretrain.write(model, tmp_path, torch.float32)
    state = torch.load(path, weights_only=True)
    names, where = sorted(state), {}
    for number in range(2):
        part = {n: state[n] for n in names[number::2]}
        file = f"tencentpretrain_model-{number + 1}.bin"
        torch.save(part, tmp_path / file)
        where |= dict.fromkeys(part, file)
    index = tmp_path / "tencentpretrain_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": where, "metadata": {"total_size": 1}}))
    found = tencentpretrain.read(index, tmp_path / "config.json", EPS)
    for one, two in zip(found.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, two)
    (tmp_path / "tencentpretrain_model-2.bin").unlink()
    with pytest.raises(RecipeError, match=r"names tencentpretrain_model-2\.bin, which is missing"):
        tencentpretrain.read(index, tmp_path / "config.json", EPS)


class Evil:
    def __reduce__(self) -> Any:
        return (Path("/tmp/never").touch, ())


def test_what_does_not_fit_is_said(tmp_path):
    path = tencentpretrain.write(llama(2), tmp_path, torch.float32)
    config = tmp_path / "config.json"
    state = torch.load(path, weights_only=True)

    def changed(**others: Any) -> Path:
        torch.save({**state, **others}, tmp_path / "other.bin")
        return tmp_path / "other.bin"

    with pytest.raises(RecipeError, match="which a LLaMA model lacks"):
        tencentpretrain.read(changed(bias=torch.zeros(1)), config, EPS)
    with pytest.raises(RecipeError, match="holds more than tensors"):
        tencentpretrain.read(changed(evil=Evil()), config, EPS)
    with pytest.raises(RecipeError, match="does not fit"):
        name = "encoder.layer_norm.weight"
        tencentpretrain.read(changed(**{name: torch.zeros(3)}), config, EPS)
    (tmp_path / "cut.bin").write_bytes(path.read_bytes()[:999])
    with pytest.raises(RecipeError, match="is damaged"):
        tencentpretrain.read(tmp_path / "cut.bin", config, EPS)
    facts = json.loads(config.read_text())
    config.write_text(json.dumps({**facts, "layers_num": 3}))
    with pytest.raises(RecipeError, match=r"lacks encoder\.transformer\.2"):
        tencentpretrain.read(path, config, EPS)
    qwen = transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(vocab_size=32, hidden_size=8, intermediate_size=8,
                                 num_hidden_layers=1, num_attention_heads=2,
                                 num_key_value_heads=2)
    )  # fmt: skip
    with pytest.raises(RecipeError, match="Qwen2ForCausalLM is none"):
        tencentpretrain.write(qwen, tmp_path / "q")


def test_the_commands_go_there_and_back(tmp_path):
    byte_level(tmp_path / "t")
    model = llama(2)
    model.save_pretrained(tmp_path / "hf")

    def ran(*arguments: str) -> dict[str, Any]:
        filled = [str(tmp_path / a[1:]) if a.startswith("@") else a for a in arguments]
        done = CliRunner().invoke(cli_train.app, [*filled, "--json"], catch_exceptions=False)
        return json.loads(done.stdout.splitlines()[-1])

    assert ran("export", "@hf", "--out", "@tp", "--fp32")["parameters"] == sum(
        p.numel() for p in model.parameters()
    )
    ran(
        "import", "@tp/tencentpretrain_model.bin", "--config", "@tp/config.json", "--eps", "1e-5",
        "--tokenizer", "@t", "--out", "@back",
    )  # fmt: skip
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "back")
    for one, two in zip(back.parameters(), model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "back").eos_token == "</s>"
    with pytest.raises(RecipeError, match="exists already"):
        ran("export", "@hf", "--out", "@tp")
