"""The DeepSpeed JSON of a run: read, held against the configuration, and filled, before any step.

The configuration decides what is learnt; the JSON says how memory is divided. What both say must be
the same, "auto" takes the configuration's value, and what would train in another way is refused.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Any

from curate.errors import RecipeError
from curate.recipe import nearest
from trainer.config import Config

AUTO = "auto"

ALIKE = (
    "zero_optimization", "zero_allow_untested_optimizer", "zero_force_ds_cpu_optimizer",
    "communication_data_type", "disable_allgather", "prescale_gradients",
    "gradient_predivide_factor", "data_types", "steps_per_print", "dump_state", "log_level",
    "memory_breakdown", "wall_clock_breakdown", "comms_logger", "flops_profiler", "timers",
    "aio", "checkpoint", "activation_checkpointing", "disable_python_gc", "dataloader_drop_last",
    "vocabulary_size", "use_node_local_storage",
)  # fmt: skip
"""Keys that leave the curve as it is."""

SAID_TWICE = (
    "train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps",
    "gradient_clipping", "optimizer", "scheduler", "fp16", "bf16", "bfloat16",
)  # fmt: skip
"""Keys that the configuration has as well."""

OTHER_TRAINING = (
    "amp", "autotuning", "compile", "compression_training", "curriculum_learning",
    "data_efficiency", "eigenvalue", "elasticity", "expert_parallel", "gradient_allreduce_op",
    "hybrid_engine", "managed_gradient_accumulation", "pipeline", "progressive_layer_drop",
    "quantize_training", "random_ltd", "sequence_parallel_size", "sparse_attention",
    "sparse_gradients", "tensor_parallel", "torch_autocast", "weight_quantization",
    "tensorboard", "wandb", "csv_monitor", "comet",
)  # fmt: skip
"""Keys of DeepSpeed that would train, or tell of it, in a way of their own."""

KINDS = {"WarmupLR": "constant", "WarmupDecayLR": "linear", "WarmupCosineLR": "cosine"}
"""DeepSpeed's schedules and what they are called in a configuration."""

SMALLEST_BUCKET = 1 << 20
"""Numbers that are at least sent together, where a JSON leaves their number to us."""


def needs_deepspeed() -> None:
    """Raises RecipeError where the package is not installed."""
    if importlib.util.find_spec("deepspeed") is None:
        raise RecipeError(
            "backend deepspeed needs the package deepspeed; install it with `pip install "
            "--no-build-isolation 'curate-zh[deepspeed]'` after torch, ninja, setuptools and wheel"
        )


def micro_batches_of(config: Config, world: int) -> int:
    """Micro-batches that a process of so many computes in a step."""
    rows = math.ceil(config.batch.rows / world)
    return math.ceil(rows / config.batch.micro_rows)


def stage_of(config: Config) -> int:
    """Of ZeRO, 0 without DeepSpeed. Raises RecipeError for a JSON that cannot be read."""
    if config.deepspeed is None:
        return 0
    block = _Said(config.deepspeed, _read(Path(config.deepspeed))).part("zero_optimization")
    stage: int = block.get("stage", 0)
    return stage


def zero_options(config: Config, steps: int, world: int, hidden_size: int) -> dict[str, Any]:
    """What DeepSpeed is started with, from the JSON that the configuration names.

    steps: of the whole run. hidden_size: of the model, which "auto" sizes of buffers follow.
    Raises RecipeError, in one sentence, for a file that cannot be read, a key that does not exist,
    and whatever contradicts the configuration.
    """
    where = config.deepspeed or ""
    value = _read(Path(where))
    _known(value, where)
    said = _Said(where, value)
    accumulated = micro_batches_of(config, world)
    micro = config.batch.micro_rows
    said.same("train_batch_size", config.batch.rows, "batch.rows")
    said.same("train_micro_batch_size_per_gpu", micro, "batch.micro_rows")
    said.same(
        "gradient_accumulation_steps",
        accumulated,
        f"batch.rows {config.batch.rows} in {world} processes with batch.micro_rows",
        shown=str(micro),
    )
    said.same("gradient_clipping", config.optimizer.clip, "optimizer.clip")
    _optimizer(said, config)
    _schedule(said, config, steps)
    precision = _precision(said, config)
    _without_effect(said)
    kept = {key: said.value[key] for key in ALIKE if key in said.value}
    return {
        **_without_auto(kept),
        **precision,
        "zero_optimization": _zero(said, hidden_size),
        # Rows of a global batch may not divide evenly; DeepSpeed only counts with these.
        "train_micro_batch_size_per_gpu": micro,
        "gradient_accumulation_steps": accumulated,
        "train_batch_size": micro * accumulated * world,
        "gradient_clipping": config.optimizer.clip,
        # torch's AdamW: DeepSpeed's own is compiled when it is first used, for minutes.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except FileNotFoundError:
        raise RecipeError(
            f"there is no DeepSpeed JSON {path}; `recipes/train/zero3.json` is a ready one"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"cannot read {path}: {error}") from None
    except json.JSONDecodeError as error:
        raise RecipeError(f"{path} is not valid JSON at line {error.lineno}: {error.msg}") from None
    except ValueError as error:
        raise RecipeError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise RecipeError(f"{path} must be a JSON object with at least `zero_optimization`")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"{twice} is given twice")
    return value


