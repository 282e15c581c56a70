"""One small build for all tests of this folder; none of them changes it."""

from __future__ import annotations

import pytest

from manifests.opened import OpenedBuild
from tests.manifests.builds import small_build


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> OpenedBuild:
    return small_build(tmp_path_factory.mktemp("manifests"))
