"""The model to train: from a folder, or fresh; checked against the shards before any step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig

from curate.errors import RecipeError
from curate.tokens.format.reader import Shards
from curate.tokens.tokenizer import Tokenizer, load_tokenizer
from trainer import attention
from trainer.attention import Packing
from trainer.config import Config, FreshModel, ModelOptions
from trainer.loss import chunked_loss, plain_loss

ADAPTER = "adapter_config.json"
"""What says that a folder holds adapters, and the weights are elsewhere."""


def loaded(config: Config, shards: Shards) -> tuple[Any, Tokenizer]:
    """The model in float32 on the CPU, and its tokenizer.

    Raises RecipeError, in a sentence, where they do not fit together: shards of another tokenizer,
    more ids than embedding rows, missing weights, an architecture that packed rows do not support.
    """
    options = config.model
    path = config.tokenizer_path()
    tokenizer = load_tokenizer(path)
    shards.check_tokenizer(tokenizer.fingerprint, str(path))
    attention.register()
    if options.fresh is not None:
        model = _fresh(options, options.fresh, tokenizer, config.seed)
    else:
        model = from_folder(Path(options.path or ""))
        if options.base_tokenizer is not None:
            _extend(model, options, tokenizer)
    rows = model.get_input_embeddings().weight.shape[0]
    if tokenizer.vocab_size > rows:
        raise RecipeError(
            f"{path} has {tokenizer.vocab_size:,} ids and the model {rows:,} embedding rows; name "
            "the tokenizer it was trained with as `model.base_tokenizer` to extend it"
        )
    check(model)
    return model, tokenizer


def fresh_config(
    options: ModelOptions, sizes: FreshModel, vocabulary: int, tokenizer: Tokenizer | None = None
) -> LlamaConfig:
    """The configuration of a new Llama model for so many ids, as transformers has it."""
    multiple = options.pad_vocabulary_to
    width = sizes.intermediate_size or -(-sizes.hidden_size * 8 // 3 // 32) * 32
    return LlamaConfig(
        vocab_size=-(-vocabulary // multiple) * multiple,
        hidden_size=sizes.hidden_size,
        intermediate_size=width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        num_key_value_heads=sizes.kv_heads or sizes.heads,
        max_position_embeddings=sizes.max_positions,
        rms_norm_eps=sizes.rms_norm_eps,
        rope_parameters={"rope_type": "default", "rope_theta": sizes.rope_theta},
        tie_word_embeddings=sizes.tie_embeddings,
        initializer_range=sizes.initial_std,
        bos_token_id=tokenizer.bos_id if tokenizer else None,
        eos_token_id=tokenizer.eos_id if tokenizer else None,
        pad_token_id=tokenizer.pad_id if tokenizer else None,
    )


def _fresh(options: ModelOptions, sizes: FreshModel, tokenizer: Tokenizer, seed: int) -> Any:
    config = fresh_config(options, sizes, tokenizer.vocab_size, tokenizer)
    # Weights depend on the seed alone, whatever was drawn before.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        build: Any = AutoModelForCausalLM.from_config
        return build(config, attn_implementation=attention.NAME).float()


def from_folder(path: Path) -> Any:
    """A causal language model in float32 with packed attention.

    Nothing is fetched, no code of the folder is run, and only safetensors are read.
    Raises RecipeError where it is missing, damaged, incomplete or of another kind.
    """
    attention.register()
    if path.suffix == ".bin" and path.is_file():
        return _llama2c(path)
    if (path / ADAPTER).is_file():
        from trainer import lora

        return lora.merged(path)
    if not (path / "config.json").is_file():
        raise RecipeError(
            f"{path} holds no model: there is no config.json; give the folder that "
            "`save_pretrained` wrote, or a llama2.c checkpoint (*.bin)"
        )
    try:
        kind = AutoConfig.from_pretrained(path, local_files_only=True, trust_remote_code=False)
        load: Any = AutoModelForCausalLM.from_pretrained
        model, report = load(
            path,
            config=kind,
            dtype=torch.float32,
            attn_implementation=attention.NAME,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
    except Exception as error:
        # transformers and safetensors raise many types for a folder that cannot be read.
        reason = " ".join(str(error).split())[:300]
        raise RecipeError(f"{path} cannot be loaded as a causal language model: {reason}") from None
    for problem in ("missing_keys", "mismatched_keys"):
        names = sorted(map(str, report.get(problem) or ()))
        if names:
            raise RecipeError(
                f"{path}: {len(names)} weights of the model are missing or have another shape, "
                f"among them {names[0]}; copy the whole folder again"
            )
    return model


def _llama2c(path: Path) -> Any:
    from trainer.llama2c import read_llama2c

    try:
        model = read_llama2c(path)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    model.set_attn_implementation(attention.NAME)
    return model


def _extend(model: Any, options: ModelOptions, tokenizer: Tokenizer) -> None:
    from trainer.embeddings import resize_embeddings

    base = load_tokenizer(Path(options.base_tokenizer or ""))
    try:
        resize_embeddings(model, base, tokenizer, options.pad_vocabulary_to)
    except ValueError as error:
        raise RecipeError(f"{options.path}: {error}") from None


@torch.no_grad()
def check(model: Any) -> None:
    """Raises RecipeError for a model whose loss or attention would come out wrong here.

    Some architectures scale or cap their logits, or do not hand on what they are called with: a few
    tokens in two segments show both.
    """
    packing = Packing(torch.tensor([0, 3, 4], dtype=torch.int32), 3)
    tokens = torch.arange(4, device=model.device)[None] % model.config.vocab_size
    positions = torch.tensor([[0, 1, 2, 0]], device=model.device)
    name = type(model).__name__
    training = model.training
    model.eval()
    try:
        whole = model(input_ids=tokens, position_ids=positions, packing=packing).logits
        states = hidden_states(model, tokens, positions, packing)
        other = (tokens + torch.tensor([1, 1, 1, 0], device=model.device)) % (
            model.config.vocab_size
        )
        beside_another = hidden_states(model, other, positions, packing)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise RecipeError(f"{name} cannot be trained on packed rows: {error}") from None
    finally:
        model.train(training)
    head = model.get_output_embeddings()
    if head is None or not torch.allclose(head(states), whole, atol=1e-4, rtol=1e-4):
        raise RecipeError(
            f"{name} does more to its logits than multiply with its output matrix, which the loss "
            "here would miss"
        )
    # What is masked has no part in a sum, so not one bit may differ.
    if not torch.equal(states[0, 3], beside_another[0, 3]):
        raise RecipeError(f"{name} lets the documents of a row see each other")


def hidden_states(model: Any, tokens: Tensor, positions: Tensor, packing: Packing) -> Tensor:
    """(B, L, d): what the output matrix is multiplied with."""
    states: Tensor = model.base_model(
        input_ids=tokens, position_ids=positions, packing=packing, use_cache=False
    ).last_hidden_state
    return states


class PackedLoss(nn.Module):
    """A model with its loss: what the backends wrap, so that gradients are theirs to gather."""

    def __init__(self, model: Any, chunked: bool = True) -> None:
        super().__init__()
        self.model = model
        self._loss = chunked_loss if chunked else plain_loss

    def forward(self, tokens: Tensor, positions: Tensor, mask: Tensor, packing: Packing) -> Tensor:
        """Sum of the losses of the tokens that are to be predicted, () float32.

        tokens, positions: (B, L) int64. mask: (B, L), the loader's: True where the token itself is
        predicted, from the state before it.
        """
        states = hidden_states(self.model, tokens, positions, packing)
        wanted = mask[:, 1:]
        head = self.model.get_output_embeddings()
        return self._loss(
            states[:, :-1][wanted], head.weight, getattr(head, "bias", None), tokens[:, 1:][wanted]
        )

    def last_logits(self, tokens: Tensor, end: int, cache: Any) -> Tensor:
        """(V,): as `trainer.generate.last_logits`, where weights are gathered for a method."""
        from trainer.generate import last_logits

        return last_logits(self.model, tokens, end, cache)


def described(model: Any) -> dict[str, Any]:
    """Kind and sizes, as JSON-ready values."""
    parameters = list(model.parameters())
    return {
        "kind": type(model).__name__,
        "parameters": sum(p.numel() for p in parameters),
        "trained": sum(p.numel() for p in parameters if p.requires_grad),
        "embedding_rows": model.get_input_embeddings().weight.shape[0],
    }
