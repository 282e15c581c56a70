"""The training loop: from a configuration to a folder with metrics and checkpoints."""

from __future__ import annotations

import math
import platform
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import transformers

from curate.errors import CurateError, RecipeError
from curate.lock import locked
from curate.storage import write_json
from curate.tokens.format.reader import Shards
from curate.tokens.loader import Loader
from trainer import attention, checkpoint, compiled, lora, model, trackers, watch
from trainer.backend import backend_for, check_backend
from trainer.batches import MicroBatch, micro_batches
from trainer.chat import chat_format_for
from trainer.config import Config
from trainer.heldout import Heldout, whole
from trainer.order import Order
from trainer.processes import Processes, started
from trainer.samples import Sampler
from trainer.schedule import factor
from trainer.throughput import Operations, Throughput, device_peak, document_lengths
from trainer.trace import RUN

Stage = Literal["pretrain", "sft"]

NAMED = 20
"""Documents named in a message; `curate train trace` lists all of a step."""


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    folder: Path
    step: int
    """Steps done in all."""
    steps: int
    """Steps the configuration asks for."""
    tokens: int
    """Tokens of documents seen, in all."""
    loss: float | None
    """Of the last step; None where no step was left to do."""
    heldout: float | None
    """Mean held-out loss a token at the last evaluation."""
    stopped: bool
    """Whether SIGTERM ended it early."""

    def as_json(self) -> dict[str, Any]:
        """The closing JSON object that others rely on."""
        return {
            "run": str(self.folder),
            "step": self.step,
            "steps": self.steps,
            "tokens": self.tokens,
            "loss": self.loss,
            "heldout_loss": self.heldout,
            "stopped": self.stopped,
            "checkpoint": str(checkpoint.folder_of(self.folder, self.step)),
        }


def opened(config: Config, stage: Stage) -> Shards:
    """The shards' training rows. Raises RecipeError where they are not for this stage."""
    shards = Shards(config.shards)
    wanted = {"pretrain": "text", "sft": "instructions"}[stage]
    if shards.index.kind != wanted:
        other = "sft" if stage == "pretrain" else "pretrain"
        raise RecipeError(
            f"{config.shards} holds {shards.index.kind}, which `curate train {other}` learns from; "
            f"`{stage}` takes {wanted}"
        )
    if not len(shards):
        raise RecipeError(f"{config.shards} has no training rows")
    return shards


def train(config: Config, stage: Stage) -> Result:
    """Trains to the last step, going on from the run's last checkpoint if there is one.

    Raises RecipeError for what cannot work, before any step, and CurateError where the loss is not
    finite or memory runs out.
    """
    attention.register()
    trackers.check(config)
    check_backend(config)
    grouped = config.backend == "deepspeed"
    with started(config.device, config.batch.rows, grouped) as processes:
        with _alone(config.folder, processes):
            try:
                return Run(config, stage, processes).run()
            except torch.OutOfMemoryError:
                raise _no_memory(config) from None
            except RuntimeError as error:
                if "not enough memory" in str(error) or "can't allocate memory" in str(error):
                    raise _no_memory(config) from None
                raise


def _no_memory(config: Config) -> CurateError:
    return CurateError(
        f"memory ran out with {config.batch.micro_rows} rows at once; set batch.micro_rows lower "
        "(the curve stays the same), or activation_checkpointing: true"
        + (", or offload more in zero_optimization" if config.backend == "deepspeed" else "")
    )


@contextmanager
def _alone(folder: Path, processes: Processes) -> Iterator[None]:
    """Holds the run's folder, so that two runs do not write into it."""
    if not processes.first:
        yield
        return
    with locked(folder):
        yield


def identity(config: Config, stage: Stage, shards: Shards) -> dict[str, Any]:
    """What a run cannot change halfway: what decides the rows of a step and whose they are."""
    return {
        "stage": stage,
        "shards": shards.index.fingerprint,
        "rows": len(shards),
        "seq_length": shards.index.seq_length,
        "tokenizer": shards.index.tokenizer.fingerprint,
        "seed": config.seed,
        "batch.rows": config.batch.rows,
        **(_flat("lora", config.lora.model_dump(mode="json")) if config.lora else {}),
        **_flat("model", config.model.model_dump(mode="json", exclude_none=True)),
    }


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    """A mapping of mappings as one, with dotted keys."""
    if not isinstance(value, dict):
        return {prefix: value}
    return {k: v for key, part in value.items() for k, v in _flat(f"{prefix}.{key}", part).items()}


