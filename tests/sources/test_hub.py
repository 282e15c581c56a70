"""The real huggingface_hub against a small Hub-shaped tree on loopback, through HF_ENDPOINT."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sources.catalogue import Source
from sources.download import DownloadError, Patience
from sources.folder import Fetched
from sources.hub import fetch_hub

QUICK = Patience(attempts=3, first_wait=0.01, longest_wait=0.02, timeout=5.0)
ONE, TWO = "1" * 40, "2" * 40


def git_blob(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Tree:
    """A dataset repository as the Hub serves it: info, listing by pages, files."""

    def __init__(self, server: Any, content: Any, repo: str = "team/set") -> None:
        self.server, self.content, self.repo = server, content, repo

    def commit(self, revision: str, files: dict[str, bytes], page: int = 2, head: str = "") -> None:
        """Serves `files` at a commit, which becomes the newest; `.parquet` lies in LFS."""
        api = f"/api/datasets/{self.repo}"
        info = {"id": self.repo, "sha": revision, "siblings": [], "tags": [], "private": False}
        self._json(api, info)
        self._json(f"{api}/revision/{revision}", info)
        entries: list[dict[str, Any]] = [
            {"type": "directory", "oid": "0" * 40, "size": 0, "path": "sub"}
        ]
        for name, data in files.items():
            entry = {"type": "file", "oid": git_blob(data), "size": len(data), "path": name}
            if name.endswith(".parquet"):
                digest = hashlib.sha256(data).hexdigest()
                entry["oid"] = "e" * 40
                entry["lfs"] = {"oid": digest, "size": len(data), "pointerSize": 130}
            entries.append(entry)
            served = self.content(data, etag=f'"{git_blob(data)}"')
            served.headers["X-Repo-Commit"] = revision
            self.server.contents[f"/datasets/{self.repo}/resolve/{revision}/{name}"] = served
        first = f"{api}/tree/{revision}?recursive=true&expand=false"
        for start in range(0, len(entries), page):
            address = first if not start else f"{first}&cursor={start}"
            served = self._json(address, entries[start : start + page])
            if start + page < len(entries):
                next_page = f"{self.server.url}{first}&cursor={start + page}"
                served.headers["Link"] = f'<{next_page}>; rel="next"'

    def file(self, revision: str, name: str) -> Any:
        return self.server.contents[f"/datasets/{self.repo}/resolve/{revision}/{name}"]

    def _json(self, path: str, value: Any) -> Any:
        served = self.content(json.dumps(value).encode(), etag=None, type="application/json")
        self.server.contents[path] = served
        return served


@pytest.fixture
def tree(server, content, monkeypatch, tmp_path) -> Tree:
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return Tree(server, content)


def source(*repositories: dict[str, Any]) -> Source:
    return Source.model_validate(
        {
            "name": "tiny",
            "title": "Tiny",
            "kind": "documents",
            "homepage": "https://example.org/tiny",
            "languages": ["zh"],
            "size": "small",
            "licence": "CC0-1.0",
            "non_commercial": False,
            "citation": "none",
            "hub": repositories or [{"repo": "team/set", "patterns": ["*"]}],
        }
    )


def fetch(tmp_path: Path, *repositories: dict[str, Any], **options: Any) -> Fetched:
    return fetch_hub(source(*repositories), tmp_path / "tiny", patience=QUICK, **options)


FILES = {
    "README.md": b"# A set\n",
    "loader.py": b"raise SystemExit('this must never run')\n",
    "weights.pkl": b"\x80\x04.",
    "sub/a.jsonl": '{"text": "一"}\n'.encode(),
    "sub/b.parquet": b"PAR1" + bytes(range(256)) * 400 + b"PAR1",
}


def test_data_files_are_fetched_at_the_newest_commit_which_is_recorded(tree, tmp_path):
    tree.commit(ONE, FILES)
    fetched = fetch(tmp_path)
    assert fetched.revisions == {"team/set": ONE}
    assert {file.name for file in fetched.files} == {"sub/a.jsonl", "sub/b.parquet"}
    for name in ("sub/a.jsonl", "sub/b.parquet"):
        assert (tmp_path / "tiny" / name).read_bytes() == FILES[name]
    assert not list((tmp_path / "tiny").rglob("*.py"))
    assert not list((tmp_path / "tiny").rglob("*.pkl"))
    record = json.loads((tmp_path / "tiny/fetch.json").read_text())
    entry = record["files"]["sub/b.parquet"]
    assert entry["revision"] == ONE
    assert entry["sha256"] == hashlib.sha256(FILES["sub/b.parquet"]).hexdigest()
    assert entry["url"].endswith(f"/datasets/team/set/resolve/{ONE}/sub/b.parquet")
    assert record["hub"]["team/set"]["revision"] == ONE


def test_a_later_commit_does_not_move_a_fetched_set(tree, server, tmp_path):
    tree.commit(ONE, FILES)
    fetch(tmp_path)
    tree.commit(TWO, {"sub/a.jsonl": b"{}\n"})
    server.log.clear()
    fetched = fetch(tmp_path)
    assert server.log == []
    assert {file.outcome for file in fetched.files} == {"already here"}
    (tmp_path / "tiny/sub/a.jsonl").unlink()
    fetch(tmp_path)
    assert (tmp_path / "tiny/sub/a.jsonl").read_bytes() == FILES["sub/a.jsonl"]
    assert [request.path for request in server.log] == [
        f"/datasets/team/set/resolve/{ONE}/sub/a.jsonl"
    ]


def test_a_pinned_commit_is_fetched_whatever_is_newest(tree, server, tmp_path):
    tree.commit(ONE, FILES)
    tree.commit(TWO, {"sub/a.jsonl": b"{}\n"})
    fetched = fetch(tmp_path, {"repo": "team/set", "revision": ONE, "patterns": ["sub/*.jsonl"]})
    assert fetched.revisions == {"team/set": ONE}
    assert [file.name for file in fetched.files] == ["sub/a.jsonl"]
    assert (tmp_path / "tiny/sub/a.jsonl").read_bytes() == FILES["sub/a.jsonl"]
    assert not server.of(f"/datasets/team/set/resolve/{ONE}/sub/b.parquet")


def test_a_new_pin_in_the_catalogue_replaces_the_files(tree, tmp_path):
    tree.commit(ONE, FILES)
    tree.commit(TWO, {"sub/a.jsonl": b"{}\n"})
    for revision, expected in ((ONE, FILES["sub/a.jsonl"]), (TWO, b"{}\n")):
        fetch(tmp_path, {"repo": "team/set", "revision": revision, "patterns": ["sub/a*"]})
        assert (tmp_path / "tiny/sub/a.jsonl").read_bytes() == expected


@pytest.mark.parametrize("name", ["sub/a.jsonl", "sub/b.parquet"])
def test_content_that_does_not_match_the_listing_is_refused(tree, tmp_path, name):
    """LFS files have a SHA-256, the others their git hash."""
    tree.commit(ONE, FILES)
    served = tree.file(ONE, name)
    served.body = served.body[:-1] + b"?"
    with pytest.raises(DownloadError, match="not the file that was expected"):
        fetch(tmp_path)
    assert not (tmp_path / "tiny" / name).exists()


def test_cuts_on_the_hub_resume_too(tree, server, tmp_path):
    tree.commit(ONE, FILES)
    tree.file(ONE, "sub/b.parquet").cut_after = 40_000
    fetch(tmp_path)
    path = f"/datasets/team/set/resolve/{ONE}/sub/b.parquet"
    assert [request.range for request in server.of(path)] == [
        None,
        "bytes=40000-",
        "bytes=80000-",
    ]
    assert (tmp_path / "tiny/sub/b.parquet").read_bytes() == FILES["sub/b.parquet"]


def test_kill_and_resume(tree, server, tmp_path):
    data = os.urandom(3_000_000)
    tree.commit(ONE, {"big.parquet": data})
    served = tree.file(ONE, "big.parquet")
    served.chunk, served.pause = 20_000, 0.02
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from sources.catalogue import Source; from sources.hub import fetch_hub\n"
        "fetch_hub(Source.model_validate_json(sys.argv[2]), Path(sys.argv[3]))\n"
    )
    root, folder = str(Path(__file__).parents[2]), tmp_path / "tiny"
    partial = folder / "big.parquet.partial"
    process = subprocess.Popen(
        [sys.executable, "-c", script, root, source().model_dump_json(), str(folder)]
    )
    try:
        deadline = time.monotonic() + 60
        while not (partial.exists() and partial.stat().st_size > 300_000):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    have = partial.stat().st_size
    assert have < len(data)
    served.pause = 0.0
    server.log.clear()
    fetch(tmp_path)
    assert (folder / "big.parquet").read_bytes() == data
    assert [request.range for request in server.log] == [f"bytes={have}-"]


def test_a_token_goes_to_the_hub_and_not_beyond(
    tree, server, other_server, content, tmp_path, monkeypatch
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    tree.commit(ONE, FILES)
    data = FILES["sub/b.parquet"]
    other_server.contents["/cdn"] = content(data)
    tree.file(ONE, "sub/b.parquet").location = f"{other_server.url}/cdn"
    fetch(tmp_path)
    path = f"/datasets/team/set/resolve/{ONE}/sub/b.parquet"
    assert server.of(path)[0].authorization == "Bearer hf_secret"
    assert other_server.of("/cdn")[0].authorization is None
    assert (tmp_path / "tiny/sub/b.parquet").read_bytes() == data


def test_several_repositories_have_their_folders(tree, server, content, tmp_path):
    tree.commit(ONE, {"a.json": b"[1]"})
    Tree(server, content, "team/other").commit(TWO, {"a.json": b"[2]"})
    repositories = [
        {"repo": "team/set", "patterns": ["*.json"], "folder": "set"},
        {"repo": "team/other", "patterns": ["*.json"], "folder": "other"},
    ]
    fetched = fetch(tmp_path, *repositories, only=["other/*"])
    assert [file.name for file in fetched.files] == ["other/a.json"]
    fetch(tmp_path, *repositories)
    assert (tmp_path / "tiny/set/a.json").read_bytes() == b"[1]"
    assert (tmp_path / "tiny/other/a.json").read_bytes() == b"[2]"


def test_names_that_lead_out_of_the_folder_are_refused(tree, tmp_path):
    tree.commit(ONE, {"../evil.jsonl": b"{}\n"})
    with pytest.raises(DownloadError, match="Refused to write"):
        fetch(tmp_path)
    assert not (tmp_path / "evil.jsonl").exists()


def test_a_busy_hub_is_asked_again(tree, server, tmp_path):
    tree.commit(ONE, FILES)
    server.contents["/api/datasets/team/set"].failures = [(503, {}), (500, {})]
    fetch(tmp_path)
    assert len(server.of("/api/datasets/team/set")) == 3


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (401, {"X-Error-Code": "RepoNotFound"}, "no dataset team/set"),
        (403, {"X-Error-Code": "GatedRepo"}, "accept its conditions.*HF_TOKEN"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "no dataset team/set"),
        (503, {}, "answered 503.*HF_ENDPOINT"),
    ],
)
def test_refusals_are_explained(tree, server, tmp_path, status, headers, words):
    tree.commit(ONE, FILES)
    server.contents["/api/datasets/team/set"].failures = [(status, headers)] * 9
    with pytest.raises(DownloadError, match=words):
        fetch(tmp_path)


def test_something_else_than_a_hub(server, content, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    server.contents["/api/datasets/team/set"] = content(b"hello", type="text/plain")
    with pytest.raises(DownloadError, match="does not answer as the Hub does"):
        fetch(tmp_path)


def test_offline_uses_what_is_here_and_asks_for_nothing(tree, server, tmp_path, monkeypatch):
    tree.commit(ONE, FILES)
    fetch(tmp_path)
    server.log.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert {file.outcome for file in fetch(tmp_path).files} == {"already here"}
    (tmp_path / "tiny/sub/a.jsonl").unlink()
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        fetch(tmp_path)
    (tmp_path / "tiny/fetch.json").unlink()
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        fetch(tmp_path)
    assert server.log == []


def test_no_file_matches(tree, tmp_path):
    tree.commit(ONE, {"README.md": b"x"})
    with pytest.raises(DownloadError, match="no data file that matches"):
        fetch(tmp_path)


def test_a_mirror_folder_needs_no_hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    shelf = tmp_path / "shelf/set/sub"
    shelf.mkdir(parents=True)
    (shelf / "a.jsonl").write_bytes(b"{}\n")
    (shelf / "a.py").write_bytes(b"1/0")
    fetched = fetch(
        tmp_path,
        {"repo": "team/set", "patterns": ["*"], "folder": "set"},
        mirror=str(tmp_path / "shelf"),
    )
    assert [(file.name, file.outcome) for file in fetched.files] == [("set/sub/a.jsonl", "copied")]
    assert fetched.revisions == {}
