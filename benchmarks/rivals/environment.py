"""A Python environment of its own for each contender, made once and reused."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONSTRAINTS = HERE / "constraints.txt"
STAMP = "installed.json"


class InstallError(Exception):
    """A contender could not be installed; the message says why and what to do."""


def own_environment(cache: Path) -> Path:
    """The interpreter of an environment with this checkout as its users install it, in `cache`.

    The development environment has more in it, some of which libraries load where they find it.
    Raises InstallError.
    """
    folder = cache / "ours"
    python = folder / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in (ROOT / "pyproject.toml", constraints):
        digest.update(file.read_bytes())
    stamp = folder / STAMP
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest.hexdigest()):
        print(f"installing this project in {folder} (once)", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        _pip(python, ["install", "-c", str(constraints), "-e", str(ROOT), "--quiet"])
        stamp.write_text(digest.hexdigest(), encoding="utf-8")
    return python


def environment(name: str, cache: Path) -> Path:
    """The interpreter of `name`'s environment in `cache/name`, installed as NAME.txt pins it.

    An environment whose stamp matches the pins and this Python is used as it is. Raises
    InstallError.
    """
    folder = cache / name
    python = folder / "bin" / "python"
    requirements = HERE / f"{name}.txt"
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    for file in (requirements, CONSTRAINTS):
        digest.update(file.read_bytes())
    stamp = {"requirements": digest.hexdigest()}
    try:
        installed = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        if installed["requirements"] == stamp["requirements"]:
            return python
    except (OSError, ValueError, KeyError):
        pass

    print(f"installing {name} in {folder} (once; some minutes)", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    wanted = ["install", "-r", str(requirements), "-c", str(CONSTRAINTS)]
    report = json.loads(_pip(python, [*wanted, "--dry-run", "--quiet", "--report", "-"]))
    packages = {p["metadata"]["name"].lower(): p["metadata"]["version"] for p in report["install"]}
    gpu = sorted(p for p in packages if p.startswith(("nvidia-", "triton", "cuda-")))
    if gpu:
        raise InstallError(
            f"{name} would bring GPU libraries ({', '.join(gpu[:4])}, …), gigabytes that this "
            "benchmark has no use for. Let pip find a CPU build of torch, by setting "
            "PIP_EXTRA_INDEX_URL to PyTorch's index of CPU wheels, and run again."
        )
    _pip(python, [*wanted, "--quiet"])
    size = sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    stamp_text = json.dumps({**stamp, "mb": round(size / 1e6), "packages": packages}, indent=1)
    (folder / STAMP).write_text(stamp_text, encoding="utf-8")
    return python


def installed_mb(name: str, cache: Path) -> int:
    """Size of an installed environment in 10^6 bytes."""
    return int(json.loads((cache / name / STAMP).read_text(encoding="utf-8"))["mb"])


def _pip(python: Path, arguments: list[str]) -> str:
    process = subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
    )
    if process.returncode:
        raise InstallError(f"pip {' '.join(arguments)}\n{process.stderr.strip()[-2000:]}")
    return process.stdout