class Run:
    """One process's part of a run."""

    def __init__(self, config: Config, stage: Stage, processes: Processes) -> None:
        self.config, self.stage, self.processes = config, stage, processes
        self.shards = opened(config, stage)
        self.loader = Loader(self.shards)
        self.steps = config.steps_for(len(self.shards))
        self.order = Order(
            self.shards.index.fingerprint, config.seed, len(self.shards), config.batch.rows
        )
        self.identity = identity(config, stage, self.shards)
        if config.compile:
            compiled.check()
        base = lora.base_of(config, self.shards, processes) if config.lora else None
        if base is not None:
            self.identity["base"] = base.fingerprint
        before = self._before()
        self.begin = before.step if before else 0
        self.tokens = int(before.state["tokens"]) if before else 0
        self.heldout: float | None = before.state["heldout"] if before else None
        start = lora.on(config, base) if base else self._from(before)
        network, self.tokenizer = model.loaded(start, self.shards)
        self.adapters = (
            lora.Adapters(network, config, base, before.path if before else None) if base else None
        )
        self.chat = self._chat(network)
        self.described = model.described(network)
        network.config.use_cache = False
        if config.activation_checkpointing:
            network.activation_checkpointing_enable({"use_reentrant": False})
        if config.compile:
            compiled.blocks(network)
        self.backend = backend_for(config, network, processes, self.steps)
        if before is not None and before.step:
            self.backend.set_moments(checkpoint.moments_of(before), before.step)
        self.evaluated = (
            Heldout(self.shards, self.tokenizer, config.evaluation.rows)
            if config.evaluation
            else None
        )
        self.sampler = (
            Sampler(
                config.samples,
                self.backend,
                self.tokenizer,
                self.chat["prompt"] if self.chat else None,
            )
            if config.samples
            else None
        )
        self.operations = Operations(network.config, self.described["trained"])
        self.throughput = Throughput(processes.world, device_peak(processes, config.precision))
        self.watch: watch.Watch | None = None

    # Before the first step

    def _before(self) -> checkpoint.Checkpoint | None:
        """The checkpoint to go on from. Raises RecipeError where it is of other data."""
        found = checkpoint.all_of(self.config.folder)
        if not found:
            return None
        last = found[-1]
        begun = last.state["data"]
        for key in [*self.identity, *begun]:
            old, new = begun.get(key, "none"), self.identity.get(key, "none")
            if old != new:
                raise RecipeError(
                    f"{self.config.folder} was begun with {key} {old}, and this configuration has "
                    f"{new}; give the same, or another `name`"
                )
        return last

    def _from(self, before: checkpoint.Checkpoint | None) -> Config:
        """The configuration with the model of the checkpoint in place of the first one."""
        if before is None:
            return self.config
        options = self.config.model.model_copy(
            update={
                "path": str(before.path),
                "fresh": None,
                "base_tokenizer": None,
                "tokenizer": str(self.config.tokenizer_path()),
            }
        )
        return self.config.model_copy(update={"model": options})

    def _chat(self, network: Any) -> dict[str, Any] | None:
        """How instructions were put, for whoever uses the model; sets where it stops to write."""
        if self.shards.index.kind != "instructions":
            return None
        name = str(self.shards.index.options["prompt"])
        chat = chat_format_for(self.tokenizer, name)
        if chat.stop_ids and network.generation_config is not None:
            network.generation_config.eos_token_id = list(chat.stop_ids)
        return {"prompt": name}

    def _write_run(self) -> None:
        write_json(
            self.config.folder / RUN,
            {
                "stage": self.stage,
                "config": self.config.model_dump(mode="json"),
                "data": self.identity,
                "steps": self.steps,
                "model": self.described,
                "processes": self.processes.world,
                "device": str(self.processes.device),
                "versions": {
                    "python": platform.python_version(),
                    "torch": torch.__version__,
                    "transformers": transformers.__version__,
                },
            },
        )

    # Steps

    def run(self) -> Result:
        """All steps that are left."""
        if self.processes.first:
            self._write_run()
            self.watch = watch.Watch(
                self.config.folder,
                self.steps,
                self.begin,
                trackers.begun(self.config, self.begin),
            )
            if self.begin:
                self.watch.say(f"going on after step {self.begin:,} of {self.steps:,}")
        try:
            with _sigterm() as asked:
                return self._steps(asked)
        finally:
            if self.watch is not None:
                self.watch.close()

    def _steps(self, asked: threading.Event) -> Result:
        options = self.config
        if self.begin == 0 and self.steps > 0:
            self._evaluate(0)
            self._sample(0)
        step, saved = self.begin, self.begin
        loss: float | None = None
        since_loss, since_valid, stopped = 0.0, 0.0, False
        self.throughput.restart()
        while step < self.steps:
            with self.throughput.loading():
                batches = self._batches(step)
                rows = self.order.share(step, self.processes.rank, self.processes.world)
                lengths = document_lengths(self.shards, rows)
            valid, tokens, flops, stop = self.processes.summed(
                sum(batch.valid for batch in batches),
                int(lengths.sum()),
                self.operations.of(lengths),
                asked.is_set(),
            )
            if stop:
                stopped = True
                break
            lr = options.optimizer.lr * factor(options.schedule, step, self.steps)
            total, norm = self._step(step, batches, valid, lr)
            step += 1
            loss = total / max(valid, 1.0)
            self.tokens += int(tokens)
            since_loss, since_valid = since_loss + total, since_valid + valid
            self.throughput.step(int(tokens), flops)
            if step % options.log_every == 0 or step == self.steps:
                speed = self.throughput.measured()
                if self.watch is not None:
                    self.watch.step(
                        {
                            "step": step,
                            "loss": since_loss / max(since_valid, 1.0),
                            "tokens": self.tokens,
                            **speed,
                            "lr": lr,
                            "gradient_norm": norm,
                            "predicted_tokens": int(since_valid),
                        }
                    )
                since_loss, since_valid = 0.0, 0.0
            saves = step % options.checkpoints.every == 0 or step == self.steps
            # What is done besides training is not part of the rate.
            with self.throughput.paused():
                if self.evaluated and (saves or step % self._evaluation_every() == 0):
                    self._evaluate(step)
                if self.sampler and self._samples_after(step):
                    self._sample(step)
                if saves:
                    self._save(step)
                    saved = step
        if stopped and saved < step:
            self._save(step)
        if stopped and self.watch is not None:
            self.watch.say(f"stopped after step {step:,}; the same command goes on from here")
        return Result(options.folder, step, self.steps, self.tokens, loss, self.heldout, stopped)

    def _evaluation_every(self) -> int:
        assert self.config.evaluation is not None
        return self.config.evaluation.every

    def _samples_after(self, step: int) -> bool:
        assert self.config.samples is not None
        return step % self.config.samples.every == 0 or step == self.steps

    def _batches(self, step: int) -> list[MicroBatch]:
        """The micro-batches of a step that are this process's; every process has equally many."""
        processes, batch = self.processes, self.config.batch
        rows = self.order.share(step, processes.rank, processes.world)
        most = -(-batch.rows // processes.world)
        count = -(-most // batch.micro_rows)
        return micro_batches(self.loader, rows, batch.micro_rows, processes.device, count)

    def _step(
        self, step: int, batches: list[MicroBatch], valid: float, lr: float
    ) -> tuple[float, float]:
        """One step; returns the sum of the losses of the global batch and the gradient's norm.

        Raises CurateError, before anything is changed, where one of them is not finite.
        """
        if self.config.lora and self.config.lora.dropout:
            # What is left out is a function of the step, so that a resumed run leaves out the same.
            torch.manual_seed((self.config.seed << 32) + step * self.processes.world
                              + self.processes.rank)  # fmt: skip
        for _ in range(self.backend.attempts):
            sums = [
                self.backend.backward(batch, valid, last=number == len(batches) - 1)
                for number, batch in enumerate(batches)
            ]
            losses = [float(value) for value in sums]
            (total,) = self.processes.summed(sum(losses))
            if not math.isfinite(total):
                break
            norm = self.backend.update(lr)
            if math.isfinite(norm):
                return total, norm
        raise self._not_finite(step, batches, losses, total)

    def _not_finite(
        self, step: int, batches: list[MicroBatch], losses: list[float], total: float
    ) -> CurateError:
        bad = [b.rows for b, loss in zip(batches, losses, strict=True) if not math.isfinite(loss)]
        where = self.processes.gathered(np.concatenate(bad).tolist() if bad else [])
        rows = sorted(row for part in where for row in part)
        what = "loss"
        if not rows:
            what, rows = "gradient", sorted(self.order.batch_rows(step).tolist())
        names: dict[str, None] = {}
        for row in rows:
            for segment in self.shards.segments(row):
                names[self.shards.document(segment.document).id] = None
        shown = ", ".join(list(names)[:NAMED])
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        return CurateError(
            f"step {step + 1}: the {what} is not finite in rows {', '.join(map(str, rows[:NAMED]))}"
            f", documents {shown}{more}; the weights before this step are unharmed: look at these "
            f"documents, or go on from the last checkpoint with a lower optimizer.lr"
        )

    def _evaluate(self, step: int) -> None:
        if self.evaluated is None:
            return
        scores = self.evaluated.scores(self.backend, self.config, self.processes)
        everything = whole(scores)
        if everything is None:
            return
        self.heldout = everything.as_json()["loss"]
        if self.watch is not None:
            self.watch.evaluation(step, [s.as_json() for s in [*scores, everything]])

    def _sample(self, step: int) -> None:
        if self.sampler is None:
            return
        # Writing is everyone's work.
        lines = self.sampler.written()
        if self.watch is not None:
            self.watch.samples(step, lines)

    def _save(self, step: int) -> None:
        # Gathering them is everyone's work.
        weights, moments = self.backend.weights(), self.backend.moments()
        if self.processes.first:
            judged = self.evaluated is not None
            checkpoint.save(
                self.config.folder,
                step,
                self.adapters or self.backend.module.model,
                weights,
                moments,
                {
                    "data": self.identity,
                    "tokens": self.tokens,
                    "heldout": self.heldout if judged else None,
                },
                self.config.tokenizer_path(),
                self.chat,
            )
            checkpoint.remove_old(self.config.folder, self.config.checkpoints)
        self.processes.wait()


@contextmanager
def _sigterm() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, instead of ending the process."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
