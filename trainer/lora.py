"""LoRA (Hu et al. 2021) by peft: adapters beside frozen weights, their folders, and merging.

A checkpoint holds adapters, in peft's own format, and says where the weights are that they belong
to and what their fingerprint is. Where these are no folder that transformers loads as it is (a
llama2.c file, an extended vocabulary, adapters again), they are written once, to runs/NAME/base.
"""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig

from curate.errors import CurateError, RecipeError
from curate.fingerprint import file_sha256, fingerprint
from curate.recipe import nearest
from curate.storage import read_json, write_json
from curate.tokens.format.reader import Shards
from trainer import model
from trainer.config import Config, Lora
from trainer.processes import Processes

WEIGHTS = "adapter_model.safetensors"
BASE = "base_model.json"
"""In a checkpoint: `path` and `fingerprint` of the folder that the adapters belong to."""


@dataclass(frozen=True)
class Base:
    """Frozen weights: a folder that transformers loads."""

    path: Path
    fingerprint: str


def folder_fingerprint(folder: Path) -> str:
    """Of a model's configuration and weights, by their bytes."""
    files = sorted([folder / "config.json", *folder.glob("*.safetensors")])
    return fingerprint([[file.name, file_sha256(file)] for file in files])


def base_of(config: Config, shards: Shards, processes: Processes) -> Base:
    """The weights that adapters are trained beside; written first where they must be.

    Raises RecipeError as `model.loaded` does.
    """
    assert config.model.path is not None
    folder = Path(config.model.path)
    derived = config.model.base_tokenizer is not None or not (folder / "config.json").is_file()
    if derived:
        folder = config.folder / "base"
    made = ""
    if processes.first:
        if derived and not folder.exists():
            network, _ = model.loaded(config, shards)
            partial = folder.with_name(".base.partial")
            network.save_pretrained(partial)
            os.replace(partial, folder)
        if not (folder / "config.json").is_file():
            model.from_folder(folder)
        made = folder_fingerprint(folder)
    return Base(folder, processes.gathered(made)[0])


def on(config: Config, base: Base) -> Config:
    """The configuration with these weights as the model's."""
    options = config.model.model_copy(
        update={
            "path": str(base.path),
            "base_tokenizer": None,
            "tokenizer": str(config.tokenizer_path()),
        }
    )
    return config.model_copy(update={"model": options})


def targets(network: Any, options: Lora) -> list[str]:
    """Last names of the linear layers of the blocks that get an adapter.

    Raises RecipeError for one that no block has, naming the nearest.
    """
    found = sorted(
        {
            name.rpartition(".")[2]
            for name, part in network.base_model.layers.named_modules()
            if isinstance(part, nn.Linear)
        }
    )
    for name in options.targets or ():
        if name not in found:
            raise RecipeError(
                f"lora.targets: the model's blocks have no linear layer {name!r}"
                f"{nearest(name, found)}"
            )
    return sorted(options.targets or found)


def _embeddings(network: Any) -> list[str]:
    """Names of the modules of the input embedding and the output matrix."""
    parts = (network.get_input_embeddings(), network.get_output_embeddings())
    return [name for name, part in network.named_modules() if part is not None and part in parts]


def counted(network: Any, options: Lora) -> tuple[int, int]:
    """Parameters that adapters add, and those of the model that are trained beside them."""
    wanted = set(targets(network, options))
    added = sum(
        options.rank * (part.in_features + part.out_features)
        for name, part in network.base_model.layers.named_modules()
        if isinstance(part, nn.Linear) and name.rpartition(".")[2] in wanted
    )
    opened = {
        id(w): w.numel()
        for w in (network.get_submodule(name).weight for name in _embeddings(network))
    }
    return added, sum(opened.values()) if options.embeddings else 0


