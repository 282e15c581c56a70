"""The catalogue of upstream facts: one YAML file per published set, beside this module.

A fact is written down only when it is known; null stands for unknown. Unknown keys are errors, so
that a misspelt `sha256` cannot pass for a missing one.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from curate.errors import CurateError, RecipeError
from sources.licences import Terms, terms

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+/\S+$")]

OWN_FILES = frozenset({"fetch.json", "SHA256SUMS"})
"""Names that a fetch keeps for itself beside the data."""


class CatalogueError(CurateError):
    """A catalogue file that does not follow the models below; the message names file and field."""


class UnknownSource(RecipeError):
    """A name that is not in the catalogue; the message suggests the nearest."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class PublishedFile(_Facts):
    """A file behind a URL, or one that is published cut into parts."""

    url: Url | None = None
    parts: tuple[Url, ...] = ()
    """Where the parts of a split file are, in order; they are joined after the download."""
    name: str = ""
    """Relative path under the source's folder; from the URL when left out."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    sha256: Sha256 | None = None
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _name_from_url(cls, value: object) -> object:
        if isinstance(value, dict) and not value.get("name") and isinstance(value.get("url"), str):
            return {**value, "name": name_from_url(value["url"])}
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.url is None) == (not self.parts):
            raise ValueError("give either url or parts")
        if not self.name:
            raise ValueError("a file in parts needs a name")
        safe_path(self.name)
        return self


class HubRepository(_Facts):
    """A dataset repository on the Hugging Face Hub."""

    repo: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Commit | None = None
    """The commit to fetch; null: the newest at the first fetch, which then stays."""
    patterns: Annotated[tuple[str, ...], Field(min_length=1)]
    """Which of its files are the data, as shell patterns; `*` also matches `/`."""
    folder: str = ""
    """Folder under the source's folder; needed when a source has several repositories."""
    bytes: Annotated[int, Field(gt=0)] | None = None
    """Size of the files, where the Hub's pages state it; rounded as they do."""
    sha256: dict[str, Sha256] = {}
    """Checksums by file, where they are known independently of the Hub's answer."""
    note: str = ""

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.folder:
            safe_path(self.folder)
        return self


class Obtain(_Facts):
    """How to get files that cannot be fetched by a program."""

    ask: str
    """Who gives them: an address, a form or a page."""
    steps: Annotated[tuple[str, ...], Field(min_length=1)]
    put: Annotated[tuple[str, ...], Field(min_length=1)]
    """What to put into the source's folder, and under which names."""


class Source(_Facts):
    """Everything the project knows of one published set."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
    title: str
    kind: Literal["documents", "parallel", "papers", "instructions"]
    homepage: Url
    languages: Annotated[tuple[str, ...], Field(min_length=1)]
    """BCP 47 tags."""
    size: str
    """In words: rows, bytes, what was counted."""
    licence: str
    """SPDX identifier, or what upstream says; "unstated" where it says nothing."""
    spdx: str | None = None
    """SPDX expression where `licence` is in words; `LicenseRef-…` for terms of the set's own."""
    non_commercial: bool | None
    """Whether use is limited to non-commercial purposes; null where upstream does not say."""
    citation: str
    """BibTeX, or a short text where there is no paper."""
    adapter: str | None = None
    """The adapter in `sources/` that reads it; null while it has none of its own."""
    files: tuple[PublishedFile, ...] = ()
    hub: tuple[HubRepository, ...] = ()
    how_to_obtain: Obtain | None = None
    notes: tuple[str, ...] = ()
    """Known defects and traps of the published files."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not (self.files or self.hub or self.how_to_obtain):
            raise ValueError("say where it comes from: files, hub or how_to_obtain")
        names = [file.name for file in self.files]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two files are named {repeated[0]}")
        folders = [repository.folder for repository in self.hub]
        if len(set(folders)) < len(folders):
            raise ValueError("every hub repository needs a folder of its own")
        return self

    @property
    def terms(self) -> Terms:
        """What the licence allows and asks for; `non_commercial` above has the last word."""
        stated = self.spdx or (self.licence if terms(self.licence).spdx else None)
        return terms(stated, self.non_commercial, known=True)

    @property
    def ways(self) -> tuple[str, ...]:
        """How it can be had, the default first: "files", "hub", "by-hand"."""
        known = {"files": self.files, "hub": self.hub, "by-hand": self.how_to_obtain}
        return tuple(way for way, facts in known.items() if facts)


def safe_path(name: str) -> PurePosixPath:
    """`name` as a relative path that stays inside its folder on every system.

    Raises ValueError for absolute paths, `..`, backslashes, drive letters, control characters, and
    the names a fetch keeps for itself.
    """
    path = PurePosixPath(name)
    parts = name.split("/")
    if (
        not name
        or any(part in {"", ".", ".."} for part in parts)
        or re.search(r"[\\\x00-\x1f\x7f]", name)
        or re.match(r"^[A-Za-z]:", name)
        or len(name.encode()) > 1024
        or any(len(part.encode()) > 240 for part in parts)
    ):
        raise ValueError(f"{name!r} is not a plain relative file name")
    if name in OWN_FILES or name.endswith((".partial", ".partial.json")) or parts[0] == ".cache":
        raise ValueError(f"{name!r} is a name that the download keeps for itself")
    return path


def name_from_url(url: str) -> str:
    """The last part of a URL's path, percent-decoded. Raises ValueError when it is not a name."""
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1])
    if "/" in name:
        raise ValueError(f"{url} ends in {name!r}, which is not a plain file name")
    return str(safe_path(name))


def read_source(path: Path) -> Source:
    """The facts in one YAML file. Raises CatalogueError naming the file and the field."""
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
        source = Source.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise CatalogueError(f"{path}: {field}: {first['msg']}") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: {error}") from None
    if source.name != path.stem:
        raise CatalogueError(f"{path}: name: is {source.name!r} but the file is {path.name}")
    return source


def read_catalogue(folder: Path) -> dict[str, Source]:
    """Every source described in a folder, by name, sorted."""
    return {path.stem: read_source(path) for path in sorted(folder.glob("*.yaml"))}


@cache
def catalogue() -> dict[str, Source]:
    """The project's own catalogue, by name, sorted."""
    return read_catalogue(Path(__file__).parent)


def find_source(name: str) -> Source:
    """The entry called `name`. Raises UnknownSource with the nearest names."""
    known = catalogue()
    wanted = name.strip().lower().replace("-", "_")
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "`curate sources list` shows the names."
    raise UnknownSource(f"There is no source called {name!r}; {hint}")