def _known(value: dict[str, Any], where: str) -> None:
    known = [*ALIKE, *SAID_TWICE, *OTHER_TRAINING]
    for key, part in value.items():
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}{nearest(key, known)}")
        off = not part or (isinstance(part, dict) and part.get("enabled") is False)
        if key in OTHER_TRAINING and not off:
            raise RecipeError(f"{where}: {key} is not supported here; remove it")


class _Said:
    """What a JSON says, held against what a configuration says."""

    def __init__(self, where: str, value: dict[str, Any]) -> None:
        self.where, self.value = where, value

    def part(self, key: str) -> dict[str, Any]:
        """A mapping of the JSON; empty where it is not there."""
        part = self.value.get(key) or {}
        if not isinstance(part, dict):
            raise RecipeError(f"{self.where}: {key} must be a mapping")
        return part

    def same(self, key: str, wanted: Any, name: str, shown: str | None = None) -> None:
        """Raises RecipeError where the JSON's value of a dotted key is not the wanted one."""
        *path, last = key.split(".")
        part: Any = self.value
        for step in path:
            part = part.get(step) or {}
        found = part.get(last, AUTO)
        if found == AUTO or _equal(found, wanted):
            return
        raise RecipeError(
            f"{self.where}: {key} is {_shown(found)}, and the configuration has "
            f'{name} {shown or _shown(wanted)}; set it to {_shown(wanted)} or to "auto"'
        )


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(_equal(a, b) for a, b in zip(found, wanted, strict=True))
        )
    numbers = [isinstance(x, int | float) and not isinstance(x, bool) for x in (found, wanted)]
    return bool(found == wanted) if numbers[0] == numbers[1] else False


