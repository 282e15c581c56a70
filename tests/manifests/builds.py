"""A small build with every fate a row can have, and copies of it to damage."""

from __future__ import annotations

import shutil
from pathlib import Path

from curate.build import Build, Options
from curate.recipe import Output
from manifests.opened import OpenedBuild, open_build
from manifests.seal import write_sealed
from tests.curate.corpus import recipe, write_corpus


def small_build(root: Path, workers: int = 1, files: int = 2, rows: int = 60) -> OpenedBuild:
    """Builds `write_corpus`'s files with all kinds of output below `root`."""
    write_corpus(root / "in", files=files, rows=rows)
    output = Output(shard_mb=1, jsonl=True, text="escape")
    made = recipe(root / "in").model_copy(update={"output": output})
    options = Options(out=root / f"out-{workers}", workers=workers, recipe_folder=root)
    return open_build(Build(made, options).run().folder)


def copied(build: OpenedBuild, to: Path, work: bool = False) -> Path:
    """A copy of the build's folder, with or without its intermediates."""
    ignored = shutil.ignore_patterns(*([] if work else [".work"]), ".lock")
    shutil.copytree(build.folder, to, ignore=ignored)
    return to


def as_version_1(folder: Path) -> Path:
    """Turns a copy of a build into what version 1 left: no checksums, no sums, no ids of files."""
    import json

    build = open_build(folder)
    manifest = {k: v for k, v in build.manifest.items() if k != "checksum"}
    manifest["schema_version"] = 1
    newer = ("lost", "languages", "scripts", "characters_read", "characters_kept")
    for counts in (manifest["counts"], *(s["counts"] for s in manifest["sources"].values())):
        for key in newer:
            counts.pop(key, None)
    for entry in manifest["sources"].values():
        for file in [*entry["inputs"], *entry["members"]]:
            del file["read_as"]
    for output in manifest["outputs"]:
        output.pop("first", None), output.pop("last", None)
    run = json.loads((folder / "run.json").read_bytes())
    for key in ("checksum", "finished", "recipe_folder", "data_folder"):
        run.pop(key)
    for name, value in (("manifest.json", manifest), ("run.json", run)):
        (folder / name).write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    return folder


def edited(folder: Path, change: object) -> Path:
    """Changes a copy's manifest with `change(manifest)` and seals it anew."""
    manifest = open_build(folder).manifest
    change(manifest)  # type: ignore[operator]
    write_sealed(folder / "manifest.json", manifest)
    return folder
