"""An instruction build of the real samples: every set, the first rows of every file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from curate.build import Options, Result
from curate.dedup.kind import QUESTION_KIND
from curate.dedup.records import RecordFile
from curate.dedup.verify import REMOVING, VERIFIED
from curate.instructions.build import InstructionBuild
from curate.instructions.recipe import InstructionRecipe
from curate.instructions.schema import checked_file
from curate.recipe import parsed
from curate.storage import column_array, read_arrow, read_json
from manifests.verify import problems
from tests.conftest import ROOT
from tests.curate.corpus import fingerprints
from tests.curate.dedup import reference
from tests.curate.instructions.builds import lines
from tests.real.test_dedup import true_pairs

ROWS = 150
"""Of every file; Alpaca's translations alone have tens of files of the same questions."""

FEWER = "**/*[!1-9].json*"


def built(out: Path, workers: int) -> Result:
    text = (ROOT / "tests/real/instructions.yaml").read_text("utf-8")
    text = text.replace("answers: keep_best", "answers: keep_best\n  questions: {}")
    text = text.replace("valid: 0.01", "valid: 0.1")
    # Most of MOSS's conversations are in files of their own: those with a 0 at the end are enough.
    text = text.replace("path: ../../.cache/real/moss,", f'path: "../../.cache/real/moss/{FEWER}",')
    assert FEWER in text
    text += "output: {messages: true, sharegpt: true}\n"
    recipe = parsed(text, kind=InstructionRecipe)
    options = Options(out, workers, ROWS, recipe_folder=ROOT / "tests/real")
    return InstructionBuild(recipe, options).run()


