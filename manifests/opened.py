"""A finished build, opened for reading: its manifest, its files, and SQL over them.

Nothing here writes. What the manifest lists must be there at the size it says; whether every byte
is what it was is the business of `manifests.verify`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import CurateError
from manifests.manifest import VERSION
from manifests.seal import seal_holds

if TYPE_CHECKING:
    import duckdb

MANIFEST = "manifest.json"


class ManifestError(CurateError):
    """A build that cannot be read or asked as wished: what, where, and the way out."""


@dataclass(frozen=True)
class OpenedBuild:
    """A build whose manifest has been read and whose files are there."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """What the build wrote, as the manifest lists it: path, rows, bytes, sha256."""
        return list(self.manifest["outputs"])

    def files(self, kind: str) -> list[Path]:
        """Paths of the outputs below the folder `kind`, in the order of the ids in them."""
        names = [str(output["path"]) for output in self.outputs]
        return [self.folder / name for name in names if name.startswith(f"{kind}/")]

    @cached_property
    def data_files(self) -> list[Path]:
        """Parquet files of the kept rows, in order of id."""
        return self.files("data")

    @cached_property
    def ledger_files(self) -> list[Path]:
        """Parquet files of every row's fate, in order of id."""
        return self.files("ledger")

    def connection(self) -> duckdb.DuckDBPyConnection:
        """DuckDB in memory with the views `ledger` and `data` over the build's files.

        It opens no file whatever, not for reading and not for writing: Arrow reads the build's
        files for it, column by column and leaving out row groups that cannot match. There is no
        extension, no network and no Python variable either, and its settings are locked. (With
        the files as `allowed_paths` a SELECT could overwrite them: WITH a AS (COPY ... TO ...).)

        Raises ManifestError when a file is no Parquet file.
        """
        import duckdb
        import pyarrow.dataset

        database = duckdb.connect(":memory:")
        for name, files in (("ledger", self.ledger_files), ("data", self.data_files)):
            try:
                rows = pyarrow.dataset.dataset([str(path) for path in files], format="parquet")
            except (OSError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise ManifestError(
                    f"the {name} of {self.folder} cannot be read ({reason}); "
                    f"`curate manifest verify {self.folder}` says which file is damaged"
                ) from None
            database.register(name, rows)
        for setting in (
            "python_enable_replacements = false",
            "autoinstall_known_extensions = false",
            "temp_directory = ''",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            database.execute(f"SET {setting}")
        return database


def open_build(folder: Path) -> OpenedBuild:
    """Opens the build in `folder`.

    Raises ManifestError, with the way out, when there is no whole build of a version that can be
    read: no manifest, one cut short, one from a newer version, a file missing or of another size.
    """
    build = OpenedBuild(folder, read_manifest(folder))
    for output in build.outputs:
        if (problem := misfit(folder, output)) is not None:
            raise ManifestError(
                f"{problem}; run the build again, or `curate manifest verify {folder}` "
                "to see all that is wrong"
            )
    return build


def misfit(folder: Path, output: dict[str, Any]) -> str | None:
    """What a look at its name and size says is wrong with an output; None when nothing is."""
    path = folder / str(output["path"])
    try:
        size = path.stat().st_size
    except OSError:
        return f"{path} is missing, though the manifest lists it"
    if size != output["bytes"]:
        return f"{path} has {size:,} bytes where the manifest says {output['bytes']:,}"
    return None


def named_inside(folder: Path) -> str:
    """Ends a complaint that a folder is no build: the builds inside it, or nothing."""
    builds = sorted(str(path.parent) for path in folder.glob(f"*/{MANIFEST}"))
    if not builds:
        return ""
    more = f" or {len(builds) - 3} more" if len(builds) > 3 else ""
    return f"; it holds {', '.join(builds[:3])}{more}"


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the build in `folder`; raises ManifestError when it cannot be used."""
    path = folder / MANIFEST
    try:
        raw = path.read_bytes()
        value = json.loads(raw)
    except FileNotFoundError:
        what = "has no manifest.json" if folder.is_dir() else "does not exist"
        raise ManifestError(
            f"{folder} {what}; give the folder of a finished build, such as builds/NAME"
            f"{named_inside(folder)}"
        ) from None
    except (OSError, ValueError) as error:
        raise ManifestError(
            f"{path} is cut short or damaged ({error}); run the same build again to write it anew"
        ) from None
    version = value.get("schema_version") if isinstance(value, dict) else None
    if not isinstance(version, int) or not isinstance(value.get("outputs"), list):
        raise ManifestError(f"{path} is no manifest of a build; give a folder such as builds/NAME")
    holds = seal_holds(raw)
    if holds is False or (holds is None and 1 < version <= VERSION):
        raise ManifestError(
            f"{path} is not as it was written: its checksum does not fit its content; "
            "run the same build again to write it anew"
        )
    if version > VERSION:
        raise ManifestError(
            f"{path} has schema version {version} and this curate reads up to {VERSION}; "
            "update curate to look into this build"
        )
    return value
