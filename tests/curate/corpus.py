"""A small corpus for build tests: files with good rows, bad rows and duplicates, and its recipe."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from pathlib import Path

from jsonschema import Draft202012Validator

from curate.build import Build, Options, Result
from curate.recipe import Recipe, parsed
from curate.storage import read_json
from manifests.schema import manifest_schema

_PUBLISHED = Draft202012Validator(manifest_schema())

_SYLLABLES = (
    "山水田园风雨江河城市乡村春夏秋冬花草树木鸟兽虫鱼日月星辰东南西北大小多少"
    "高低远近古今中外天地人心书画琴棋油盐酱醋茶饭衣食住行老少男女来去上下前后"
)


def sentence(seed: int) -> str:
    """A Chinese-looking text of 40 to 120 characters that no other seed gives."""
    r = random.Random(seed)
    return (
        "".join(
            "".join(r.choice(_SYLLABLES) for _ in range(r.randint(6, 12))) + "，"
            for _ in range(r.randint(5, 9))
        )
        + f"第{seed}段。"
    )


def write_corpus(root: Path, files: int = 4, rows: int = 60) -> None:
    """JSON Lines files of `rows` rows, among them every kind of fate a row can have."""
    root.mkdir(parents=True, exist_ok=True)
    for f in range(files):
        lines = []
        for i in range(rows):
            text = sentence(f * 10_000 + i)
            if i % 20 == 3:
                text = sentence(i)  # exact duplicate across files
            if i % 20 == 5:
                text = sentence(f * 10_000 + i - 1).replace("，", "", 1) + "完"
            if i % 20 == 7:
                text = "這裏的圖書館　　" + text + "\u200b"
            if i % 20 == 9:
                text = "The ferry to the island leaves at nine and comes back at noon on Sundays."
            line = json.dumps({"text": text, "n": i}, ensure_ascii=False)
            if i % 20 == 11:
                line = line[:-4]
            if i % 20 == 13:
                line = '{"text": null}'
            if i % 20 == 15:
                line = '{"text": ""}'
            lines.append(line)
        data = ("\n".join(lines) + "\n").encode()
        if f % 2:
            (root / f"part-{f}.jsonl.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (root / f"part-{f}.jsonl").write_bytes(data)


RECIPE = """
name: small
sources:
  - name: jsonl
    label: web
    path: {root}
output: {{shard_mb: 1}}
"""


def recipe(root: Path, extra: str = "") -> Recipe:
    """The recipe for `write_corpus`'s files, with more lines of YAML after it."""
    return parsed(RECIPE.format(root=root) + extra)


def built(root: Path, out: Path, workers: int = 1, extra: str = "") -> Result:
    """The result of building `root` into `out`."""
    result = Build(recipe(root, extra), Options(out=out, workers=workers)).run()
    # Every build of every test has the published form.
    _PUBLISHED.validate(read_json(result.folder / "manifest.json"))
    return result


def fingerprints(folder: Path) -> dict[str, str]:
    """SHA-256 of everything a build leaves behind but its intermediates, times and lock."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".work" not in path.parts and path.name not in ("run.json", ".lock")
    }
