"""Fetching what the catalogue gives URLs for, and taking in what was obtained by hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from curate.errors import CurateError, RecipeError
from sources.catalogue import PublishedFile, Source, name_from_url
from sources.check import Expected, Progress, sha256_of
from sources.download import Downloaded, DownloadError, NotThere, Patience, download, land
from sources.folder import Fetched, Folder, copy, data_files, opened_folder, record_of
from sources.mirror import Mirror

_PARTS: Final = ".parts"
"""Folder for the finished parts of a split file; gone once they are joined."""


class ByHand(CurateError):
    """A source that no program can fetch; the message says how to get it and where to put it."""


def fetch_files(
    source: Source,
    destination: Path,
    *,
    mirror: str | None = None,
    only: Sequence[str] = (),
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetches the files that the catalogue gives URLs for; `only` are shell patterns of names.

    A mirror is a folder or a URL under which the files lie by name, in NAME/ or directly, with an
    optional SHA256SUMS. Raises DownloadError, or RecipeError when no file matches.
    """
    chosen = choose([file.name for file in source.files], only, source.name)
    with opened_folder(source, destination, patience, progress) as folder:
        shelf = Mirror(folder, mirror, source.name) if mirror else None
        for file in source.files:
            if file.name not in chosen:
                continue
            checksum = file.sha256 or (shelf.sums.get(file.name) if shelf else None)
            expected = Expected(file.bytes, checksum)
            if file.parts:
                _bring_parts(folder, file, shelf, expected)
            else:
                assert file.url is not None
                folder.bring(file.name, shelf.places(file.name) if shelf else [file.url], expected)
        return folder.fetched


def fetch_by_hand(
    source: Source,
    destination: Path,
    *,
    mirror: str | None = None,
    only: Sequence[str] = (),
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Records what was put into the folder by hand, or copies it there from a mirror.

    Raises ByHand with the way to get the files when there are none.
    """
    if mirror is None and not data_files(destination):
        raise ByHand(obtaining(source, destination))
    with opened_folder(source, destination, patience, progress) as folder:
        if mirror is not None:
            shelf = Mirror(folder, mirror, source.name)
            for name in sorted(choose(shelf.names(), only, source.name)):
                folder.bring(name, shelf.places(name), Expected(None, shelf.sums.get(name)))
        else:
            for name in sorted(choose(data_files(destination), only, source.name)):
                folder.adopt(name)
        return folder.fetched


def obtaining(source: Source, destination: Path) -> str:
    """How to get a source by hand and where to put it, in a few lines."""
    how = source.how_to_obtain
    assert how is not None
    steps = "\n".join(f"  {number}. {step}" for number, step in enumerate(how.steps, 1))
    put = "\n".join(f"  - {what}" for what in how.put)
    return (
        f"{source.title} cannot be fetched by a program. Ask: {how.ask}\n{steps}\n"
        f"Then put into {destination}:\n{put}\n"
        f"and run the same command again, or pass --mirror DIR if you have them elsewhere."
    )


def choose(names: Sequence[str], only: Sequence[str], source: str) -> set[str]:
    """The names that match a pattern, or all without patterns. Raises RecipeError if none do."""
    if not only:
        return set(names)
    chosen = {name for name in names if any(fnmatchcase(name, pattern) for pattern in only)}
    if not chosen:
        some = ", ".join(sorted(names)[:6]) or "none"
        raise RecipeError(f"No file of {source} matches {' or '.join(only)}; it has: {some}.")
    return chosen


def _bring_parts(
    folder: Folder, file: PublishedFile, mirror: Mirror | None, expected: Expected
) -> None:
    """Brings a split file: whole from a mirror that has it, else in parts, joined at the end."""
    target = folder.target(file.name)
    whole = mirror.places(file.name) if mirror else []
    parts = folder.path / _PARTS
    if target.exists() or whole:
        with suppress(NotThere):
            folder.bring(file.name, whole, expected)
            shutil.rmtree(parts, ignore_errors=True)
            return
    pieces: list[Path] = []
    received = 0
    for number, url in enumerate(file.parts):
        piece = parts / f"{file.name}.{number:03}"
        places = mirror.places(name_from_url(url)) if mirror else [url]
        if not piece.exists():
            received += _bring_piece(folder, places, piece)
        pieces.append(piece)
    partial = target.with_name(target.name + ".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as sink:
        for piece in pieces:
            with piece.open("rb") as stream:
                shutil.copyfileobj(stream, sink, 1 << 20)
    sha256 = sha256_of(partial)
    if (problem := expected.problem(partial, sha256)) is not None:
        partial.unlink()
        shutil.rmtree(parts)
        raise DownloadError(f"{file.name}, joined from {len(pieces)} parts, is wrong: {problem}.")
    url = file.parts[0]
    joined = Downloaded(url, partial, partial.stat().st_size, sha256, None, None, False, received)
    folder.note(file.name, record_of(joined, None), "downloaded")
    land(partial, target)
    shutil.rmtree(parts)
    folder.fetched.received += received
    folder.progress.end(file.name, "downloaded")


def _bring_piece(folder: Folder, places: Sequence[str | Path], piece: Path) -> int:
    """Brings one part under its number and returns the bytes transferred."""
    missing: NotThere | None = None
    for place in places:
        try:
            if isinstance(place, Path):
                got = copy(place, piece, Expected(), folder.progress)
            else:
                got = download(
                    folder.client,
                    place,
                    piece,
                    patience=folder.patience,
                    progress=folder.progress,
                )
        except NotThere as error:
            missing = missing or error
            continue
        land(got.partial, piece)
        return got.received
    raise missing or NotThere(f"The mirror has neither {piece.stem} nor its parts.")
