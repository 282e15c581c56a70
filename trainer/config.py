"""The configuration of a training run: one YAML file, checked before any work starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curate.errors import RecipeError
from curate.recipe import explained


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FreshModel(_Model):
    """Sizes of a Llama model that starts from random weights."""

    hidden_size: int = Field(ge=2)
    """Width of the residual stream."""
    layers: int = Field(ge=1)
    """Transformer blocks."""
    heads: int = Field(ge=1)
    """Attention heads; each is hidden_size / heads wide."""
    kv_heads: int | None = Field(default=None, ge=1)
    """Key and value heads (grouped queries); as many as heads unless given."""
    intermediate_size: int | None = Field(default=None, ge=1)
    """Width of the feed-forward part; 8/3 of hidden_size, rounded up to 32, unless given."""
    max_positions: int = Field(default=4096, ge=1)
    """Longest text the finished model promises to read."""
    rope_theta: float = Field(default=10000.0, gt=0)
    """Base of the rotary frequencies."""
    rms_norm_eps: float = Field(default=1e-5, gt=0)
    """Added to the mean square in RMSNorm."""
    tie_embeddings: bool = False
    """Whether the output matrix is the input embedding."""
    initial_std: float = Field(default=0.02, gt=0)
    """Standard deviation of the initial weights."""

    @model_validator(mode="after")
    def _heads_divide(self) -> FreshModel:
        if self.hidden_size % (2 * self.heads):
            raise ValueError("hidden_size must be an even multiple of heads")
        if self.heads % (self.kv_heads or self.heads):
            raise ValueError("heads must be a multiple of kv_heads")
        return self


class ModelOptions(_Model):
    """What is trained: a model from a folder, or a fresh one."""

    path: str | None = None
    """Folder that transformers' `from_pretrained` loads, or a llama2.c checkpoint (`*.bin`)."""
    fresh: FreshModel | None = None
    """Sizes of a new Llama model; instead of `path`."""
    tokenizer: str | None = None
    """Tokenizer the shards were made with; the model's folder unless given. It is checked against
    the shards and copied into every checkpoint."""
    base_tokenizer: str | None = None
    """Tokenizer the model was trained with, where `tokenizer` is an extension of it: embeddings are
    resized, new rows starting as the mean of the old pieces' rows."""
    pad_vocabulary_to: int = Field(default=1, ge=1)
    """Embedding rows are rounded up to a multiple of this, for a fresh or extended model."""

    @model_validator(mode="after")
    def _one_origin(self) -> ModelOptions:
        if (self.path is None) == (self.fresh is None):
            raise ValueError("give either `path` or `fresh`")
        if self.fresh is not None and self.tokenizer is None:
            raise ValueError("a fresh model needs `tokenizer`, the one the shards were made with")
        if self.base_tokenizer is not None and (self.path is None or self.tokenizer is None):
            raise ValueError("`base_tokenizer` extends the vocabulary of `path` to `tokenizer`'s")
        return self


