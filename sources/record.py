"""fetch.json: what lies in a source's folder, where it came from and when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from curate.errors import CurateError
from curate.storage import write_json
from sources.catalogue import Commit, Sha256

RECORD_NAME = "fetch.json"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FileRecord(_Record):
    """One file of the folder."""

    url: str | None
    """Null for a file that was put there by hand."""
    sha256: Sha256
    bytes: int
    etag: str | None = None
    last_modified: str | None = None
    revision: Commit | None = None
    """The commit, for files from the Hub."""
    date: str
    """When it arrived or was found, UTC, ISO 8601."""


class ListedFile(_Record):
    """What the Hub says of a file before it is fetched."""

    bytes: int | None = None
    sha256: Sha256 | None = None
    git_blob: str | None = None


class HubListing(_Record):
    """The data files of a Hub repository at one commit."""

    revision: Commit | None
    """Null only for the listing of a mirror, which is not recorded."""
    patterns: tuple[str, ...]
    files: dict[str, ListedFile]


class FetchRecord(_Record):
    """The content of fetch.json."""

    source: str
    files: dict[str, FileRecord] = {}
    """By path relative to the folder, sorted."""
    hub: dict[str, HubListing] = {}
    """By repository."""

    def write(self, folder: Path) -> None:
        """Writes fetch.json, at once or not at all."""
        self.files = dict(sorted(self.files.items()))
        write_json(folder / RECORD_NAME, self.model_dump(mode="json"))


def read_record(folder: Path, source: str) -> FetchRecord:
    """The record of a folder, empty when it has none yet. Raises CurateError when it is damaged."""
    path = folder / RECORD_NAME
    try:
        record = FetchRecord.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return FetchRecord(source=source)
    except (ValidationError, OSError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise CurateError(
            f"{path} cannot be read ({reason}); delete it and fetch again: whole files stay."
        ) from None
    if record.source != source:
        raise CurateError(
            f"{folder} holds {record.source}, not {source}; choose another folder with --to."
        )
    return record


def now() -> str:
    """The time as it is written into records: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
