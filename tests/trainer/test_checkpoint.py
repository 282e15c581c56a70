"""Checkpoints: whole or not there, the last and the best kept, damage said in words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.errors import CurateError  # noqa: E402
from tests.trainer.training_files import config, losses, text_shards  # noqa: E402
from trainer import checkpoint, loop  # noqa: E402
from trainer.config import Checkpoints  # noqa: E402


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    text_shards(folder)
    loop.train(config(folder, name="whole"), "pretrain")
    return folder


def copied(root: Path, name: str) -> Path:
    return shutil.copytree(root / "runs/whole", root / "runs" / name)


KILLED = """
import os, signal, sys
from trainer import checkpoint, config, loop
{patch}
loop.train(config.read(__import__("pathlib").Path(sys.argv[1])), "pretrain")
"""

PLACES = {
    "before the optimizer": "checkpoint.save_file = lambda *_: os.kill(os.getpid(), 9)",
    "before the state": (
        "write = checkpoint.write_json\n"
        "def killed(path, value):\n"
        "    os.kill(os.getpid(), 9) if path.name == 'state.json' else write(path, value)\n"
        "checkpoint.write_json = killed"
    ),
    "before the name": "checkpoint._to_disk = lambda *_: os.kill(os.getpid(), 9)",
    "while removing": "checkpoint.shutil.rmtree = lambda p, **_: "
    "os.kill(os.getpid(), 9) if 'removed' in p.name else None",
}


@pytest.mark.parametrize("place", PLACES)
def test_a_kill_while_saving_leaves_the_previous_one_whole(root, tmp_path, place):
    """The process dies at a place in the saving of step 12; step 8 is whole, and leads to 12."""
    run = copied(root, place)
    shutil.rmtree(run / "checkpoints/step-12")
    value = config(root, name=place.replace(" ", "-"), checkpoints={"every": 4, "keep_last": 1})
    run = run.rename(root / "runs" / value.name)
    if place == "while removing":
        shutil.rmtree(run / "checkpoints/step-8", ignore_errors=True)
        shutil.copytree(root / "runs/whole/checkpoints/step-8", run / "checkpoints/step-8")
    path = tmp_path / "c.yaml"
    path.write_text(value.model_dump_json(exclude_none=True))
    script = KILLED.format(patch=PLACES[place])
    died = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert died.returncode == -9, died.stderr
    whole = [c.step for c in checkpoint.all_of(run)]
    assert whole[-1] == (12 if place == "while removing" else 8)
    # As transformers sees it too.
    from trainer.model import from_folder

    from_folder(checkpoint.folder_of(run, whole[-1]))
    assert loop.train(value, "pretrain").step == 12
    assert losses(run) == pytest.approx(losses(root / "runs/whole"), abs=1e-5)
    checkpoint.remove_old(run, value.checkpoints)
    assert [p.name for p in (run / "checkpoints").iterdir()] == ["step-12"]


def test_the_last_and_the_best_are_kept(tmp_path):
    for step, heldout in ((1, 5.0), (2, 3.0), (3, 3.0), (4, 4.0), (5, 4.5), (10, None)):
        folder = checkpoint.folder_of(tmp_path, step)
        (folder / "trainer").mkdir(parents=True)
        (folder / checkpoint.STATE).write_text(json.dumps({"heldout": heldout, "files": {}}))
    checkpoint.remove_old(tmp_path, Checkpoints(keep_last=2))
    assert [c.step for c in checkpoint.all_of(tmp_path)] == [2, 5, 10]
    checkpoint.remove_old(tmp_path, Checkpoints(keep_last=1, keep_best=False))
    assert [c.step for c in checkpoint.all_of(tmp_path)] == [10]


@pytest.mark.parametrize(
    "name", ["model.safetensors", "trainer/optimizer.safetensors", "trainer/state.json"]
)
@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_checkpoint_cut_short_is_named(root, name, damage):
    run = copied(root, f"{damage}-{Path(name).name}")
    file = run / "checkpoints/step-12" / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(CurateError, match=r"step-12 is cut short: .* remove the folder"):
        loop.train(config(root, name=run.name), "pretrain")
    shutil.rmtree(run / "checkpoints/step-12")
    assert loop.train(config(root, name=run.name), "pretrain").step == 12


def test_an_optimizer_of_another_model_does_not_fit(root):
    found = checkpoint.all_of(root / "runs/whole")[-1]
    moments = checkpoint.moments_of(found)
    assert {name.split("/")[0] for name in moments} == {"exp_avg", "exp_avg_sq"}
    from trainer.config import Optimizer
    from trainer.model import PackedLoss, from_folder
    from trainer.processes import Processes
    from trainer.replicas import Replicas

    module = PackedLoss(from_folder(found.path))
    backend = Replicas(module, Optimizer(), "fp32", Processes(0, 1, torch.device("cpu")))
    name = next(iter(moments))
    moments[name] = moments[name][:-1]
    with pytest.raises(CurateError, match="is of another model"):
        backend.set_moments(moments, 12)