class Lora(_Model):
    """Low-rank adapters (Hu et al. 2021) beside frozen weights."""

    rank: int = Field(default=16, ge=1)
    """Inner width of an adapter."""
    alpha: float = Field(default=32.0, gt=0)
    """What an adapter adds is multiplied with alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of an adapter's inputs left out in training. Above 0 the curve depends on `micro_rows`
    and processes."""
    targets: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Linear layers that get one, such as q_proj; all those of the blocks unless given."""
    embeddings: bool = False
    """Whether embeddings and output matrix are trained as well, in full: a vocabulary that was
    extended needs it."""


class Batch(_Model):
    """How many rows a step takes, and how many of them at once."""

    rows: int = Field(default=32, ge=1)
    """Rows of a global batch: what the curve depends on."""
    micro_rows: int = Field(default=4, ge=1)
    """Rows that a process computes at once; memory and speed depend on it, the curve does not."""


class Optimizer(_Model):
    """AdamW (Loshchilov and Hutter 2019)."""

    lr: float = Field(default=3e-4, gt=0)
    """Highest learning rate."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of the first and second moment."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment."""
    weight_decay: float = Field(default=0.1, ge=0)
    """On matrices and embeddings; vectors (norms, biases) have none."""
    clip: float = Field(default=1.0, ge=0)
    """Highest norm of the gradient; 0 does not clip."""

    @model_validator(mode="after")
    def _betas_below_one(self) -> Optimizer:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError("betas must be from 0 to below 1")
        return self


class Schedule(_Model):
    """How the learning rate goes over the steps."""

    kind: Literal["cosine", "linear", "wsd", "constant"] = "cosine"
    """After the warmup: half a cosine or a line down to `floor`; `wsd` stays and goes down over the
    last `decay` steps; `constant` stays."""
    warmup: int = Field(default=0, ge=0)
    """Steps from 0 to the highest rate."""
    decay: int = Field(default=0, ge=0)
    """`wsd`: steps at the end in which it goes down."""
    floor: float = Field(default=0.1, ge=0, le=1)
    """Last rate, as a share of the highest."""


class Checkpoints(_Model):
    """What is kept of a run."""

    every: int = Field(default=500, ge=1)
    """Steps between checkpoints; there is always one at the end."""
    keep_last: int = Field(default=2, ge=1)
    """How many of the last stay."""
    keep_best: bool = True
    """Whether the one with the lowest held-out loss stays too."""


class Evaluation(_Model):
    """Held-out loss, perplexity and bits per character, by source."""

    every: int = Field(default=500, ge=1)
    """Steps between evaluations; there is always one at a checkpoint, and one before the first."""
    rows: int = Field(default=64, ge=1)
    """At most so many rows of each validation split, its first ones."""


class Samples(_Model):
    """What the model writes on the way, to be read beside the curves."""

    every: int = Field(default=500, ge=1)
    """Steps between samples; there are always some before the first step and after the last."""
    prompts: tuple[str, ...] = ()
    """Beginnings that are continued; questions where the shards hold instructions."""
    file: str | None = None
    """Text file with more prompts, one a line."""
    tokens: int = Field(default=64, ge=1)
    """At most so many tokens each."""
    temperature: float = Field(default=0.0, ge=0)
    """0 takes the likeliest token every time."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Draws from the likeliest tokens that together have this probability."""
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    """Of the draws, the same at every step: samples repeat."""

    @model_validator(mode="after")
    def _some_prompts(self) -> Samples:
        if not self.prompts and self.file is None:
            raise ValueError("give `prompts`, or a `file` with one a line")
        if not all(prompt.strip() for prompt in self.prompts):
            raise ValueError("a prompt is empty")
        return self


class WeightsAndBiases(_Model):
    """Where a run shows on Weights & Biases."""

    project: str = Field(min_length=1)
    """Project there."""
    entity: str | None = None
    """Team or user; the account's own unless given."""
    mode: Literal["online", "offline"] = "online"
    """offline writes beside the run what `wandb sync` sends later."""
    tags: tuple[str, ...] = ()
    """Words to find the run by."""