def _shown(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def _optimizer(said: _Said, config: Config) -> None:
    block, options = said.part("optimizer"), config.optimizer
    if not block:
        return
    kind = block.get("type", AUTO)
    if str(kind).lower() not in (AUTO, "adam", "adamw"):
        raise RecipeError(
            f"{said.where}: optimizer.type is {_shown(kind)}, and training here is with AdamW; "
            'set it to "AdamW" or remove the block'
        )
    wanted = {
        "lr": options.lr,
        "betas": options.betas,
        "eps": options.eps,
        "weight_decay": options.weight_decay,
        "adam_w_mode": True,
        "bias_correction": True,
        "amsgrad": False,
        "torch_adam": True,
    }
    for key in block.get("params") or {}:
        if key not in wanted:
            known = list(wanted)
            raise RecipeError(
                f"{said.where}: unknown key 'optimizer.params.{key}'{nearest(key, known)}"
            )
        if key != "torch_adam":
            said.same(f"optimizer.params.{key}", wanted[key], f"optimizer.{key}")


def _schedule(said: _Said, config: Config, steps: int) -> None:
    block, schedule = said.part("scheduler"), config.schedule
    if not block:
        return
    kind = block.get("type", AUTO)
    if kind != AUTO and KINDS.get(kind) != schedule.kind:
        raise RecipeError(
            f"{said.where}: scheduler.type is {_shown(kind)}, and the configuration has "
            f"schedule.kind {schedule.kind}; remove the block, the configuration's is used"
        )
    wanted = {
        "warmup_num_steps": (schedule.warmup, "schedule.warmup"),
        "warmup_max_lr": (config.optimizer.lr, "optimizer.lr"),
        "total_num_steps": (steps, "steps"),
        "warmup_type": ("linear", "schedule.warmup, a line;"),
    }
    for key, value in (block.get("params") or {}).items():
        if key in wanted:
            said.same(f"scheduler.params.{key}", *wanted[key])
        elif value != AUTO:
            raise RecipeError(
                f"{said.where}: scheduler.params.{key} is {_shown(value)}, and the configuration "
                f"has schedule.floor {schedule.floor:g}; remove it, the configuration's is used"
            )


def _precision(said: _Said, config: Config) -> dict[str, Any]:
    """The blocks `fp16` and `bf16`, of which at most one is on."""
    result = {}
    if "bfloat16" in said.value and "bf16" not in said.value:
        said.value["bf16"] = said.value["bfloat16"]
    for name in ("fp16", "bf16"):
        block, on = said.part(name), config.precision == name
        if block and block.get("enabled", AUTO) not in (AUTO, on):
            found = _shown(block["enabled"])
            raise RecipeError(
                f"{said.where}: {name}.enabled is {found}, and the configuration has precision "
                f'{config.precision}; set it to {_shown(on)} or to "auto"'
            )
        if block.get("auto_cast") is True:
            raise RecipeError(f"{said.where}: {name}.auto_cast is not supported here; remove it")
        result[name] = {**_without_auto(block), "enabled": on} if on else {"enabled": False}
    if config.precision == "bf16":
        # A gradient that is not finite leaves the weights alone only so.
        result["bf16"]["check_grad_overflow"] = True
    return result


def _without_effect(said: _Said) -> None:
    """Refuses what DeepSpeed would take and do nothing with here."""
    for key, value in said.part("activation_checkpointing").items():
        if value and value != AUTO:
            raise RecipeError(
                f"{said.where}: activation_checkpointing.{key} is {_shown(value)} and would do "
                "nothing here; set `activation_checkpointing` in the configuration instead"
            )
    for key in ("wall_clock_breakdown", "memory_breakdown"):
        if said.value.get(key) not in (None, False, AUTO):
            raise RecipeError(
                f"{said.where}: {key} is {_shown(said.value[key])}, which waits for the device "
                "at every part of a step, and the configuration has log_every, whose "
                "tokens_per_s would be wrong; set it to false"
            )


def _zero(said: _Said, hidden_size: int) -> dict[str, Any]:
    """The block `zero_optimization`, checked by DeepSpeed's own model of it."""
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig
    from pydantic import ValidationError

    block = dict(said.part("zero_optimization"))
    stage = block.get("stage", 0)
    if stage not in (1, 2, 3):
        raise RecipeError(
            f"{said.where}: zero_optimization.stage is {_shown(stage)}; set it to 1, 2 or 3, or "
            "take `backend: ddp`, which divides nothing either"
        )
    fields = DeepSpeedZeroConfig.model_fields
    known = [field.alias or name for name, field in fields.items()]
    for key in block:
        if key not in known and key not in fields:
            raise RecipeError(
                f"{said.where}: unknown key 'zero_optimization.{key}'{nearest(key, known)}"
            )
    for key in ("zenflow", "legacy_stage1", "elastic_checkpoint"):
        if block.get(key):
            raise RecipeError(
                f"{said.where}: zero_optimization.{key} is not supported here; remove it"
            )
    for key in ("offload_optimizer", "offload_param"):
        part = block.get(key)
        if not isinstance(part, dict):
            continue
        if part.get("device", "none") not in ("none", "cpu", AUTO):
            raise RecipeError(
                f"{said.where}: zero_optimization.{key}.device is {_shown(part['device'])}; "
                'set it to "cpu" or "none"'
            )
        if part.get("super_offload"):
            raise RecipeError(
                f"{said.where}: zero_optimization.{key}.super_offload is not supported here; "
                "remove it"
            )
    if stage != 3 and (block.get("offload_param") or {}).get("device") == "cpu":
        raise RecipeError(
            f"{said.where}: zero_optimization.offload_param needs stage 3, and stage is {stage}"
        )
    bucket = max(hidden_size**2, SMALLEST_BUCKET)
    filled = {
        "reduce_bucket_size": bucket,
        "stage3_prefetch_bucket_size": bucket * 9 // 10,
        "stage3_param_persistence_threshold": hidden_size * 10,
    }
    block = {
        key: filled[key] if value == AUTO and key in filled else value
        for key, value in block.items()
    }
    block = _without_auto(block)
    try:
        DeepSpeedZeroConfig(**block)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(["zero_optimization", *map(str, first["loc"])])
        raise RecipeError(f"{said.where}: {key}: {first['msg']}") from None
    return block


def _without_auto(value: dict[str, Any]) -> dict[str, Any]:
    """A mapping without its "auto": DeepSpeed's defaults stand there."""
    return {
        key: _without_auto(part) if isinstance(part, dict) else part
        for key, part in value.items()
        if part != AUTO
    }
