"""Dataset repositories on the Hugging Face Hub, fetched at a pinned commit.

huggingface_hub resolves the revision, lists the files and gives addresses and tokens; HF_ENDPOINT,
HF_TOKEN and HF_HUB_OFFLINE mean what they mean there. The bytes come through our own download,
because huggingface_hub 2.x throws away what a killed process had received. Only data files are
fetched, so that nothing of a repository can ever be executed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from sources.catalogue import HubRepository, Source
from sources.check import Expected, Progress
from sources.download import DownloadError, NotThere, Patience
from sources.fetch import choose
from sources.folder import Fetched, Folder, opened_folder
from sources.mirror import Mirror
from sources.record import HubListing, ListedFile

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_DATA: Final = frozenset(
    {".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet", ".sgm", ".xml"}
    | {".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz"}
)
"""Endings of files that hold data; loading scripts and pickles are not among them."""

_OFFLINE: Final = "HF_HUB_OFFLINE is set, so nothing is asked of the Hub; unset it or use --mirror."


def fetch_hub(
    source: Source,
    destination: Path,
    *,
    mirror: str | None = None,
    only: Sequence[str] = (),
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Fetched:
    """Fetches the source's repositories; `only` are shell patterns of names in the folder.

    An unpinned repository is taken at its newest commit the first time; fetch.json keeps it for
    later runs. When everything is here, nothing is asked of the network. A mirror holds the files
    under their names in the repository. Raises DownloadError.
    """
    with opened_folder(source, destination, patience, progress) as folder:
        shelf = Mirror(folder, mirror, source.name) if mirror else None
        listings = [_listing(folder, repository, shelf) for repository in source.hub]
        names = [
            _local(repository, name)
            for repository, listing in zip(source.hub, listings, strict=True)
            for name in listing.files
        ]
        chosen = choose(names, only, source.name)
        for repository, listing in zip(source.hub, listings, strict=True):
            wanted = [name for name in listing.files if _local(repository, name) in chosen]
            if wanted:
                _bring(folder, repository, listing, wanted, shelf)
        return folder.fetched


def _bring(
    folder: Folder,
    repository: HubRepository,
    listing: HubListing,
    names: Sequence[str],
    mirror: Mirror | None,
) -> None:
    if listing.revision is not None:
        folder.fetched.revisions[repository.repo] = listing.revision
    folder.headers = {} if mirror else _authorization()
    for name in names:
        listed = listing.files[name]
        sha256 = repository.sha256.get(name) or listed.sha256
        expected = Expected(listed.bytes, sha256, listed.git_blob)
        local = _local(repository, name)
        places: list[str | Path]
        if mirror is not None:
            places = mirror.places(local)
        elif _offline():
            places = []
        else:
            places = [_address(repository, name, listing.revision)]
        try:
            folder.bring(local, places, expected, listing.revision)
        except NotThere:
            if places or mirror is not None:
                raise
            raise DownloadError(_OFFLINE) from None


def _listing(folder: Folder, repository: HubRepository, mirror: Mirror | None) -> HubListing:
    """The data files of a repository: as recorded at the first fetch, else as the Hub says."""
    known = folder.record.hub.get(repository.repo)
    if (
        known is not None
        and known.patterns == repository.patterns
        and repository.revision in {None, known.revision}
    ):
        return known
    if mirror is not None:
        return _mirrored(repository, mirror)
    listing = _ask_hub(folder, repository)
    if not listing.files:
        raise DownloadError(
            f"{repository.repo} at {listing.revision} has no data file that matches "
            f"{' or '.join(repository.patterns)}; upstream may have renamed them."
        )
    folder.record.hub[repository.repo] = listing
    folder.record.write(folder.path)
    return listing


def _mirrored(repository: HubRepository, mirror: Mirror) -> HubListing:
    """What a mirror has of a repository; its commit is unknown, its checksums what it says."""
    start = f"{repository.folder}/" if repository.folder else ""
    names = [name.removeprefix(start) for name in mirror.names() if name.startswith(start)]
    files = {
        name: ListedFile(sha256=mirror.sums.get(start + name))
        for name in names
        if _is_data(name, repository.patterns)
    }
    return HubListing(revision=None, patterns=repository.patterns, files=files)


def _ask_hub(folder: Folder, repository: HubRepository) -> HubListing:
    """Resolves the revision and lists the data files, with retries for what may pass."""
    import httpx2
    from huggingface_hub import errors

    patience = folder.patience
    wait = patience.first_wait
    for attempt in range(1, patience.attempts + 1):
        try:
            api = _api()
            revision = (
                repository.revision
                or api.dataset_info(repository.repo, timeout=patience.timeout).sha
            )
            files = _files(api, repository, str(revision))
            return HubListing(revision=revision, patterns=repository.patterns, files=files)
        except errors.GatedRepoError:
            raise DownloadError(
                f"{repository.repo} is open only to those who accept its conditions: do so on "
                f"https://huggingface.co/datasets/{repository.repo}, then set HF_TOKEN."
            ) from None
        except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
            what = f" at {repository.revision}" if repository.revision else ""
            raise DownloadError(
                f"The Hub at {_endpoint()} has no dataset {repository.repo}{what}, or it is "
                "private: set HF_TOKEN if you have access, or use --mirror."
            ) from None
        except errors.OfflineModeIsEnabled:
            raise DownloadError(_OFFLINE) from None
        except (httpx2.TransportError, errors.HfHubHTTPError) as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            passing = status is None or status == 429 or status >= 500
            reason = f"answered {status}" if status else f"gave no answer ({error})"
            if not passing or attempt == patience.attempts:
                raise DownloadError(
                    f"The Hub at {_endpoint()} {reason} for {repository.repo} "
                    f"({attempt} tries); check the network, set HF_ENDPOINT to a mirror of the "
                    "Hub, or use --mirror DIR_OR_URL."
                ) from None
            folder.progress.wait(wait, f"the Hub {reason}")
            time.sleep(wait)
            wait = min(2 * wait, patience.longest_wait)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DownloadError(
                f"{_endpoint()} does not answer as the Hub does ({type(error).__name__}: {error}); "
                "check HF_ENDPOINT."
            ) from None
    raise AssertionError("the last attempt returns or raises")


def _files(api: HfApi, repository: HubRepository, revision: str) -> dict[str, ListedFile]:
    from huggingface_hub.hf_api import RepoFile

    files = {}
    for entry in api.list_repo_tree(
        repository.repo, repo_type="dataset", revision=revision, recursive=True
    ):
        if isinstance(entry, RepoFile) and _is_data(entry.path, repository.patterns):
            lfs = entry.lfs
            files[entry.path] = ListedFile(
                bytes=lfs.size if lfs else entry.size,
                sha256=lfs.sha256 if lfs else None,
                # For a file in LFS the git hash is that of its pointer.
                git_blob=None if lfs else entry.blob_id,
            )
    return dict(sorted(files.items()))


def _is_data(name: str, patterns: Sequence[str]) -> bool:
    return PurePosixPath(name).suffix.lower() in _DATA and any(
        fnmatchcase(name, pattern) for pattern in patterns
    )


def _endpoint() -> str:
    """HF_ENDPOINT as it is now; huggingface_hub itself reads it once, at import."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def _offline() -> bool:
    from huggingface_hub import constants

    return constants.is_offline_mode()


def _api() -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint())


def _authorization() -> dict[str, str]:
    """The user's token as a header, if there is one that may be sent unasked."""
    from huggingface_hub import constants, get_token

    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def _address(repository: HubRepository, name: str, revision: str | None) -> str:
    from huggingface_hub import hf_hub_url

    return hf_hub_url(
        repository.repo, name, repo_type="dataset", revision=revision, endpoint=_endpoint()
    )


def _local(repository: HubRepository, name: str) -> str:
    return f"{repository.folder}/{name}" if repository.folder else name