class Config(_Model):
    """Everything a training run does."""

    name: str = Field(pattern=r"^[\w.-]+$")
    """Name of the run; its folder under `out`."""
    shards: str
    """Folder that `curate pack` wrote; relative to the working folder, as all paths here."""
    model: ModelOptions
    lora: Lora | None = None
    """Trains adapters and leaves the weights of `model.path` as they are."""
    compile: bool = False
    """Whether the blocks are compiled (torch.compile): needs a C++ compiler and a minute at the
    start; the curve is the same."""
    batch: Batch = Field(default_factory=Batch)
    steps: int | None = Field(default=None, ge=1)
    """Steps in all."""
    epochs: float | None = Field(default=None, gt=0)
    """Instead of `steps`: how often every row is seen; 1 unless given."""
    optimizer: Optimizer = Field(default_factory=Optimizer)
    schedule: Schedule = Field(default_factory=Schedule)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """bf16: products in bfloat16 (autocast); weights, sums and optimizer stay in float32. With
    DeepSpeed 16-bit weights go through the passes beside float32 ones; fp16, which needs a GPU,
    is for it alone."""
    loss: Literal["chunked", "plain"] = "chunked"
    """chunked never holds the logits of more than some hundred tokens; both give the same."""
    backend: Literal["ddp", "fsdp", "deepspeed"] = "ddp"
    """Several processes: ddp has the whole model in each; fsdp divides weights, gradients and
    optimizer among them; deepspeed does what its JSON says. The curve is the same."""
    deepspeed: str | None = None
    """DeepSpeed's JSON, for that backend: the stage of ZeRO and what lies in the CPU's memory."""
    activation_checkpointing: bool = False
    """Computes every block again in the backward pass: less memory, a third more time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto: a GPU where there is one."""
    seed: int = Field(default=0, ge=0, lt=1 << 32)
    """Decides initial weights and the order of rows."""
    checkpoints: Checkpoints = Field(default_factory=Checkpoints)
    evaluation: Evaluation | None = Field(default_factory=Evaluation)
    """`false` evaluates nothing."""
    samples: Samples | None = None
    """Texts that the model writes on the way; none unless given."""
    tensorboard: bool = False
    """Whether the curves are also written for TensorBoard, into the run's folder."""
    wandb: WeightsAndBiases | None = None
    """Weights & Biases; nothing leaves the machine unless given."""
    log_every: int = Field(default=1, ge=1)
    """Steps between lines of metrics.jsonl; losses in between are averaged by tokens."""
    out: str = "runs"
    """Folder of all runs."""

    @model_validator(mode="before")
    @classmethod
    def _switches(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("evaluation") is False:
            return {**value, "evaluation": None}
        return value

    @model_validator(mode="after")
    def _agree(self) -> Config:
        if self.steps is not None and self.epochs is not None:
            raise ValueError("give `steps` or `epochs`, not both")
        if self.lora is not None and self.model.path is None:
            raise ValueError("`lora` needs `model.path`: random weights are not worth freezing")
        if self.lora is not None and self.backend != "ddp":
            raise ValueError(
                f"`lora` goes with `backend: ddp`; adapters are not divided by {self.backend}"
            )
        if self.compile and self.backend == "deepspeed":
            raise ValueError("`compile` goes with `backend: ddp` or fsdp, not with deepspeed")
        if self.schedule.kind == "wsd" and self.schedule.decay == 0:
            raise ValueError("a `wsd` schedule needs `decay`, the steps in which it goes down")
        if self.backend == "deepspeed" and self.deepspeed is None:
            raise ValueError(
                "backend deepspeed needs `deepspeed`, its JSON; recipes/train/zero3.json is one"
            )
        if self.backend != "deepspeed" and self.deepspeed is not None:
            raise ValueError(f"`deepspeed` is a file for backend deepspeed, not {self.backend}")
        if self.precision == "fp16" and self.backend != "deepspeed":
            raise ValueError("precision fp16 is for backend deepspeed; set bf16 or fp32")
        return self

    def steps_for(self, rows: int) -> int:
        """Steps of the run over a split of so many rows."""
        if self.steps is not None:
            return self.steps
        return max(1, round(rows * (self.epochs or 1.0) / self.batch.rows))

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return Path(self.out) / self.name

    def tokenizer_path(self) -> Path:
        """Where the tokenizer is."""
        return Path(self.model.tokenizer or self.model.path or "")


def parsed(text: str, where: str, changes: list[str] | None = None) -> Config:
    """A configuration from YAML text and changes such as `optimizer.lr=1e-4`.

    Raises RecipeError, in words for its author.
    """
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{where} is not valid YAML{line}") from None
    if not isinstance(value, dict):
        raise RecipeError(f"{where} must be a mapping with at least `name`, `shards` and `model`")
    for change in changes or ():
        _set(value, change)
    try:
        return Config(**value)
    except ValidationError as error:
        raise RecipeError(explained(error, Config, where)) from None
    except TypeError:
        raise RecipeError(f"{where}: every key must be a word") from None


def _set(value: dict[str, Any], change: str) -> None:
    key, equals, word = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {change}: write KEY=VALUE, such as optimizer.lr=1e-4")
    *path, last = key.split(".")
    for part in path:
        inner = value.get(part)
        if inner is not None and not isinstance(inner, dict):
            raise RecipeError(f"--set {change}: {part} is not a mapping")
        value[part] = dict(inner or {})
        value = value[part]
    try:
        value[last] = yaml.safe_load(word)
    except yaml.YAMLError:
        value[last] = word


def read(path: Path, changes: list[str] | None = None) -> Config:
    """A configuration from a file. Raises RecipeError when it is missing or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(
            f"there is no training configuration {path}; `recipes/train/` has ready ones"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from None
    return parsed(text, str(path), changes)
