"""What all tests share: hypothesis settings and the real samples' folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# Compiled kernels load at their first call; a deadline would judge that, not the code.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


def pytest_configure() -> None:
    """Unpacks the real samples where they lie packed beside the checkout, once."""
    unpack = ROOT.parent / "shared" / "data" / "unpack"
    if "CURATE_REAL_DATA" not in os.environ and unpack.exists():
        subprocess.run([unpack, ROOT / ".cache" / "real"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real samples; the test is skipped where they are absent."""
    folder = Path(os.environ.get("CURATE_REAL_DATA", ROOT / ".cache" / "real"))
    if not (folder / "INVENTORY.tsv").exists():
        pytest.skip(f"real samples are not in {folder}; set CURATE_REAL_DATA to where they are")
    return folder