class Adapters:
    """A network's adapters: put beside its frozen weights, and written as peft has them."""

    def __init__(
        self, network: Any, config: Config, base: Base, before: Path | None = None
    ) -> None:
        """Fresh ones change no logit. before: a checkpoint that they go on from.

        Raises RecipeError for targets that are not there, CurateError for a damaged checkpoint.
        """
        assert config.lora is not None
        options = config.lora
        self._network, self._base = network, base
        self._saved = _embeddings(network) if options.embeddings else []
        self._options = LoraConfig(
            r=options.rank,
            # Annotated as whole, and divided by the rank like any number.
            lora_alpha=options.alpha,  # type: ignore[arg-type]
            lora_dropout=options.dropout,
            target_modules=targets(network, options),
            task_type="CAUSAL_LM",
            base_model_name_or_path=str(base.path.resolve()),
            modules_to_save=[name.rpartition(".")[2] for name in self._saved] or None,
        )
        network.requires_grad_(False)
        if config.precision == "bf16":
            network.to(torch.bfloat16)
        # peft would keep a second copy of embeddings that are trained; here they are theirs alone.
        inner = copy.deepcopy(self._options)
        inner.modules_to_save = None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            inject_adapter_in_model(inner, network)
        for name, parameter in network.named_parameters():
            parameter.requires_grad = ".lora_" in name
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        for name in self._saved:
            part = network.get_submodule(name)
            part.weight.data = part.weight.data.float()
            part.weight.requires_grad = True
        if before is not None:
            self._restore(before)

    def _tensors(self, weights: dict[str, Tensor] | None) -> dict[str, Tensor]:
        state = weights or self._network.state_dict()
        kept = get_peft_model_state_dict(
            self._network, state_dict=state, save_embedding_layers=False
        )
        # Tied matrices are one tensor and two names: files hold each for itself.
        kept |= {f"{name}.weight": state[f"{name}.weight"].clone() for name in self._saved}
        return {f"base_model.model.{n}": v.detach().cpu().contiguous() for n, v in kept.items()}

    def save_pretrained(self, folder: Path, state_dict: dict[str, Tensor] | None = None) -> None:
        """Writes a folder that peft and transformers load."""
        options: Any = self._options
        facts = options.to_dict()
        ready = {k: sorted(v) if isinstance(v, set) else v for k, v in facts.items()}
        ready["inference_mode"] = True
        write_json(folder / model.ADAPTER, ready)
        save_file(self._tensors(state_dict), folder / WEIGHTS, {"format": "pt"})
        if self._network.generation_config is not None:
            self._network.generation_config.save_pretrained(folder)
        base = {"path": str(self._base.path), "fingerprint": self._base.fingerprint}
        write_json(folder / BASE, base)

    @torch.no_grad()
    def _restore(self, folder: Path) -> None:
        found = load_file(folder / WEIGHTS)
        trained = {n: p for n, p in self._network.named_parameters() if p.requires_grad}
        for name, parameter in trained.items():
            key = f"base_model.model.{name.replace('.default.', '.')}"
            if key not in found or found[key].shape != parameter.shape:
                raise CurateError(f"{folder / WEIGHTS} has nothing that fits {name}")
            parameter.copy_(found[key])


def merged(folder: Path, base: Path | None = None) -> Any:
    """The model of a folder with adapters, these added to its weights, in float32.

    base: where the weights are now, if they were moved.
    Raises RecipeError where they are missing or others than the adapters were trained beside.
    """
    try:
        facts = read_json(folder / model.ADAPTER)
        named = Path(facts["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RecipeError(f"{folder / model.ADAPTER} is damaged") from None
    if not (folder / WEIGHTS).is_file():
        raise RecipeError(f"{folder} has no {WEIGHTS}; other files of adapters are not read")
    place = base or named
    if not (place / "config.json").is_file():
        raise RecipeError(
            f"{folder} holds adapters for the model {place}, which is not there; say where it is "
            "now: curate train merge ADAPTERS --base MODEL --out FOLDER"
        )
    if (folder / BASE).is_file():
        begun = read_json(folder / BASE)["fingerprint"]
        if folder_fingerprint(place) != begun:
            raise RecipeError(
                f"{place} holds other weights than the adapters of {folder} were trained beside; "
                "give those with `curate train merge --base`"
            )
    network = model.from_folder(place)
    tied = bool(getattr(network.config, "tie_word_embeddings", False))
    try:
        together: Any = PeftModel.from_pretrained(network, str(folder))
        result: Any = together.merge_and_unload()
    except Exception as error:
        # peft and safetensors raise many types for a folder that cannot be read.
        reason = " ".join(str(error).split())[:300]
        raise RecipeError(f"the adapters of {folder} cannot be loaded: {reason}") from None
    if tied:
        # Trained embeddings come as two equal matrices, and peft unties the model for them.
        result.config.tie_word_embeddings = True
        result.get_output_embeddings().weight = result.get_input_embeddings().weight
    return result


def write_merged(folder: Path, out: Path, base: Path | None = None, full: bool = False) -> Any:
    """Writes the merged model as one without adapters, and returns it.

    In the type that its base is in, so weights without adapters keep their bytes; float32 if full.
    """
    from transformers import GenerationConfig

    from trainer.checkpoint import CHAT_FORMAT, copy_tokenizer

    network = merged(folder, base)
    place = base or Path(read_json(folder / model.ADAPTER)["base_model_name_or_path"])
    stored = AutoConfig.from_pretrained(place, local_files_only=True).dtype
    network.to(torch.float32 if full else stored or torch.float32)
    if (folder / "generation_config.json").is_file():
        network.generation_config = GenerationConfig.from_pretrained(folder)
    partial = out.with_name(f".{out.name}.partial")
    network.save_pretrained(partial)
    copy_tokenizer(folder, partial)
    if (folder / CHAT_FORMAT).is_file():
        write_json(partial / CHAT_FORMAT, read_json(folder / CHAT_FORMAT))
    os.replace(partial, out)
    return network
