"""Where else a run shows: TensorBoard's event files, and Weights & Biases.

Both get what metrics.jsonl, evaluations.jsonl and samples.jsonl get, and begin again after the same
step when a run goes on.
"""

from __future__ import annotations

import importlib.util
import shutil
import uuid
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from curate.errors import RecipeError
from trainer.config import Config, WeightsAndBiases
from trainer.watch import SAMPLES, lines_of

TENSORBOARD = "tensorboard"
WANDB_ID = "wandb-id"
"""File in the run's folder that says which run on Weights & Biases it is."""


class Tracker(Protocol):
    """Takes the numbers and texts of a run."""

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Numbers by name, such as `train/loss`."""

    def texts(self, step: int, lines: list[dict[str, Any]]) -> None:
        """Samples: `prompt` and `text`."""

    def close(self) -> None:
        """The run ended; all is written."""


def check(config: Config) -> None:
    """Raises RecipeError where a library that the configuration asks for is not installed."""
    for key, name, asked in (
        ("tensorboard", "tensorboard", config.tensorboard),
        ("wandb", "wandb", config.wandb is not None),
    ):
        if asked and importlib.util.find_spec(name) is None:
            raise RecipeError(
                f"`{key}` needs the package {name}; install it with "
                f"`pip install curate-zh[track]`, or leave the key out"
            )


def begun(config: Config, begin: int) -> list[Tracker]:
    """Those of a configuration, for a run that goes on after step `begin`.

    Raises RecipeError where Weights & Biases refuses.
    """
    found: list[Tracker] = []
    if config.tensorboard:
        found.append(TensorBoard(config.folder, begin))
    if config.wandb is not None:
        found.append(Wandb(config, config.wandb))
    return found


class TensorBoard:
    """Event files; what an earlier part of the run wrote after step `begin` is taken back."""

    def __init__(self, run: Path, begin: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        kind: Any = SummaryWriter
        folder, texts = run / TENSORBOARD, run / TENSORBOARD / "samples"
        # TensorBoard drops numbers from this step on when it reads the new file.
        again = folder.is_dir() and any(folder.iterdir())
        self._numbers = kind(str(folder), purge_step=(begin + 1 if begin else 0) if again else None)
        # It drops no texts, and reads one growing file of a folder: they have one of their own,
        # and are written again.
        shutil.rmtree(texts, ignore_errors=True)
        self._texts: Any = None
        self._kind, self._folder = kind, texts
        kept = [line for line in lines_of(run / SAMPLES) if begin and line["step"] <= begin]
        for step, lines in groupby(kept, lambda line: int(line["step"])):
            self.texts(step, list(lines))

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """As in `Tracker`."""
        for name, value in values.items():
            self._numbers.add_scalar(name, value, step)
        self._numbers.flush()

    def texts(self, step: int, lines: list[dict[str, Any]]) -> None:
        """As in `Tracker`; shown as Markdown, so as a block of code."""
        if self._texts is None:
            self._texts = self._kind(str(self._folder))
        for number, line in enumerate(lines, 1):
            block = "\n".join(f"    {x}" for x in (line["prompt"] + line["text"]).splitlines())
            self._texts.add_text(f"samples/{number}", block, step)
        self._texts.flush()

    def close(self) -> None:
        """As in `Tracker`."""
        self._numbers.close()
        if self._texts is not None:
            self._texts.close()


class Wandb:
    """A run on Weights & Biases, the same one when it goes on.

    It takes no step below the last it has: of steps that are done again after a crash, the numbers
    from before it stay, which are the same.
    """

    def __init__(self, config: Config, options: WeightsAndBiases) -> None:
        import wandb

        config.folder.mkdir(parents=True, exist_ok=True)
        name = config.folder / WANDB_ID
        if not name.exists():
            name.write_text(uuid.uuid4().hex[:8])
        try:
            self._run: Any = wandb.init(
                project=options.project,
                entity=options.entity,
                mode=options.mode,
                tags=list(options.tags),
                name=config.name,
                id=name.read_text().strip(),
                resume="allow",
                dir=str(config.folder),
                config=config.model_dump(mode="json"),
                settings=wandb.Settings(silent=True, console="off"),
            )
        except (wandb.Error, OSError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RecipeError(
                f"Weights & Biases did not begin: {reason}; `wandb login` first, or set "
                "wandb.mode to offline"
            ) from None
        self._table: Any = wandb.Table

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """As in `Tracker`."""
        self._run.log(values, step=step)

    def texts(self, step: int, lines: list[dict[str, Any]]) -> None:
        """As in `Tracker`."""
        rows = [[line["prompt"], line["text"]] for line in lines]
        table = self._table(columns=["prompt", "text"], data=rows)
        self._run.log({"samples": table}, step=step)

    def close(self) -> None:
        """As in `Tracker`."""
        self._run.finish()