@pytest.fixture(scope="module")
def result(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return built(tmp_path_factory.mktemp("real"), 1)


def test_every_row_is_accounted_for(result: Result) -> None:
    manifest = read_json(result.folder / "manifest.json")
    for label, entry in manifest["sources"].items():
        counts = entry["counts"]
        assert counts["read"] == counts["kept"] + counts["dropped"] + counts["quarantined"], label
        assert counts["kept"] > 0, label
    ledger = pq.read_table(result.folder / "ledger", columns=["source", "status"])
    read = Counter(ledger.column("source").to_pylist())
    assert read == {label: e["counts"]["read"] for label, e in manifest["sources"].items()}
    assert problems(result.folder) == []
    choices = {label: entry.get("choices") for label, entry in manifest["sources"].items()}
    assert choices.pop("pclue")["drawn"] > 100
    # Linly holds rows of pCLUE.
    assert {label for label, found in choices.items() if found} <= {"linly"}


def test_same_bytes_with_two_workers(result: Result, tmp_path: Path) -> None:
    assert fingerprints(built(tmp_path, 2).folder) == fingerprints(result.folder)


def test_every_file_is_read(result: Result, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    written = pq.read_table(result.folder / "data", columns=["split", "repeats"]).to_pylist()
    rows = Counter(r["split"] for r in written)
    info = read_json(result.folder / "dataset_info.json")
    assert len(info) == 6
    for name, entry in info.items():
        split = "valid" if "_valid" in name else "train"
        file = result.folder / entry["file_name"]
        table = datasets.load_dataset(
            "json", data_files=str(file), split="train", cache_dir=str(tmp_path)
        )
        assert table.num_rows == rows[split] == len(lines(file)) > 0
        assert set(entry["columns"].values()) <= set(table.column_names)
    for name in ("train.jsonl", "valid.jsonl"):
        assert checked_file(result.folder / name).ok
    command = [sys.executable, "-m", "curate", "validate", str(result.folder / "train.jsonl")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True)
    assert done.returncode == 0 and json.loads(done.stdout.splitlines()[-1])["ok"]


def test_every_reason_is_on_the_page(result: Result) -> None:
    page = (ROOT / "docs/instructions.md").read_text("utf-8")
    page += (ROOT / "docs/sources.md").read_text("utf-8")
    reasons = {r for r in pq.read_table(result.folder / "ledger")["reason"].to_pylist() if r}
    assert len(reasons) > 8
    assert [r for r in sorted(reasons) if f"`{r}`" not in page and "." not in r] == []


class Compared:
    """The rows of a build in the order of its corpus, as a comparison sees them."""

    def __init__(self, result: Result, listing: str) -> None:
        work = result.folder / ".work"
        [self.folder] = (work / "dedup").iterdir()
        parts = read_json(work / "partitions.json")
        own = read_json(self.folder / listing)
        self.texts: list[str] = []
        ids: list[tuple[str, int, int]] = []
        asked: list[str] = []
        taking: list[Any] = []
        for part, entry in zip(parts, own, strict=True):
            refined, table = read_arrow(Path(part["refined"])), read_arrow(Path(entry["texts"]))
            self.texts += column_array(table, entry["column"]).to_pylist()
            open_rows = column_array(table, "quarantine").is_null().to_numpy(False)
            reason = column_array(read_arrow(Path(part["decision"])), "reason")
            taking.append(open_rows & reason.is_null().to_numpy(False))
            numbers = refined.column("row").to_pylist()
            many = "part" in refined.column_names
            pieces = refined.column("part").to_pylist() if many else [1] * len(numbers)
            units = [f"{part['source']}/{file}" for file in part["files"]]
            own_units = [units[file] for file in refined.column("file").to_pylist()]
            ids += list(zip(own_units, numbers, pieces, strict=True))
            said = [refined.column(f).to_pylist() for f in ("instruction", "input", "history")]
            record = refined.column("record").to_pylist() if many else None
            for i, (instruction, given, history) in enumerate(zip(*said, strict=True)):
                before = [turn["user"] for turn in history]
                every = "\n".join(t for t in (*before, instruction, given) if t)
                asked.append(f"{pieces[i]}\0{record[i]}" if record else every)
        self.asked = asked
        self.taking = np.concatenate(taking)
        self.ids = [f"{u}#{n:09d}" + (f".{p:02d}" if p > 1 else "") for u, n, p in ids]


def test_near_questions_against_brute_force(result: Result) -> None:
    """All pairs at 0.5 with the same substance, by a sparse product and plain Python."""
    compared = Compared(result, "questions-corpus.json")
    rows = np.flatnonzero(compared.taking).tolist()
    sets = [reference.shingle_set(compared.texts[i]) for i in rows]
    # Only rows of the same substance can be a pair: few, so the product stays small.
    groups: dict[str, list[int]] = {}
    for at, i in enumerate(rows):
        groups.setdefault(substance(compared.asked[i]), []).append(at)
    true: set[tuple[int, int]] = set()
    for group in groups.values():
        if len(group) > 1:
            for a, b in true_pairs([sets[at] for at in group], 0.5):
                true.add((rows[group[a]], rows[group[b]]))
    files = sorted(compared.folder.glob("questions-verified-*.pairs"))
    every = np.concatenate([RecordFile(path).read(REMOVING, VERIFIED) for path in files])
    assert set(every["kind"].tolist()) == {QUESTION_KIND}
    found = {(min(a, b), max(a, b)) for a, b in every[["worse", "better"]].tolist()}
    assert found - true == set()
    # Of a question asked many times over only some pairs are looked at; what counts are its rows.
    paired = {row for pair in true for row in pair}
    assert len(paired) > 300
    assert len({row for pair in found for row in pair}) >= 0.99 * len(paired)


_FORM = re.compile(
    "标点|標點|逗号|逗號|句号|句號|字数|字數|多少个字|几个字|语法|語法|病句|错别字|錯別字|错误|錯誤|改正|"
    "纠正|糾正|更正|校对|校對|拼写|拼寫|润色|潤色|助词|助詞|(?i:punctuat|grammar|spelling|comma|proofread|typo|correct)"
)


def substance(text: str) -> str:
    """The rule as docs/instructions.md words it."""
    import unicodedata

    form = reference.normal(text)
    if _FORM.search(text):
        return f"form {form}"
    signs = "+-*/=<>%()[]{}#&^_|\\`@$~"
    kept = []
    for i, c in enumerate(form):
        if c in "的了吗嗎呢吧啊呀嘛哦请請您你":
            continue
        if (unicodedata.category(c)[0] == "P" and c not in signs) or c in "，、；,;":
            around = form[i - 1 : i] + form[i + 1 : i + 2]
            inside = 0 < i < len(form) - 1
            if not (inside and all(unicodedata.category(a)[0] in "LN" for a in around)):
                continue
            if not all(reference.parted(a) or unicodedata.category(a)[0] == "N" for a in around):
                continue
            c = "," if c in "，、；,;" else c
        kept.append(c)
    return "".join(kept)


def test_datasketch_finds_no_other_questions(result: Result) -> None:
    """What an independent LSH index holds for near questions, compared in plain Python."""
    datasketch = pytest.importorskip("datasketch")
    compared = Compared(result, "questions-corpus.json")
    rows = [i for i in np.flatnonzero(compared.taking).tolist() if len(compared.texts[i]) < 200]
    sets = {i: reference.shingle_set(compared.texts[i]) for i in rows}
    own = {i: substance(compared.asked[i]) for i in rows}
    count = Counter(own.values())
    index = datasketch.MinHashLSH(threshold=0.5, num_perm=128)
    theirs: set[int] = set()
    for i in rows:
        if count[own[i]] < 2 or not sets[i]:
            continue
        minhash = datasketch.MinHash(num_perm=128)
        minhash.update_batch([value.encode() for value in map(str, sets[i])])
        for j in index.query(minhash):
            alike = len(sets[i] & sets[j]) >= 0.5 * len(sets[i] | sets[j])
            if alike and own[i] == own[j]:
                theirs |= {i, j}
        index.insert(i, minhash)
    files = sorted(compared.folder.glob("questions-verified-*.pairs"))
    every = np.concatenate([RecordFile(path).read(REMOVING, VERIFIED) for path in files])
    ours = set(every[["worse", "better"]].tolist())
    found = {row for pair in ours for row in pair}
    assert len(theirs) > 100
    assert len(theirs - found) <= 0.01 * len(theirs)


@pytest.mark.parametrize("listing", ["corpus.json", "questions-corpus.json"])
def test_nothing_alike_is_on_both_sides(result: Result, listing: str) -> None:
    """Every validation row against every training row, as a whole and by question."""
    data = pq.read_table(result.folder / "data", columns=["id", "split"]).to_pylist()
    side = {row["id"]: row["split"] for row in data}
    compared = Compared(result, listing)
    kept = [i for i, row_id in enumerate(compared.ids) if row_id in side]
    assert len(kept) == len(side)
    sets = [reference.shingle_set(compared.texts[i]) for i in kept]
    across = [
        (compared.ids[kept[a]], compared.ids[kept[b]])
        for a, b in true_pairs(sets, 0.8)
        if side[compared.ids[kept[a]]] != side[compared.ids[kept[b]]]
    ]
    assert across == []
    assert Counter(side.values())["valid"] > 0.05 * len(side)
