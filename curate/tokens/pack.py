"""Packs builds into shards: tokenise, choose, pack, write, each step kept until the whole is there.

    builds -> tokenised documents (cache) -> chosen documents -> rows -> parts -> OUT

What is being written lies in `.NAME.work` beside OUT and gets OUT's name when it is complete, so
there is never half a folder of shards. Tokenised documents lie in `.tokens` beside OUT, by key.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from curate.engine.local import Engine, engine
from curate.engine.task import Task
from curate.errors import CurateError, RecipeError
from curate.fingerprint import file_sha256, fingerprint
from curate.lock import locked
from curate.progress import Progress, Silent
from curate.storage import read_json, write_json
from curate.tokens import packing
from curate.tokens.documents import INSTRUCTIONS, TEXT, Options, prompt_format
from curate.tokens.encode import PieceEncoder, required_controls
from curate.tokens.format.index import (
    FORMAT,
    INDEX,
    VERSION,
    Index,
    read_index,
)
from curate.tokens.format.writer import FACTS, PartTask, write_plan
from curate.tokens.inputs import Input, opened_all
from curate.tokens.mixture import Mixture
from curate.tokens.selection import (
    Documents,
    EntryPlan,
    Selection,
    documents,
    selection,
    split_documents,
)
from curate.tokens.tables import copied_manifests, counts, write_documents, write_dropped
from curate.tokens.tokenizer import Tokenizer, load_tokenizer

PART_TOKENS = 1 << 25
"""Room of a part, in tokens."""

CACHE = ".tokens"


@dataclass
class PackResult:
    """What a finished packing tells the user."""

    folder: Path
    index: Index
    seconds: float
    tokenised: int
    """Data files tokenised in this run; the others were found ready."""
    unknown: int
    """Tokens that stand for text the tokenizer cannot express."""

    def summary(self) -> dict[str, Any]:
        """The closing JSON object that others rely on."""
        counts = self.index.counts
        rows = sum(split.rows for split in self.index.splits.values())
        room = rows * self.index.seq_length
        return {
            "shards": str(self.folder),
            "rows": rows,
            "tokens_in": counts["tokens_in"],
            "tokens_packed": counts["tokens_packed"],
            "tokens_dropped": counts["tokens_dropped"],
            "fill": round(counts["tokens_packed"] / room, 6) if room else 1.0,
            "loss_tokens": sum(split.loss_tokens for split in self.index.splits.values()),
            "unknown_tokens": self.unknown,
            "seconds": round(self.seconds, 3),
        }


class Packing:
    """One packing of a mixture into a folder."""

    def __init__(
        self,
        mixture: Mixture,
        tokenizer: Path,
        out: Path,
        workers: int = 1,
        cache: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.mixture = mixture
        self.tokenizer_path = tokenizer
        # `.` and `..` have no name to write beside.
        self.out = out.resolve()
        self.workers = workers
        self.cache = cache or self.out.parent / CACHE
        self.work = self.out.parent / f".{self.out.name}.work"
        self.progress = progress or Silent()

    def run(self) -> PackResult:
        """The whole packing. Raises CurateError, saying what to do, when it cannot be finished."""
        began = time.monotonic()
        mixture = self.mixture
        tokenizer = load_tokenizer(self.tokenizer_path)
        inputs, kind = opened_all(mixture.builds)
        self._check(tokenizer, kind)
        options = Options(
            kind=kind,
            tokenizer=str(self.tokenizer_path),
            tokenizer_fingerprint=tokenizer.fingerprint,
            bos=mixture.bos,
            eos=mixture.eos,
            prompt=mixture.prompt,
            learnt=mixture.loss,
        )
        with locked(self.work):
            self.progress.stage("kernels (compiled in the first run)")
            runner = engine(self.workers)
            try:
                entries, tokenised, unknown = self._tokenised(runner, inputs, options)
                key = self._key(entries, inputs, kind, tokenizer)
                index = self._finished(key)
                if index is None:
                    index = self._write(runner, key, entries, inputs, kind, tokenizer)
            finally:
                runner.close()
            shutil.rmtree(self.work, ignore_errors=True)
        self.progress.close()
        return PackResult(self.out, index, time.monotonic() - began, tokenised, unknown)

    # Before work starts

    def _check(self, tokenizer: Tokenizer, kind: str) -> None:
        required_controls(tokenizer, kind, self.mixture)
        if kind == INSTRUCTIONS:
            prompt_format(tokenizer, self.mixture.prompt)
            PieceEncoder(tokenizer)
        if kind == INSTRUCTIONS and self.mixture.packing != "best-fit":
            raise RecipeError("instructions are never cut, so `packing: concatenate` is for text")
        if self.mixture.token_type == "uint16" and tokenizer.vocab_size > 1 << 16:
            raise RecipeError(
                f"a vocabulary of {tokenizer.vocab_size:,} does not fit 16 bits, which number "
                "65,536; give --token-type uint32 or leave it out"
            )
        foreign = self.out.exists() and not (self.out / INDEX).exists()
        if foreign and (not self.out.is_dir() or any(self.out.iterdir())):
            raise RecipeError(f"{self.out} exists and holds no packed shards; give another --out")

    def _token_type(self, tokenizer: Tokenizer) -> str:
        if self.mixture.token_type != "auto":
            return self.mixture.token_type
        return "uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32"

    # Tokenised documents

    def _tokenised(
        self, runner: Engine, inputs: list[Input], options: Options
    ) -> tuple[list[EntryPlan], int, int]:
        """Entries of every member in order; how many were made now; unknown tokens in all."""
        plans: list[EntryPlan] = []
        waiting: dict[str, int] = {}
        data_file = 0
        sizes = []
        for member, given in enumerate(inputs):
            for file in given.files:
                folder = self.cache / options.key(file)
                size = file.end - file.begin or Path(file.path).stat().st_size
                plans.append(EntryPlan(folder, member, data_file))
                sizes.append((file, folder, size))
                data_file += 1
        pending = {
            str(folder): (file, size)
            for file, folder, size in sizes
            if not (folder / "entry.json").exists()
        }
        self.progress.stage("tokenise", sum(size for _, size in pending.values()))
        for path, (file, size) in pending.items():
            label = f"{file.path} from byte {file.begin:,}" if file.begin else file.path
            waiting[label] = size
            runner.submit(
                Task(
                    "curate.tokens.documents:tokenise",
                    {"file": file, "options": options, "folder": path},
                    label,
                )
            )
        for report in runner.reports():
            self.progress.advance(waiting[report.task.label])
        folders = dict.fromkeys(plan.folder for plan in plans)
        unknown = sum(read_json(folder / "entry.json")["unknown"] for folder in folders)
        return plans, len(pending), unknown

    def _key(
        self, entries: list[EntryPlan], inputs: list[Input], kind: str, tokenizer: Tokenizer
    ) -> str:
        """Fingerprint of everything that decides the bytes of the shards."""
        options = self.mixture.model_dump(mode="json")
        for member in options["builds"]:
            del member["build"]
        return fingerprint(
            "pack",
            [VERSION, packing.VERSION, PART_TOKENS, pa.__version__],
            self.out.name,
            [[plan.folder.name, plan.member] for plan in entries],
            [[given.name, given.fingerprint] for given in inputs],
            [kind, options, self._token_type(tokenizer), tokenizer.fingerprint],
        )

    def _finished(self, key: str) -> Index | None:
        """The index of what an earlier run left in OUT, where it is whole and just this."""
        if not (self.out / INDEX).exists():
            return None
        try:
            index = read_index(self.out)
        except CurateError:
            return None
        whole = index.fingerprint == key and all(
            (self.out / name).is_file() and (self.out / name).stat().st_size == facts.bytes
            for name, facts in index.files.items()
        )
        return index if whole else None

    # Rows

    def _write(
        self,
        runner: Engine,
        key: str,
        entries: list[EntryPlan],
        inputs: list[Input],
        kind: str,
        tokenizer: Tokenizer,
    ) -> Index:
        mixture = self.mixture
        plan = self.work / f"plan-{key}"
        target = self.work / f"shards-{key}"
        for other in self.work.glob("*-*"):
            if other not in (plan, target):
                shutil.rmtree(other)
        self.progress.stage("choose documents")
        docs = documents(entries, mixture.builds)
        member_of = np.array([e.member for e in entries], np.int64)[docs.entry]
        chosen = selection(
            docs,
            member_of,
            mixture.builds,
            mixture.seq_length if kind == INSTRUCTIONS else None,
            mixture.validation,
            mixture.seed,
        )
        self._refuse_nothing(docs, chosen, member_of, inputs)
        kept = np.flatnonzero(chosen.packed())
        number = np.full(len(docs), 0, np.uint32)
        number[kept] = np.arange(len(kept), dtype=np.uint32)
        plan.mkdir(parents=True, exist_ok=True)
        write_json(plan / "entries.json", [str(e.folder.resolve()) for e in entries])
        np.save(plan / "entry.npy", docs.entry[kept])
        np.save(plan / "index.npy", docs.index[kept])
        splits = self._splits(runner, plan, target, docs, number, chosen, kind, tokenizer)
        self.progress.stage("documents")
        files = {name: facts for split in splits.values() for name, facts in split.pop("files")}
        write_documents(target, entries, docs, kept)
        write_dropped(target, entries, inputs, docs, chosen, mixture.seq_length)
        manifests = copied_manifests(target, inputs)
        for path in sorted(target.rglob("*")):
            name = str(path.relative_to(target))
            if path.is_file() and name not in files and path.name != INDEX:
                files[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        index = Index(
            **self._facts(key, kind, tokenizer),
            builds=tuple(
                {
                    "name": given.name,
                    "fingerprint": given.fingerprint,
                    "manifest": manifest,
                    "weight": member.weight,
                    "epochs": round(epochs, 6),
                    "sources": member.sources,
                }
                for given, manifest, member, epochs in zip(
                    inputs, manifests, mixture.builds, chosen.epochs, strict=True
                )
            ),
            source_names=tuple(docs.sources),
            data_files=tuple(
                (member, file.name) for member, given in enumerate(inputs) for file in given.files
            ),
            documents=len(kept),
            **counts(docs, chosen),
            splits=splits,
            files=dict(sorted(files.items())),
        )
        write_json(target / INDEX, index.model_dump(mode="json"))
        self._put_in_place(target)
        return index

    def _refuse_nothing(
        self,
        docs: Documents,
        chosen: Selection,
        member_of: NDArray[np.int64],
        inputs: list[Input],
    ) -> None:
        for number, (given, member) in enumerate(zip(inputs, self.mixture.builds, strict=True)):
            own = member_of == number
            if member.sources is not None:
                found = {docs.sources[code] for code in np.unique(docs.source[own]).tolist()}
                if missing := [name for name in member.sources if name not in found]:
                    raise RecipeError(f"{given.name} has no source {missing[0]!r}")
            if member.weight is not None and not docs.tokens[own & (docs.reason == 0)].any():
                raise CurateError(
                    f"{given.name} has nothing to pack, so the weights cannot be kept; "
                    "take it out of the mixture"
                )
        if not chosen.packed().any():
            lost = np.bincount(docs.reason, minlength=len(docs.reasons))
            reasons = ", ".join(
                f"{docs.reasons[r]} {lost[r]:,}" for r in np.argsort(-lost) if r and lost[r]
            )
            raise CurateError(
                f"none of {len(docs):,} documents can be packed ({reasons or 'there are none'}); "
                "nothing was written"
            )

    def _splits(
        self,
        runner: Engine,
        plan: Path,
        target: Path,
        docs: Documents,
        number: NDArray[np.uint32],
        chosen: Selection,
        kind: str,
        tokenizer: Tokenizer,
    ) -> dict[str, Any]:
        """Packs and writes every split; its facts for the index, with its files."""
        width = self.mixture.seq_length
        per_part = max(1, PART_TOKENS // width)
        tasks: list[tuple[str, PartTask]] = []
        result: dict[str, Any] = {}
        self.progress.stage("pack")
        for place, (split, members) in enumerate(split_documents(docs, chosen)):
            lengths = docs.tokens[members]
            packed = (
                packing.best_fit(lengths, width, self.mixture.seed)
                if self.mixture.packing == "best-fit"
                else packing.concatenated(lengths, width)
            )
            own = packing.Packed(
                packed.offsets, number[members[packed.document]], packed.start, packed.length
            )
            folder = plan / f"{place:04d}"
            write_plan(folder, own)
            result[split] = {"fill": round(packed.fill(width), 6), "rows": packed.rows}
            for begin in range(0, packed.rows, per_part):
                name = f"{split}/{begin // per_part:05d}"
                task = PartTask(
                    plan=str(folder),
                    begin=begin,
                    end=min(begin + per_part, packed.rows),
                    seq_length=width,
                    token_type=self._token_type(tokenizer),
                    pad_with=_pad_with(tokenizer),
                    has_mask=kind == INSTRUCTIONS,
                    folder=str(target / name),
                    name=name,
                )
                tasks.append((split, task))
        self.progress.stage("write", sum(t.end - t.begin for _, t in tasks), "rows")
        facts: dict[str, dict[str, Any]] = {}
        for _, task in tasks:
            record = Path(task.plan) / f"{task.begin}-{FACTS}"
            if record.exists() and Path(task.folder).exists():
                facts[task.name] = read_json(record)
                self.progress.advance(task.end - task.begin)
            else:
                runner.submit(
                    Task("curate.tokens.format.writer:write_part", {"task": task}, task.name)
                )
        for report in runner.reports():
            facts[report.task.label] = report.value
            self.progress.advance(report.value["rows"])
        for split, entry in result.items():
            parts = [(task, facts[task.name]) for name, task in tasks if name == split]
            entry |= {
                "rows_per_part": per_part,
                **{
                    key: sum(fact[key] for _, fact in parts)
                    for key in ("segments", "tokens", "loss_tokens")
                },
                "parts": tuple(
                    {"folder": t.name, "rows": f["rows"], "segments": f["segments"]}
                    for t, f in parts
                ),
                "files": [item for _, fact in parts for item in fact["files"].items()],
            }
        return result

    # Index

    def _facts(self, key: str, kind: str, tokenizer: Tokenizer) -> dict[str, Any]:
        mixture = self.mixture
        options: dict[str, Any] = {
            "packing": mixture.packing,
            "seed": mixture.seed,
            "validation": mixture.validation,
        }
        if kind == TEXT:
            options |= {"bos": mixture.bos, "eos": mixture.eos}
        else:
            options |= {"prompt": mixture.prompt, "loss": mixture.loss}
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.out.name,
            "fingerprint": key,
            "kind": kind,
            "seq_length": mixture.seq_length,
            "token_type": self._token_type(tokenizer),
            "pad_with": _pad_with(tokenizer),
            "has_mask": kind == INSTRUCTIONS,
            "options": options,
            "tokenizer": {
                "fingerprint": tokenizer.fingerprint,
                "vocab_size": tokenizer.vocab_size,
                "bos_id": tokenizer.bos_id,
                "eos_id": tokenizer.eos_id,
                "pad_id": tokenizer.pad_id,
            },
        }

    def _put_in_place(self, target: Path) -> None:
        """The finished folder gets OUT's name; what was there goes."""
        old = self.work / "old"
        if self.out.exists():
            self.out.replace(old)
        target.replace(self.out)
        shutil.rmtree(old, ignore_errors=True)


def _pad_with(tokenizer: Tokenizer) -> int:
    """Id that fills the room documents leave; never learnt, so any id of the vocabulary does."""
    for found in (tokenizer.pad_id, tokenizer.eos_id):
        if found is not None:
            return found
    return 0
